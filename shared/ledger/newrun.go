package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// newRun is a run to be made. With Follows its jobs are held back, and its
// deadline does not run, until that run has ended.
type newRun struct {
	Subject syncjob.Subject
	Trigger syncjob.Trigger
	Types   []syncjob.DataType
	Params  map[string]any
	Follows string
}

// createRun makes a run and its jobs. The caller holds the lock of the subject,
// and of the run that it follows.
func createRun(ctx context.Context, tx pgx.Tx, n newRun) (string, error) {
	insert := fmt.Sprintf(`
INSERT INTO alphapulse.sync_runs (%s, requested_types, trigger, follows, jobs_total, started_at, deadline_at)
VALUES ($1, $2, $3, nullif($4, '')::uuid, cardinality($2::text[]),
        CASE WHEN $4 = '' THEN clock_timestamp() END,
        CASE WHEN $4 = '' THEN clock_timestamp() + $5::interval END)
RETURNING id`, subjectColumn(n.Subject.Kind))
	var id string
	err := tx.QueryRow(ctx, insert, n.Subject.ID, typeNames(n.Types), string(n.Trigger), n.Follows,
		syncjob.RunDeadline(n.Trigger, 0)).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("creating %s run: %w", n.Trigger, err)
	}
	if err := addJobs(ctx, tx, id, n); err != nil {
		return "", err
	}
	postgres.Hint(ctx, ChannelJobs, "")
	return id, nil
}

// addJobs makes one job per type. A shared type's job belongs to the market,
// also in an account's run.
func addJobs(ctx context.Context, tx pgx.Tx, runID string, n newRun) error {
	params, err := encodeParams(n.Params)
	if err != nil {
		return err
	}
	shared := make([]bool, len(n.Types))
	for i, t := range n.Types {
		shared[i] = t.Shared()
	}
	source := `alphapulse.accounts a JOIN alphapulse.markets m ON m.id = a.market_id WHERE a.id = $2`
	account := `CASE WHEN t.shared THEN NULL ELSE a.id END`
	if n.Subject.Kind == syncjob.Market {
		source, account = `alphapulse.markets m WHERE m.id = $2`, `NULL::uuid`
	}
	insert := fmt.Sprintf(`
INSERT INTO alphapulse.sync_jobs
    (run_id, account_id, market_id, data_type, lane, trigger, consumer, params, max_attempts, next_at)
SELECT $1, %s, CASE WHEN t.shared THEN m.id END, t.data_type, 'live', $5,
       m.exchange || '-' || m.environment || '-' || t.data_type || '-live', $6, $7,
       CASE WHEN $8 THEN 'infinity'::timestamptz ELSE clock_timestamp() END
FROM unnest($3::text[], $4::boolean[]) AS t (data_type, shared), %s`, account, source)
	tag, err := tx.Exec(ctx, insert, runID, n.Subject.ID, typeNames(n.Types), shared, string(n.Trigger), params,
		syncjob.MaxAttempts(syncjob.Live, n.Trigger), n.Follows != "")
	if err != nil {
		return fmt.Errorf("creating jobs: %w", err)
	}
	if int(tag.RowsAffected()) != len(n.Types) {
		return fmt.Errorf("creating jobs of %s %s: %w", n.Subject.Kind, n.Subject.ID, ErrNotFound)
	}
	return nil
}

func encodeParams(params map[string]any) ([]byte, error) {
	if params == nil {
		return nil, nil
	}
	encoded, err := json.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("encoding job parameters: %w", err)
	}
	return encoded, nil
}

func typeNames(types []syncjob.DataType) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return names
}
