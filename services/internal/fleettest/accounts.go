package fleettest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// Seal encrypts a key for the fleet's workers.
func (f *Fleet) Seal(key, secret string) func(string, int) ([]byte, error) {
	return func(id string, version int) ([]byte, error) {
		credentials := vault.Credentials{Key: vault.NewSecret(key), Secret: vault.NewSecret(secret)}
		return f.opener.Sealer().Seal(id, version, credentials)
	}
}

// Add adds account index of the stand-in, without waiting for its probe.
func (f *Fleet) Add(index int) (ledger.Account, ledger.Run) {
	f.T.Helper()
	key, secret, _ := exchangesim.Credentials(f.seed, index)
	return f.AddWithKey(fmt.Sprintf("account-%d", index), key, secret)
}

// AddWithKey adds an account with any key.
func (f *Fleet) AddWithKey(name, key, secret string) (ledger.Account, ledger.Run) {
	f.T.Helper()
	return f.AddAt(name, key, secret, f.Sim.URL)
}

// AddAt adds an account at any address.
func (f *Fleet) AddAt(name, key, secret, url string) (ledger.Account, ledger.Run) {
	f.T.Helper()
	account, run, err := f.Ledger.AddAccount(f.T.Context(), ledger.NewAccount{
		Name:   name,
		Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: url},
		Seal:   f.Seal(key, secret),
	})
	require.NoError(f.T, err)
	return account, run
}

// Clones makes n active accounts with the key of another one: so many that nobody
// would wait for their probes. They have no schedules.
func (f *Fleet) Clones(of ledger.Account, n int) []string {
	f.T.Helper()
	const clone = `
WITH made AS (
    INSERT INTO alphapulse.accounts (name, market_id, status, key_version, account_mode)
    SELECT 'clone-' || i, market_id, 'active', 1, account_mode FROM alphapulse.accounts, generate_series(1, $2::int) i
    WHERE id = $1 RETURNING id
)
SELECT array_agg(id::text) FROM made`
	var ids []string
	require.NoError(f.T, f.Pool.QueryRow(f.T.Context(), clone, of.ID, n).Scan(&ids))
	key, secret, _ := exchangesim.Credentials(f.seed, 0)
	seal := f.Seal(key, secret)
	sealed := make([][]byte, len(ids))
	for i, id := range ids {
		var err error
		sealed[i], err = seal(id, 1)
		require.NoError(f.T, err)
	}
	_, err := f.Pool.Exec(f.T.Context(), `
INSERT INTO alphapulse.account_credentials (account_id, version, sealed) SELECT id, 1, sealed
FROM unnest($1::uuid[], $2::bytea[]) AS t (id, sealed)`, ids, sealed)
	require.NoError(f.T, err)
	return ids
}

// Quiet stops all schedules, so that only what a test asks for happens.
func (f *Fleet) Quiet() {
	f.T.Helper()
	StopSchedules(f.T, f.Pool)
}

// Idle is Quiet that also waits for what was planned a moment before: its jobs, of
// these types if any are named, have ended. A fault would else meet them in the
// place of the test's own.
func (f *Fleet) Idle(types ...syncjob.DataType) {
	f.T.Helper()
	f.Quiet()
	if len(types) == 0 {
		types = syncjob.Known()
	}
	f.Eventually("the schedules' last jobs have ended", func() bool {
		return f.Count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE finished_at IS NULL AND data_type = ANY ($1)`, types) == 0
	})
}

// StopSchedules is Quiet without a fleet. The scheduler takes the same rows in
// another order, so that the two may deadlock, which Postgres ends.
func StopSchedules(t testing.TB, db *postgres.DB) {
	t.Helper()
	var err error
	for range 10 {
		_, err = db.Exec(t.Context(), `UPDATE alphapulse.schedules SET enabled = false`)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "40P01" {
			break
		}
	}
	require.NoError(t, err)
}

// WithoutHistories leaves the histories of accounts that come unscheduled: a
// thousand accounts of which a test reads snapshots need no more.
func WithoutHistories(t testing.TB, db *postgres.DB) {
	t.Helper()
	for _, statement := range []string{
		`CREATE FUNCTION public.unscheduled() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
		    NEW.enabled := false;
		    RETURN NEW;
		END $$`,
		`CREATE TRIGGER unscheduled BEFORE INSERT ON alphapulse.schedules FOR EACH ROW
		 WHEN (NEW.data_type IN ('fills', 'ledger', 'closed_pnl')) EXECUTE FUNCTION public.unscheduled()`,
	} {
		_, err := db.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
}

// Active adds an account and waits until its initial run has ended.
func (f *Fleet) Active(index int) ledger.Account {
	f.T.Helper()
	account, _ := f.Add(index)
	return f.AwaitActive(account.ID)
}

// AwaitActive waits until an account's probe has passed and its initial run has
// ended.
func (f *Fleet) AwaitActive(id string) ledger.Account {
	f.T.Helper()
	f.Eventually("the account is active and its initial run has ended", func() bool {
		account, err := f.Ledger.Account(f.T.Context(), id)
		if err != nil || account.Status != ledger.AccountActive {
			return false
		}
		runs, err := f.Ledger.Runs(f.T.Context(), ledger.RunFilter{SubjectID: id, Trigger: syncjob.Initial})
		return err == nil && len(runs) > 0 && runs[0].Status != syncjob.RunRunning
	})
	account, err := f.Ledger.Account(f.T.Context(), id)
	require.NoError(f.T, err)
	return account
}

// Sync starts a manual run and waits for its end.
func (f *Fleet) Sync(accountID string, types ...syncjob.DataType) (ledger.Run, map[syncjob.DataType]ledger.Job) {
	f.T.Helper()
	if len(types) == 0 {
		types = syncjob.All()
	}
	run, _, err := f.Ledger.StartManual(f.T.Context(), accountID, types)
	require.NoError(f.T, err)
	return f.AwaitRun(run.ID)
}

// AwaitRun waits for a run's end and gives its jobs by type.
func (f *Fleet) AwaitRun(id string) (ledger.Run, map[syncjob.DataType]ledger.Job) {
	f.T.Helper()
	var run ledger.Run
	f.Eventually("run "+id+" has ended", func() bool {
		var err error
		run, err = f.Ledger.Run(f.T.Context(), id)
		return err == nil && run.Status != syncjob.RunRunning
	})
	jobs, err := f.Ledger.Jobs(f.T.Context(), id)
	require.NoError(f.T, err)
	byType := map[syncjob.DataType]ledger.Job{}
	for _, job := range jobs {
		byType[job.DataType] = job
	}
	return run, byType
}

// Patience bounds every wait of a test. It is a net, not a measure.
const Patience = 3 * time.Minute

// Eventually polls a condition that has no signal. On failure it shows the open
// jobs.
func (f *Fleet) Eventually(what string, ok func() bool) {
	f.T.Helper()
	f.EventuallyWithin(Patience, what, ok)
}

// EventuallyWithin is Eventually for what takes longer than a test's usual
// patience.
func (f *Fleet) EventuallyWithin(patience time.Duration, what string, ok func() bool) {
	f.T.Helper()
	if !polled(patience, ok) {
		f.T.Fatalf("%s: not within %s\n%s", what, patience, f.latestJobs())
	}
}

// Await is Eventually without a fleet.
func Await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !polled(Patience, ok) {
		t.Fatalf("%s: not within %s", what, Patience)
	}
}

func polled(patience time.Duration, ok func() bool) bool {
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // no signal: tables and other processes are polled
	}
	return true
}

func (f *Fleet) latestJobs() string {
	rows, err := f.Pool.Query(f.T.Context(), `
SELECT format('%s %s %s attempt %s wait %s next %s error %s %s', trigger, data_type, status, attempt, wait_reason,
              next_at, error_class, error_message)
FROM alphapulse.sync_jobs ORDER BY queued_at DESC LIMIT 40`)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err.Error()
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// Unread lists the jobs of a run that have not succeeded, with their reasons.
func (f *Fleet) Unread(runID string) string {
	f.T.Helper()
	jobs, err := f.Ledger.Jobs(f.T.Context(), runID)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, j := range jobs {
		if j.Status != syncjob.Succeeded {
			fmt.Fprintf(&b, "%s %v %s attempt %d: %s %s\n", j.DataType, j.Window, j.Status, j.Attempt, j.ErrorClass, j.ErrorMessage)
		}
	}
	return b.String()
}

// Backfill reads every history since a time, and waits for the end.
func (f *Fleet) Backfill(account ledger.Account, since time.Time) ledger.Run {
	f.T.Helper()
	run, err := f.Ledger.StartBackfill(f.T.Context(), ledger.BackfillRequest{
		AccountID: account.ID, Types: syncjob.Histories(), Since: since, Until: time.Now(),
	})
	require.NoError(f.T, err)
	f.EventuallyWithin(4*Patience, "the backfill has ended", func() bool {
		run, err = f.Ledger.Run(f.T.Context(), run.ID)
		return err == nil && run.Status != syncjob.RunRunning
	})
	if run.Status != syncjob.RunSucceeded {
		f.T.Log("not every window was read:\n" + f.Unread(run.ID))
	}
	return run
}
