package ledger

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// bundle is a ledger on a database of its own, and the steps that tests share.
type bundle struct {
	*Ledger
	t    *testing.T
	test *pgtest.DB
}

func setup(t *testing.T) bundle {
	t.Helper()
	test := pgtest.New(t)
	db := test.Open(t, func(c *postgres.Config) { c.MaxConns, c.AcquireTimeout = 12, time.Minute })
	return bundle{Ledger: New(db, Settings{}), t: t, test: test}
}

func (b bundle) ctx() context.Context { return b.t.Context() }

func testMarket() Market {
	return Market{Exchange: "bybit", Environment: "testnet", BaseURL: "http://127.0.0.1:1"}
}

func seal(_ string, version int) ([]byte, error) { return []byte{byte(version)}, nil }

func facts() *KeyFacts {
	return &KeyFacts{UID: "42", Mode: "unified", Permissions: map[string][]string{"Wallet": {"read"}}}
}

// pending adds an account whose probe is open.
func (b bundle) pending(name string) (Account, Run) {
	b.t.Helper()
	account, run, err := b.AddAccount(b.ctx(), NewAccount{Name: name, Market: testMarket(), Seal: seal})
	require.NoError(b.t, err)
	return account, run
}

// active adds an account whose probe has passed, and leaves no run open.
func (b bundle) active(name string) Account {
	b.t.Helper()
	account, run := b.pending(name)
	b.pass(run)
	for _, open := range b.openRuns(account.ID) {
		require.NoError(b.t, b.EndRun(b.ctx(), open, syncjob.CancelUser))
	}
	account, err := b.Account(b.ctx(), account.ID)
	require.NoError(b.t, err)
	require.Equal(b.t, AccountActive, account.Status)
	return account
}

// pass publishes, claims and passes the probe of a run, and folds it.
func (b bundle) pass(run Run) {
	b.t.Helper()
	job := b.claim(b.jobOf(run.ID, syncjob.Probe))
	settled, err := b.CommitProbe(b.ctx(), job, succeeded(), facts())
	require.NoError(b.t, err)
	require.True(b.t, settled.Applied)
	b.fold(run.ID)
}

func (b bundle) openRuns(subject string) []string {
	b.t.Helper()
	rows, err := b.db.Query(b.ctx(),
		`SELECT id FROM alphapulse.sync_runs WHERE subject_id = $1 AND status = 'running' ORDER BY created_at`, subject)
	require.NoError(b.t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b.t, err)
	return ids
}

func (b bundle) manual(account Account, types ...syncjob.DataType) Run {
	b.t.Helper()
	run, _, err := b.StartManual(b.ctx(), account.ID, types)
	require.NoError(b.t, err)
	return run
}

func (b bundle) jobOf(runID string, t syncjob.DataType) string {
	b.t.Helper()
	jobs, err := b.Jobs(b.ctx(), runID)
	require.NoError(b.t, err)
	for _, j := range jobs {
		if j.DataType == t {
			return j.ID
		}
	}
	require.Failf(b.t, "no such job", "%s of run %s", t, runID)
	return ""
}

func (b bundle) publish() map[string]Publication {
	b.t.Helper()
	due, err := b.TakeDue(b.ctx(), 10_000)
	require.NoError(b.t, err)
	taken := map[string]Publication{}
	for _, p := range due {
		taken[p.JobID] = p
	}
	return taken
}

func (b bundle) request(jobID string) ClaimRequest {
	return ClaimRequest{JobID: jobID, Claim: uuid.NewString(), Owner: "test", Publishes: b.row(jobID).Publishes}
}

// claim publishes what is due and claims one job.
func (b bundle) claim(jobID string) *Claimed {
	b.t.Helper()
	b.publish()
	job, refusal, err := b.Claim(b.ctx(), b.request(jobID))
	require.NoError(b.t, err)
	require.NotNil(b.t, job, "refused: %+v", refusal)
	return job
}

// refused publishes what is due and claims one job, which must not succeed.
func (b bundle) refused(jobID string) Refusal {
	b.t.Helper()
	b.publish()
	job, refusal, err := b.Claim(b.ctx(), b.request(jobID))
	require.NoError(b.t, err)
	require.Nil(b.t, job)
	return refusal
}

func (b bundle) commit(job *Claimed, out Outcome) Settled {
	b.t.Helper()
	settled, err := b.Commit(b.ctx(), job, out, nil)
	require.NoError(b.t, err)
	return settled
}

func (b bundle) fold(runID string) Run {
	b.t.Helper()
	_, err := b.Fold(b.ctx(), runID)
	require.NoError(b.t, err)
	run, err := b.Run(b.ctx(), runID)
	require.NoError(b.t, err)
	return run
}

func (b bundle) exec(sql string, args ...any) {
	b.t.Helper()
	_, err := b.db.Exec(b.ctx(), sql, args...)
	require.NoError(b.t, err)
}

// expireLease ends a lease without waiting for it.
func (b bundle) expireLease(jobID string) {
	b.t.Helper()
	b.exec(`UPDATE alphapulse.sync_jobs SET lease_until = clock_timestamp() - interval '1 second' WHERE id = $1`, jobID)
}

// row is a job as the table has it.
type row struct {
	Status       syncjob.Status
	WaitReason   string
	CancelReason string
	Publishes    int
	StreamSeq    *int64
	Attempt      int
	Releases     int
	Claim        string
	LeaseUntil   *time.Time
	TimeoutAt    *time.Time
	NextAt       *time.Time
	ErrorClass   string
	ErrorMessage string
	RowsChanged  int64
	AsOf         *time.Time
	QueuedAt     time.Time
	FinishedAt   *time.Time
}

func (b bundle) row(jobID string) row {
	b.t.Helper()
	rows, err := b.db.Query(b.ctx(), `
SELECT status, coalesce(wait_reason, ''), coalesce(cancel_reason, ''), publishes, stream_seq, attempt, releases,
       coalesce(claim::text, ''), lease_until, timeout_at,
       CASE WHEN next_at = 'infinity' THEN timestamptz '9999-01-01' ELSE next_at END,
       coalesce(error_class, ''), coalesce(error_message, ''), rows_changed, as_of, queued_at, finished_at
FROM alphapulse.sync_jobs WHERE id = $1`, jobID)
	require.NoError(b.t, err)
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[row])
	require.NoError(b.t, err)
	return r
}

func (b bundle) count(sql string, args ...any) int {
	b.t.Helper()
	var n int
	require.NoError(b.t, b.db.QueryRow(b.ctx(), sql, args...).Scan(&n))
	return n
}

func succeeded() Outcome { return Outcome{Status: syncjob.Succeeded, AsOf: time.Now(), Requests: 1} }

func failed(class syncjob.Class) Outcome {
	return Outcome{Status: syncjob.Failed, Class: class, Message: "it broke", Requests: 1}
}

func retry(class syncjob.Class) Outcome {
	return Outcome{
		Status: syncjob.Waiting, Wait: syncjob.WaitRetry, Class: class, Message: "it broke", Counted: class.Counts(),
	}
}
