package ledger

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// die lets a job fail one attempt, and then for good.
func (b bundle) die(jobID string) {
	b.t.Helper()
	b.commit(b.claim(jobID), retry(syncjob.Transient))
	b.exec(`UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp() WHERE id = $1`, jobID)
	b.commit(b.claim(jobID), Outcome{Status: syncjob.Dead, Class: syncjob.Transient, Code: "500", Message: "it broke again"})
}

// deadJob is a manual run's dead job of a type, whose run has ended.
func (b bundle) deadJob(account Account, t syncjob.DataType) string {
	b.t.Helper()
	run := b.manual(account, t)
	job := b.jobOf(run.ID, t)
	b.die(job)
	b.fold(run.ID)
	return job
}

func (b bundle) openLetters() (ids []string) {
	b.t.Helper()
	letters, err := b.DeadLetters(b.ctx(), DeadFilter{})
	require.NoError(b.t, err)
	for _, d := range letters {
		ids = append(ids, d.JobID)
	}
	return ids
}

func named(ids ...string) DeadRequest {
	return DeadRequest{Filter: DeadFilter{JobIDs: ids, Limit: 100}, By: "anna"}
}

func everything() DeadRequest { return DeadRequest{Filter: DeadFilter{Limit: 100}, By: "anna"} }

func TestDeadLettersAreListedWithEveryAttempt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main, other := b.active("main"), b.active("other")
	first := b.deadJob(main, syncjob.Balances)
	second := b.deadJob(other, syncjob.Positions)
	require.Equal(t, []string{second, first}, b.openLetters())
	for _, f := range []DeadFilter{
		{SubjectID: main.ID},
		{DataType: syncjob.Balances},
		{JobIDs: []string{first}},
		{BeforeTime: b.letter(second).DiedAt, BeforeID: second},
	} {
		letters, err := b.DeadLetters(t.Context(), f)
		require.NoError(t, err)
		require.Len(t, letters, 1, "%+v", f)
		require.Equal(t, first, letters[0].JobID)
	}
	for _, f := range []DeadFilter{{Class: syncjob.Auth}, {Since: time.Now().Add(time.Hour)}} {
		n, err := b.DeadCount(t.Context(), f)
		require.NoError(t, err)
		require.Zero(t, n)
	}
	attempts, err := b.Attempts(t.Context(), first)
	require.NoError(t, err)
	require.Len(t, attempts, 2)
	require.Equal(t, "it broke", attempts[0].ErrorMessage)
	require.Equal(t, []any{2, "500", "it broke again"}, []any{attempts[1].Attempt, attempts[1].ErrorCode, attempts[1].ErrorMessage})
	_, err = b.DeadLetter(t.Context(), uuid.NewString())
	require.ErrorIs(t, err, ErrNotFound)
}

func (b bundle) letter(id string) DeadLetter {
	b.t.Helper()
	d, err := b.DeadLetter(b.ctx(), id)
	require.NoError(b.t, err)
	return d
}

func TestPayloadsAreThoseOfTheJobsOwnTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.deadJob(account, syncjob.Balances)
	for scope, at := range map[string]string{"unified": "started_at", "fund": "started_at - interval '1 s'", "spot": "finished_at + interval '1 h'"} {
		b.exec(`
INSERT INTO alphapulse.sync_scopes (account_id, data_type, scope, error_class, error_payload, error_at)
SELECT account_id, data_type, $2, 'decode', '{"a":1}', `+at+` FROM alphapulse.sync_jobs WHERE id = $1`, job, scope)
	}
	payloads, err := b.Payloads(t.Context(), job, 10)
	require.NoError(t, err)
	require.Len(t, payloads, 1)
	require.Equal(t, []string{"unified", `{"a":1}`}, []string{payloads[0].Scope, payloads[0].Payload})
}

// A requeued job is a new one, in a run of its own; the dead one stays as it is.
func TestRequeuedOnceUnlessItCameToNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	dead := b.deadJob(account, syncjob.Balances)
	older := b.deadJob(account, syncjob.Balances)
	before := b.row(dead)
	preview, runs, err := b.RequeueDead(t.Context(), DeadRequest{Filter: DeadFilter{Limit: 100}, DryRun: true})
	require.NoError(t, err)
	require.Len(t, preview, 2)
	require.Empty(t, runs)
	require.Len(t, b.openLetters(), 2, "a preview does nothing")

	decisions, runs, err := b.RequeueDead(t.Context(), everything())
	require.NoError(t, err)
	require.Len(t, runs, 1)
	require.Equal(t, syncjob.Replay, runs[0].Trigger)
	require.Equal(t, 1, runs[0].Total, "one reading does for both")
	require.Equal(t, []DeadAction{DeadRequeue, DeadJoin}, []DeadAction{decisions[0].Action, decisions[1].Action})
	require.Equal(t, older, decisions[0].Letter.JobID, "the latest first")
	fresh := decisions[0].Replacement
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE id = $1 AND replay_of = $2 AND lane = 'live'`, fresh, older))
	require.Equal(t, before, b.row(dead))
	require.Empty(t, b.openLetters())

	for _, step := range []struct {
		status syncjob.Status
		says   string
	}{{syncjob.Queued, "queued"}, {syncjob.Succeeded, "succeeded"}, {syncjob.Partial, "partial"}, {syncjob.Dead, "died too"}} {
		b.exec(`UPDATE alphapulse.sync_jobs SET status = $2, next_at = NULL,
		        finished_at = CASE WHEN $2 <> 'queued' THEN clock_timestamp() END WHERE id = $1`, fresh, string(step.status))
		decisions, runs, err = b.RequeueDead(t.Context(), named(dead))
		require.NoError(t, err)
		require.Empty(t, runs, step.status)
		require.Equal(t, DeadRefuse, decisions[0].Action)
		require.Contains(t, decisions[0].Reason, step.says)
	}
	b.exec(`UPDATE alphapulse.sync_jobs SET status = 'cancelled', finished_at = clock_timestamp() WHERE id = $1`, fresh)
	require.Len(t, b.openLetters(), 2, "it came to nothing")
	decisions, runs, err = b.RequeueDead(t.Context(), named(dead))
	require.NoError(t, err)
	require.Len(t, runs, 1)
	require.NotEqual(t, fresh, decisions[0].Replacement)
	require.Equal(t, []string{older}, b.openLetters())
}

func TestTwoRequeuesAtOnceMakeOneJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	dead := b.deadJob(account, syncjob.Balances)
	var both sync.WaitGroup
	for range 8 {
		both.Go(func() {
			_, _, err := b.RequeueDead(t.Context(), named(dead))
			require.NoError(t, err)
		})
	}
	both.Wait()
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE replay_of = $1`, dead))
}

// The table refuses what no lock has kept out.
func TestTheTableKeepsTwoFromDealingWithOneLetter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dead := b.deadJob(b.active("main"), syncjob.Balances)
	_, _, err := b.RequeueDead(t.Context(), named(dead))
	require.NoError(t, err)
	err = b.db.InTx(t.Context(), "without a lock", func(ctx context.Context, tx pgx.Tx) error {
		return resolve(ctx, tx, named(dead), []DeadDecision{{Letter: b.letter(dead), Action: DeadDiscard}}, Discarded)
	})
	require.ErrorIs(t, err, errResolvedMeanwhile)
}

func TestWindowParametersAndLaneAreRequeued(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	since := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	run, err := b.StartBackfill(t.Context(), BackfillRequest{
		AccountID: account.ID, Types: []syncjob.DataType{syncjob.Fills}, Since: since, Until: since.Add(14 * 24 * time.Hour),
	})
	require.NoError(t, err)
	jobs, err := b.Jobs(t.Context(), run.ID)
	require.NoError(t, err)
	for _, j := range jobs {
		b.die(j.ID)
	}
	b.exec(`UPDATE alphapulse.sync_jobs SET params = '{"what": [1, "two"]}' WHERE id = $1`, jobs[0].ID)
	b.fold(run.ID)
	decisions, runs, err := b.RequeueDead(t.Context(), everything())
	require.NoError(t, err)
	require.Len(t, runs, 1)
	require.Equal(t, 2, runs[0].Total, "windows are not one reading")
	for _, d := range decisions {
		require.Equal(t, 1, b.count(`
SELECT count(*) FROM alphapulse.sync_jobs n JOIN alphapulse.sync_jobs o ON o.id = n.replay_of
WHERE n.id = $1 AND o.id = $2 AND n."window" = o."window" AND n.params IS NOT DISTINCT FROM o.params AND n.lane = o.lane
  AND n.trigger = 'replay'`, d.Replacement, d.Letter.JobID))
	}
}

func TestWhatIsNotRequeuedSaysWhatDoesItInstead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account, paused := b.active("main"), b.active("paused")
	sleeping := b.deadJob(paused, syncjob.Balances)
	require.NoError(t, b.PauseAccount(t.Context(), paused.ID, "audit"))
	verify, err := b.StartVerify(t.Context(), VerifyRequest{AccountID: account.ID, Types: []syncjob.DataType{syncjob.Balances}})
	require.NoError(t, err)
	compared := b.jobOf(verify.ID, syncjob.Balances)
	b.die(compared)
	decisions, runs, err := b.RequeueDead(t.Context(), everything())
	require.NoError(t, err)
	require.Empty(t, runs)
	reasons := map[string]string{}
	for _, d := range decisions {
		require.Equal(t, DeadRefuse, d.Action)
		reasons[d.Letter.JobID] = d.Reason
	}
	require.Contains(t, reasons[sleeping], "paused")
	require.Contains(t, reasons[compared], "alphapulse verify")
}

func TestDiscardedLettersAreKeptApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	dead := b.deadJob(account, syncjob.Balances)
	req := named(dead)
	req.Note, req.DryRun = "known outage", true
	decisions, err := b.DiscardDead(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, DeadDiscard, decisions[0].Action)
	require.Len(t, b.openLetters(), 1)
	req.DryRun = false
	_, err = b.DiscardDead(t.Context(), req)
	require.NoError(t, err)
	require.Empty(t, b.openLetters())
	d := b.letter(dead)
	require.Equal(t, []string{"discarded", "anna", "known outage"}, []string{string(d.Resolution.What), d.Resolution.By, d.Resolution.Note})
	shown, err := b.DeadLetters(t.Context(), DeadFilter{Resolved: true})
	require.NoError(t, err)
	require.Len(t, shown, 1)
	decisions, err = b.DiscardDead(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, DeadRefuse, decisions[0].Action)
	_, runs, err := b.RequeueDead(t.Context(), everything())
	require.NoError(t, err)
	require.Empty(t, runs, "all is what nobody has dealt with")
	_, runs, err = b.RequeueDead(t.Context(), named(dead))
	require.NoError(t, err)
	require.Len(t, runs, 1, "a discard can be taken back by name")
}

func TestAnObituaryThatWasLostIsAnnouncedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dead := b.deadJob(b.active("main"), syncjob.Balances)
	require.NoError(t, b.JobsAnnounced(t.Context(), []string{dead}))
	obituaries, err := b.Obituaries(t.Context())
	require.NoError(t, err)
	require.Len(t, obituaries, 1)
	require.True(t, obituaries[dead].Announced)
	n, err := b.AnnounceAgain(t.Context(), []string{dead, uuid.NewString()})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	news, err := b.UnannouncedJobs(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, news, 1)
	require.Equal(t, dead, news[0].JobID)
}
