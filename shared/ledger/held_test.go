package ledger

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// inHandOf counts the jobs of an account and type that are out in lane backfill.
func (b bundle) inHandOf(account Account, t syncjob.DataType) int {
	b.t.Helper()
	return b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE subject_id = $1 AND data_type = $2 AND `+inHand,
		account.ID, string(t))
}

// jobsOf lists the jobs of a run by their windows.
func (b bundle) jobsOf(runID string) []Job {
	b.t.Helper()
	jobs, err := b.Jobs(b.ctx(), runID)
	require.NoError(b.t, err)
	return jobs
}

func TestFourWindowsOfAnAccountAndTypeAreOutAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	big, small := b.active("big"), b.active("small")
	run := b.backfill(big, 0, 70, syncjob.Fills, syncjob.Ledger)
	require.Equal(t, 20, run.Total)
	other := b.backfill(small, 0, 7, syncjob.Fills)
	due := b.publish()
	require.Len(t, due, 4+4+1, "a year of one account does not stand before another's week")
	require.Contains(t, due, b.jobOf(other.ID, syncjob.Fills))
	for _, job := range b.jobsOf(run.ID)[:4] {
		require.Contains(t, due, job.ID, "the oldest windows first")
	}
	require.Empty(t, b.publish())
	require.Equal(t, syncjob.RunRunning, b.fold(run.ID).Status, "held back is open")
	held := b.jobsOf(run.ID)[4]
	require.Nil(t, held.NextAt)
	require.Equal(t, syncjob.Queued, held.Status)
	require.Equal(t, NotDue, b.refused(held.ID).Answer)
}

// Whatever ends a job in lane backfill lets one go that was held back, in the
// same transaction: none is forgotten if the process dies, and none too many.
func TestWhateverEndsAWindowLetsTheNextOneGo(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b bundle, job *Claimed){
		"success": func(b bundle, job *Claimed) { b.commit(job, succeeded()) },
		"failure": func(b bundle, job *Claimed) { b.commit(job, failed(syncjob.Decode)) },
		"lost for the last time": func(b bundle, job *Claimed) {
			b.exec(`UPDATE alphapulse.sync_jobs SET attempt = max_attempts WHERE id = $1`, job.JobID)
			b.expireLease(job.JobID)
			_, err := b.TakeBackLost(b.ctx(), 10)
			require.NoError(b.t, err)
		},
		"exhausted": func(b bundle, job *Claimed) {
			b.exec(`UPDATE alphapulse.sync_jobs SET attempt = max_attempts, status = 'queued' WHERE id = $1`, job.JobID)
			require.Equal(b.t, ExhaustedAnswer, b.refused(job.JobID).Answer)
		},
		"refused key": func(b bundle, job *Claimed) {
			b.exec(`UPDATE alphapulse.accounts SET status = 'needs_attention'`)
			b.exec(`UPDATE alphapulse.sync_jobs SET status = 'queued' WHERE id = $1`, job.JobID)
			require.Equal(b.t, Inactive, b.refused(job.JobID).Answer)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			account := b.active("main")
			run := b.backfill(account, 0, 42, syncjob.Fills)
			job := b.claim(b.jobOf(run.ID, syncjob.Fills))
			require.Empty(t, b.publish())
			end(b, job)
			next := b.publish()
			require.Len(t, next, 1, "one for one")
			require.Contains(t, next, b.jobsOf(run.ID)[4].ID, "the oldest")
			require.Equal(t, 4, b.inHandOf(account, syncjob.Fills))
		})
	}
}

func TestAWindowThatIsTriedAgainKeepsItsPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.claim(b.jobOf(b.backfill(account, 0, 42, syncjob.Fills).ID, syncjob.Fills))
	b.commit(job, retry(syncjob.Transient))
	require.Equal(t, []string{job.JobID}, keys(b.publish()), "the job itself")
	job, refusal, err := b.Claim(t.Context(), b.request(job.JobID))
	require.NoError(t, err)
	require.NotNil(t, job, refusal)
	released, err := b.Release(t.Context(), Holding{JobID: job.JobID, Claim: job.Claim})
	require.NoError(t, err)
	require.True(t, released)
	require.Empty(t, b.publish())
}

func TestARunThatEndsMakesRoomForTheOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-03-02Z)}")
	backfill := b.backfill(account, -42, 0, syncjob.Fills)
	verify, err := b.StartVerify(t.Context(), VerifyRequest{AccountID: account.ID, Types: []syncjob.DataType{syncjob.Fills}})
	require.NoError(t, err)
	require.Len(t, b.publish(), 4, "the verification waits")
	job := b.claim(b.jobOf(backfill.ID, syncjob.Fills))
	b.commit(job, succeeded())
	require.Equal(t, []string{b.jobsOf(backfill.ID)[4].ID}, keys(b.publish()), "backfill before verification")
	require.NoError(t, b.EndRun(t.Context(), backfill.ID, syncjob.CancelUser))
	due := b.publish()
	require.Len(t, due, 4)
	windows := b.jobsOf(verify.ID)
	for _, newest := range windows[len(windows)-4:] {
		require.Contains(t, due, newest.ID, "the newest window first")
	}
}

// A run that is made while the last open job of its type ends sees no room, and
// that job's end sees nobody to let go. The sweep is the net.
func TestAMissedWakeUpIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.backfill(account, 0, 84, syncjob.Fills)
	b.publish()
	b.exec(`UPDATE alphapulse.sync_jobs SET status = 'succeeded', finished_at = clock_timestamp(), next_at = NULL
WHERE run_id = $1 AND coalesce(next_at, '-infinity') < 'infinity'`, run.ID) // as if nobody had let the others go
	b.backfill(b.active("other"), 0, 42, syncjob.Ledger)
	b.publish()
	require.NoError(t, b.db.InTx(t.Context(), "hold", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM alphapulse.accounts WHERE id = $1 FOR NO KEY UPDATE`, account.ID)
		require.NoError(t, err)
		n, err := b.LetGoHeld(t.Context(), 10)
		require.NoError(t, err)
		require.Zero(t, n, "somebody has the account in hand")
		return nil
	}))
	released := concurrently(t, 4, func(int) (int, error) { return b.LetGoHeld(t.Context(), 10) })
	total := 0
	for _, n := range released {
		total += n
	}
	require.Equal(t, 4, total, "as many as there is room for, whoever looks")
	require.Len(t, b.publish(), 4)
	n, err := b.LetGoHeld(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, n, "no account has room")
}

// Windows end, runs begin and end, and the sweep looks, all at once: there are
// never more out than there may be, and every window is read.
func TestWindowsEndingAtOnceLetNoneTooManyGo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.backfill(account, 0, 140, syncjob.Fills)
	concurrently(t, 6, func(i int) (struct{}, error) {
		more := i == 0 // one of them starts the second backfill, however soon the first is over
		for round := 0; ; round++ {
			if _, err := b.LetGoHeld(t.Context(), 10); err != nil {
				return struct{}{}, err
			}
			due, err := b.TakeDue(t.Context(), 1)
			if err != nil {
				return struct{}{}, err
			}
			n := b.inHandOf(account, syncjob.Fills)
			over := n == 0 && len(due) == 0
			if n > 4 || (over && !more) {
				require.Zero(t, n, "more than four windows are out")
				return struct{}{}, nil
			}
			for _, p := range due {
				job, _, err := b.Claim(t.Context(), b.request(p.JobID))
				if err != nil {
					return struct{}{}, err
				}
				b.commit(job, succeeded())
			}
			if more && (over || round >= 3) {
				more = false
				_, err := b.StartBackfill(t.Context(), BackfillRequest{
					AccountID: account.ID, Types: []syncjob.DataType{syncjob.Fills}, Since: day(140), Until: day(210),
				})
				if err != nil {
					return struct{}{}, err
				}
			}
		}
	})
	require.Zero(t, b.db.Stats().Retried, "transactions that lost against another one")
	require.Zero(t, b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE data_type = 'fills' AND status <> 'succeeded'`))
	require.GreaterOrEqual(t, b.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE data_type = 'fills'`), 30)
}

func keys[V any](m map[string]V) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}

func TestPausingAnAccountEndsItsHeldWindows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	run := b.backfill(account, 0, 70, syncjob.Fills)
	b.publish()
	require.NoError(t, b.PauseAccount(t.Context(), account.ID, "on leave"))
	ended, err := b.Run(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, syncjob.RunCancelled, ended.Status)
	require.Equal(t, 10, ended.Cancelled)
	require.Empty(t, b.publish())
	n, err := b.LetGoHeld(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Less(t, time.Since(*ended.FinishedAt), time.Minute)
}
