package ledger

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// hour is a filter of the last hour.
func hour(account Account) ReplayFilter {
	return ReplayFilter{Since: time.Now().Add(-time.Hour), AccountID: account.ID}
}

// bare is an account without any run.
func (b bundle) bare(name string) Account {
	b.t.Helper()
	account := b.active(name)
	b.exec(`DELETE FROM alphapulse.sync_runs`)
	return account
}

// plan starts a replay, and plans it from one page of a stream.
func (b bundle) plan(f ReplayFilter, rate float64, inStream ...string) Replay {
	b.t.Helper()
	r, err := b.StartReplay(b.ctx(), ReplayRequest{Filter: f, Rate: rate, By: "anna"})
	require.NoError(b.t, err)
	require.NoError(b.t, b.PlanFromStream(b.ctx(), r, StreamPage{JobIDs: inStream, Next: 9, End: true, Created: time.Now()}))
	for r = b.replay(r.ID); r.Status == ReplayPlanning; r = b.replay(r.ID) {
		require.Equal(b.t, PhaseTables, r.Phase)
		require.NoError(b.t, b.PlanFromTables(b.ctx(), r))
	}
	return r
}

func (b bundle) replay(id string) Replay {
	b.t.Helper()
	r, err := b.Replay(b.ctx(), id)
	require.NoError(b.t, err)
	return r
}

// make makes all new jobs of a replay, without its pauses.
func (b bundle) make(id string) (steps int) {
	b.t.Helper()
	for {
		b.exec(`UPDATE alphapulse.replays SET next_at = clock_timestamp() WHERE id = $1`, id)
		step, err := b.ReplayBatch(b.ctx(), id)
		require.NoError(b.t, err)
		if step.Made == 0 && b.count(`SELECT count(*) FROM alphapulse.replay_jobs WHERE replay_id = $1 AND state = 'planned'`, id) == 0 {
			return steps
		}
		steps++
	}
}

// ended makes a run of past jobs that have all ended well: of fills, one window
// each minute back from now.
func (b bundle) ended(account Account, t syncjob.DataType, lane syncjob.Lane, n int, window string) {
	b.t.Helper()
	b.exec(`
WITH run AS (
    INSERT INTO alphapulse.sync_runs (account_id, requested_types, trigger, status, jobs_total, started_at, finished_at)
    VALUES ($1, ARRAY[$2], 'schedule', 'succeeded', $4, clock_timestamp(), clock_timestamp()) RETURNING id)
INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, "window", status, max_attempts,
                                  publishes, published_at, queued_at, started_at, finished_at, as_of, next_at)
SELECT run.id, $1, $2, $3, 'schedule', 'bybit-testnet-' || $2 || '-' || $3, `+window+`, 'succeeded', 3, 1, now() - i * interval '1 s',
       now() - i * interval '1 s', now() - i * interval '1 s', now() - i * interval '1 s', now() - i * interval '1 s', NULL
FROM run, generate_series(1, $4::integer) i`, account.ID, string(t), string(lane), n)
}

const minuteEach = `tstzrange(now() - i * interval '1 min', now() - (i - 1) * interval '1 min')`

// oncePerJob is the proof: no job has two rows, two new jobs, or a new job that is
// another's.
const oncePerJob = `
SELECT count(*) FROM (
    SELECT n.replay_of FROM alphapulse.replay_runs p JOIN alphapulse.sync_jobs n ON n.run_id = p.run_id
    WHERE p.replay_id = $1 AND n.replay_of IS NOT NULL GROUP BY n.replay_of HAVING count(*) > 1) twice`

func TestWindowsAreReplayedOnceEachInOneRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.bare("main")
	b.ended(account, syncjob.Fills, syncjob.Backfill, 120, minuteEach)
	r := b.plan(hour(account), 50)
	require.Equal(t, ReplayRunning, r.Status)
	require.EqualValues(t, 120, r.FromTables)
	require.Equal(t, 3, b.make(r.ID), "50 at a time")
	require.Zero(t, b.count(oncePerJob, r.ID))
	r = b.replay(r.ID)
	require.EqualValues(t, 120, r.Replayed)
	require.Equal(t, 120, b.count(`
SELECT count(*) FROM alphapulse.replay_jobs p JOIN alphapulse.sync_jobs o ON o.id = p.job_id JOIN alphapulse.sync_jobs n ON n.id = p.new_job_id
JOIN alphapulse.replay_runs x ON x.replay_id = p.replay_id AND x.run_id = n.run_id
WHERE p.replay_id = $1 AND p.state = 'replayed' AND n.replay_of = o.id AND n."window" = o."window" AND n.lane = 'backfill'
  AND n.trigger = 'replay'`, r.ID))
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.replay_runs WHERE replay_id = $1`, r.ID))
	require.Equal(t, 4, b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE trigger = 'replay' AND next_at < 'infinity'`),
		"the others wait for room")
}

// A run to which jobs are still added is not over when those in it are.
func TestAReplaysRunGrowsUntilItsLastJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.bare("main")
	b.ended(account, syncjob.Fills, syncjob.Backfill, 3, minuteEach)
	r := b.plan(hour(account), 1)
	step := func() ReplayStep {
		b.exec(`UPDATE alphapulse.replays SET next_at = clock_timestamp()`)
		s, err := b.ReplayBatch(t.Context(), r.ID)
		require.NoError(t, err)
		return s
	}
	end := func() {
		b.exec(`UPDATE alphapulse.sync_jobs SET status = 'succeeded', next_at = NULL, finished_at = clock_timestamp()
		        WHERE trigger = 'replay' AND finished_at IS NULL`)
	}
	for range 3 {
		require.Equal(t, 1, step().Made)
		end()
		run := b.openRuns(account.ID)
		require.Len(t, run, 1)
		if b.count(`SELECT count(*) FROM alphapulse.replay_jobs WHERE state = 'planned'`) == 0 {
			break
		}
		unfolded, err := b.Unfolded(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Empty(t, unfolded)
		require.Equal(t, syncjob.RunRunning, b.fold(run[0]).Status)
	}
	require.Equal(t, ReplayRunning, step().Status)
	unfolded, err := b.Unfolded(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, unfolded, 1)
	require.Equal(t, 3, b.fold(unfolded[0]).Succeeded)
	require.Equal(t, ReplayFinished, step().Status)
	require.NotNil(t, b.replay(r.ID).FinishedAt)
}

func TestSnapshotsCollapseToOneEach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.bare("main")
	b.ended(account, syncjob.Balances, syncjob.Live, 30, `NULL::tstzrange`)
	b.ended(account, syncjob.Positions, syncjob.Live, 20, `NULL::tstzrange`)
	r := b.plan(hour(account), 10)
	b.make(r.ID)
	r = b.replay(r.ID)
	require.EqualValues(t, 2, r.Replayed)
	require.EqualValues(t, 48, r.Skipped)
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE trigger = 'replay' AND data_type = 'balances'`))
	require.Zero(t, b.count(`
SELECT count(*) FROM alphapulse.replay_jobs p JOIN alphapulse.sync_jobs n ON n.id = p.new_job_id
WHERE p.state = 'skipped' AND (n.data_type <> p.data_type OR n.subject_id <> p.subject_id)`))
}

// A live job of a history had no window: it went on from where the success before
// it had come to.
func TestALiveHistoryIsReplayedFromWhereItWentOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	read := func(before, to string) {
		b.exec(`
WITH run AS (
    INSERT INTO alphapulse.sync_runs (account_id, requested_types, trigger, status, jobs_total, created_at, started_at, finished_at)
    VALUES ($1, '{orders}', 'schedule', 'succeeded', 1, now() - $2::interval, now(), now()) RETURNING id)
INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, status, max_attempts, queued_at, started_at,
                                  finished_at, as_of)
SELECT id, $1, 'orders', 'live', 'schedule', 'c', 'succeeded', 3, now() - $2::interval, now(), now(), $3::timestamptz FROM run`,
			account.ID, before, to)
	}
	b.exec(`DELETE FROM alphapulse.sync_runs`)
	read("30 min", "2026-03-01 10:00:00Z")
	read("20 min", "2026-03-01 10:05:00Z")
	r := b.plan(hour(account), 10)
	b.make(r.ID)
	require.Equal(t, 1, b.count(`
SELECT count(*) FROM alphapulse.sync_jobs WHERE trigger = 'replay' AND replay_of IS NOT NULL AND lane = 'backfill'
AND "window" = '[2026-03-01 09:50:00Z,2026-03-01 10:05:00Z)'`), "ten minutes are what the exchange may be late by")
	require.Equal(t, 1, b.count(`
SELECT count(*) FROM alphapulse.sync_jobs WHERE trigger = 'replay' AND replay_of IS NOT NULL AND lane = 'backfill'
AND "window" = '[2026-02-22 09:50:00Z,2026-03-01 10:00:00Z)'`), "the first one reads a week")
	require.Equal(t, 1, b.count(`
SELECT count(*) FROM alphapulse.sync_jobs WHERE trigger = 'replay' AND replay_of IS NULL AND lane = 'live' AND "window" IS NULL`),
		"and what is open is read once")
}

func TestWhatTheStreamHasAndWhatTheTablesAddIsCountedApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account, other := b.active("main"), b.active("other")
	b.exec(`DELETE FROM alphapulse.sync_runs`)
	b.ended(account, syncjob.Fills, syncjob.Backfill, 5, minuteEach)
	b.ended(account, syncjob.Ledger, syncjob.Backfill, 2, minuteEach)
	b.ended(other, syncjob.Fills, syncjob.Backfill, 3, minuteEach)
	open := b.jobOf(b.manual(account, syncjob.Fills).ID, syncjob.Fills)
	streamed := b.texts(`
SELECT id::text FROM alphapulse.sync_jobs WHERE data_type = 'fills' AND account_id = $1 AND status = 'succeeded' ORDER BY queued_at LIMIT 3`,
		account.ID)
	foreign := b.texts(`SELECT id::text FROM alphapulse.sync_jobs WHERE account_id = $1`, other.ID)
	page := append([]string{uuid.NewString(), open, streamed[0]}, append(streamed, foreign...)...)
	f := hour(account)
	f.Types = []syncjob.DataType{syncjob.Fills}

	preview, groups, err := b.PreviewReplay(t.Context(), ReplayRequest{Filter: f, By: "anna"},
		[]StreamPage{{JobIDs: page, Next: 9, End: true, Created: time.Now()}})
	require.NoError(t, err)
	require.Empty(t, preview.ID)
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.replays`), "it is taken back")
	require.Equal(t, []int64{4, 2, 1, 1}, []int64{preview.FromStream, preview.FromTables, preview.Unknown, preview.Refused})
	require.Len(t, groups, 2)
	require.Equal(t, "sync.job.backfill.bybit.testnet.fills."+account.ID, groups[0].Subject)
	require.Equal(t, []int64{3, 2, 5, 0}, []int64{groups[0].FromStream, groups[0].FromTables, groups[0].Replayed, groups[0].Skipped})
	require.Equal(t, []string{"it is still open"}, groups[1].RefusedWhys)

	r := b.plan(f, 100, page...)
	require.Equal(t, []int64{4, 2, 1, 1}, []int64{r.FromStream, r.FromTables, r.Unknown, r.Refused})
	b.make(r.ID)
	require.EqualValues(t, 5, b.replay(r.ID).Replayed)
	again := b.plan(f, 100)
	require.EqualValues(t, 6, again.Found(), "what a replay made is not replayed: what it repeats is")
	f = ReplayFilter{RunID: b.texts(`SELECT run_id::text FROM alphapulse.replay_runs WHERE replay_id = $1`, r.ID)[0]}
	b.exec(`UPDATE alphapulse.sync_jobs SET status = 'failed', next_at = NULL, finished_at = clock_timestamp() WHERE run_id = $1`, f.RunID)
	require.EqualValues(t, 5, b.plan(f, 100).Found(), "unless its run is named")
	f.Status = ReplayOnlyDead
	require.Zero(t, b.plan(f, 100).Found())
}

func (b bundle) texts(sql string, args ...any) (list []string) {
	b.t.Helper()
	rows, err := b.db.Query(b.ctx(), sql, args...)
	require.NoError(b.t, err)
	for rows.Next() {
		var s string
		require.NoError(b.t, rows.Scan(&s))
		list = append(list, s)
	}
	require.NoError(b.t, rows.Err())
	return list
}

// Several schedulers drive one replay, and some die in the middle of a batch.
func TestManyDriversReplayEachJobOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.active("first"), b.active("second")
	b.exec(`DELETE FROM alphapulse.sync_runs`)
	b.ended(first, syncjob.Fills, syncjob.Backfill, 150, minuteEach)
	b.ended(second, syncjob.Ledger, syncjob.Backfill, 150, minuteEach)
	r := b.plan(ReplayFilter{Since: time.Now().Add(-time.Hour)}, 20)
	require.EqualValues(t, 300, r.Found())
	var drivers sync.WaitGroup
	for n := range 4 {
		drivers.Go(func() {
			for try := 0; ; try++ {
				ctx, cancel := context.WithCancel(t.Context())
				if try%5 == n {
					time.AfterFunc(2*time.Millisecond, cancel)
				}
				b.exec(`UPDATE alphapulse.replays SET next_at = clock_timestamp()
				        WHERE id = (SELECT id FROM alphapulse.replays FOR NO KEY UPDATE SKIP LOCKED)`)
				_, err := b.ReplayBatch(ctx, r.ID)
				if ctx.Err() == nil {
					require.NoError(t, err)
				}
				cancel()
				if b.count(`SELECT count(*) FROM alphapulse.replay_jobs WHERE state = 'planned'`) == 0 {
					return
				}
			}
		})
	}
	drivers.Wait()
	require.Zero(t, b.count(oncePerJob, r.ID))
	require.Equal(t, 300, b.count(`SELECT count(DISTINCT replay_of) FROM alphapulse.sync_jobs WHERE trigger = 'replay'`))
	require.Equal(t, 300, b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE trigger = 'replay'`))
	require.EqualValues(t, 300, b.replay(r.ID).Replayed)
	require.Equal(t, 2, b.count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger = 'replay'`))
}

func TestCancellingAReplayEndsWhatItMade(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.bare("main")
	b.ended(account, syncjob.Fills, syncjob.Backfill, 9, minuteEach)
	r := b.plan(hour(account), 3)
	_, err := b.ReplayBatch(t.Context(), r.ID)
	require.NoError(t, err)
	require.NoError(t, b.CancelReplay(t.Context(), r.ID))
	require.Equal(t, ReplayCancelled, b.replay(r.ID).Status)
	require.Empty(t, b.openRuns(account.ID))
	require.Equal(t, 3, b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE trigger = 'replay' AND status = 'cancelled'`))
	step, err := b.ReplayBatch(t.Context(), r.ID)
	require.NoError(t, err)
	require.Equal(t, ReplayStep{}, step)
	require.NoError(t, b.CancelReplay(t.Context(), r.ID))
	require.ErrorIs(t, b.CancelReplay(t.Context(), "x"), ErrNotFound)
}

func TestAPausedAccountsJobsAreRefusedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main, paused := b.active("main"), b.active("paused")
	b.exec(`DELETE FROM alphapulse.sync_runs`)
	b.ended(main, syncjob.Fills, syncjob.Backfill, 2, minuteEach)
	b.ended(paused, syncjob.Fills, syncjob.Backfill, 2, minuteEach)
	require.NoError(t, b.PauseAccount(t.Context(), paused.ID, "audit"))
	r := b.plan(ReplayFilter{Since: time.Now().Add(-time.Hour)}, 10)
	b.make(r.ID)
	r = b.replay(r.ID)
	require.Equal(t, []int64{2, 2}, []int64{r.Replayed, r.Refused})
	groups, err := b.ReplayGroups(t.Context(), r.ID)
	require.NoError(t, err)
	require.Contains(t, groups[1].RefusedWhys[0], "paused")
}

// Two schedulers that read the same page add it once; a stream that was replaced
// is read from its beginning.
func TestPlanningGoesOnFromWhereItWas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.bare("main")
	b.ended(account, syncjob.Fills, syncjob.Backfill, 4, minuteEach)
	ids := b.texts(`SELECT id::text FROM alphapulse.sync_jobs`)
	r, err := b.StartReplay(t.Context(), ReplayRequest{Filter: hour(account), By: "anna"})
	require.NoError(t, err)
	made := time.Now().UTC().Truncate(time.Microsecond)
	page := StreamPage{JobIDs: ids[:2], Next: 3, Created: made}
	require.NoError(t, b.PlanFromStream(t.Context(), r, page))
	require.NoError(t, b.PlanFromStream(t.Context(), r, page), "another scheduler, too late")
	r = b.replay(r.ID)
	require.EqualValues(t, 2, r.FromStream)
	require.EqualValues(t, 3, r.NextSeq)
	require.NoError(t, b.PlanFromStream(t.Context(), r, StreamPage{JobIDs: ids[2:], Next: 5, End: true, Created: made.Add(time.Second)}))
	r = b.replay(r.ID)
	require.EqualValues(t, 0, r.NextSeq)
	require.EqualValues(t, 2, r.FromStream)
	require.Equal(t, PhaseStream, r.Phase)
	next, _, err := b.NextReplay(t.Context(), time.Minute)
	require.NoError(t, err)
	require.Equal(t, r.ID, next.ID)
	b.exec(`UPDATE alphapulse.replays SET next_at = clock_timestamp() + interval '20 s'`)
	next, wait, err := b.NextReplay(t.Context(), time.Minute)
	require.NoError(t, err)
	require.Nil(t, next)
	require.InDelta(t, 20, wait.Seconds(), 2)
}

func TestReplayingADeadJobDealsWithItsLetter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	dead := b.deadJob(account, syncjob.Balances)
	f := hour(account)
	f.Status = ReplayOnlyDead
	r := b.plan(f, 10, dead)
	require.EqualValues(t, 1, r.Found())
	b.make(r.ID)
	require.Empty(t, b.openLetters())
	require.Equal(t, "replay "+r.ID, b.letter(dead).Resolution.Note)
}

func TestAReplayNeedsABeginning(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.StartReplay(t.Context(), ReplayRequest{})
	require.ErrorContains(t, err, "a time to begin at")
	_, err = b.StartReplay(t.Context(), ReplayRequest{Filter: ReplayFilter{FromSeq: 1}, Rate: -1})
	require.ErrorContains(t, err, "jobs a second")
	_, err = b.StartReplay(t.Context(), ReplayRequest{Filter: ReplayFilter{RunID: uuid.NewString()}})
	require.ErrorIs(t, err, ErrNotFound)
}

func TestOldReplaysArePruned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	r := b.plan(ReplayFilter{Since: time.Now().Add(-time.Hour), AccountID: account.ID, Types: []syncjob.DataType{syncjob.ClosedPnL}}, 10)
	b.make(r.ID)
	n, err := b.PruneReplays(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, n)
	b.exec(`UPDATE alphapulse.replays SET finished_at = now() - interval '31 days'`)
	n, err = b.PruneReplays(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}
