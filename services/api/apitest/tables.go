package apitest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Exec runs a statement that a test prepares the tables with.
func (s *Server) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := s.DB.Exec(t.Context(), statement, args...)
	require.NoError(t, err)
}

// Account finds an account by its name.
func (s *Server) Account(t testing.TB, name string) ledger.Account {
	t.Helper()
	account, err := s.Ledger.AccountByName(t.Context(), name)
	require.NoError(t, err)
	return account
}

// Quarantine keeps a row of an account that was not understood, and gives its
// number.
func (s *Server) Quarantine(t testing.TB, accountID, dataType, payload string) int64 {
	t.Helper()
	var id int64
	const insert = `
INSERT INTO alphapulse.quarantine (account_id, data_type, scope, row_key, reason, payload, payload_hash, run_id)
VALUES ($1, $2, 'linear', 'linear/1', 'orderId is no text', $3::text, sha256(convert_to($3::text, 'UTF8')), gen_random_uuid()) RETURNING id`
	require.NoError(t, s.DB.QueryRow(t.Context(), insert, accountID, dataType, payload).Scan(&id))
	return id
}

// Drift records what a verifying job has found: of ten rows compared two moved
// on, one has another total, one is not stored, and one is not at the exchange.
func (s *Server) Drift(t testing.TB, job *ledger.Claimed) {
	t.Helper()
	s.Exec(t, `
INSERT INTO alphapulse.verifications (job_id, scope, "window", rows_compared, rows_moved, rows_drifted)
SELECT id, 'unified', "window", 10, 2, 3 FROM alphapulse.sync_jobs WHERE id = $1`, job.JobID)
	s.Exec(t, `
INSERT INTO alphapulse.drift (job_id, account_id, data_type, scope, row_key, kind, column_name, stored_value, exchange_value)
SELECT id, account_id, data_type, 'unified', d.row_key, d.kind, d.name, d.stored, d.exchange
FROM alphapulse.sync_jobs, (VALUES ('unified/BTC', 'changed', 'total', '1.5', '2.5'),
    ('unified/ETH', 'missing', NULL, NULL, NULL), ('unified/SOL', 'extra', NULL, NULL, NULL))
    AS d (row_key, kind, name, stored, exchange)
WHERE id = $1`, job.JobID)
}

// Dead starts a manual run of a type, lets its job fail three times, and gives
// the id of the dead job. The server must not have a fleet yet.
func (s *Server) Dead(t testing.TB, account ledger.Account, dataType syncjob.DataType) string {
	t.Helper()
	run, _, err := s.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{dataType})
	require.NoError(t, err)
	var dead string
	f := &Fleet{s: s, answer: func(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
		out := ledger.Outcome{
			Status: syncjob.Waiting, Wait: syncjob.WaitRetry, Counted: true, Class: syncjob.Transient, Code: "500",
			Message: fmt.Sprintf("attempt %d broke", job.Attempt),
		}
		if job.LastAttempt() {
			dead, out.Status, out.Wait = job.JobID, syncjob.Dead, ""
		}
		return &out, nil
	}}
	for range 100 {
		if dead != "" {
			break
		}
		require.NoError(t, f.step(t.Context()))
	}
	require.NotEmpty(t, dead, "the job did not die")
	_, err = s.Ledger.Fold(t.Context(), run.ID)
	require.NoError(t, err)
	return dead
}

// Replays plans all open replays from the tables, and makes that many batches of
// the jobs of each.
func (s *Server) Replays(t testing.TB, batches int) {
	t.Helper()
	open, err := s.Ledger.Replays(t.Context(), 100)
	require.NoError(t, err)
	for _, r := range open {
		if r.Status == ledger.ReplayPlanning {
			require.NoError(t, s.Ledger.PlanFromStream(t.Context(), r, ledger.StreamPage{End: true}))
		}
		for r.Status == ledger.ReplayPlanning {
			r, err = s.Ledger.Replay(t.Context(), r.ID)
			require.NoError(t, err)
			require.NoError(t, s.Ledger.PlanFromTables(t.Context(), r))
		}
		for range batches {
			s.Exec(t, `UPDATE alphapulse.replays SET next_at = clock_timestamp() WHERE id = $1`, r.ID)
			_, err = s.Ledger.ReplayBatch(t.Context(), r.ID)
			require.NoError(t, err)
		}
	}
}
