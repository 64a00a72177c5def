package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// newJob is a job to be made of which a run may have several of one type.
type newJob struct {
	ID       string // "": the database gives it one
	Type     syncjob.DataType
	Lane     syncjob.Lane
	Window   *Window
	Params   map[string]any
	ReplayOf string // the job whose work it repeats; "": it repeats none
}

// newWork is a run to be made of such jobs, in the order in which they are to be
// let go.
type newWork struct {
	Subject syncjob.Subject
	Trigger syncjob.Trigger
	Jobs    []newJob
	Growing bool // more jobs will come: the run is not folded before
}

func (n newWork) types() []syncjob.DataType {
	var types []syncjob.DataType
	for _, job := range n.Jobs {
		types = append(types, job.Type)
	}
	return syncjob.Normalize(types)
}

// createWork makes a run and its jobs, at least one. The caller holds the
// subject's lock. Of the jobs in lane backfill only so many may be published as
// the subject has room for; the others are held back (see letGo).
func (l *Ledger) createWork(ctx context.Context, tx pgx.Tx, n newWork) (string, error) {
	insert := fmt.Sprintf(`
INSERT INTO alphapulse.sync_runs (%s, requested_types, trigger, jobs_total, growing, started_at, deadline_at)
VALUES ($1, $2, $3, $4, $6, clock_timestamp(), clock_timestamp() + $5::interval) RETURNING id`, subjectColumn(n.Subject.Kind))
	var id string
	err := tx.QueryRow(ctx, insert, n.Subject.ID, typeNames(n.types()), string(n.Trigger), len(n.Jobs),
		syncjob.RunDeadline(n.Trigger, 0), n.Growing).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("creating %s run: %w", n.Trigger, err)
	}
	return id, l.addWork(ctx, tx, id, n)
}

// widenWork adds jobs to an open run whose lock is held, and gives it time for
// them.
func (l *Ledger) widenWork(ctx context.Context, tx pgx.Tx, runID string, n newWork) error {
	const update = `
UPDATE alphapulse.sync_runs
SET jobs_total = jobs_total + $2,
    requested_types = ARRAY(SELECT DISTINCT t FROM unnest(requested_types || $3::text[]) t),
    deadline_at = greatest(deadline_at, clock_timestamp() + $4::interval)
WHERE id = $1`
	_, err := tx.Exec(ctx, update, runID, len(n.Jobs), typeNames(n.types()), syncjob.RunDeadline(n.Trigger, 0))
	if err != nil {
		return fmt.Errorf("widening run %s: %w", runID, err)
	}
	return l.addWork(ctx, tx, runID, n)
}

func (l *Ledger) addWork(ctx context.Context, tx pgx.Tx, runID string, n newWork) error {
	held, err := l.holdBack(ctx, tx, n)
	if err != nil {
		return err
	}
	rows, err := workRows(n, held)
	if err != nil {
		return err
	}
	source, account := `alphapulse.accounts a JOIN alphapulse.markets m ON m.id = a.market_id WHERE a.id = $2`, `a.id`
	market := `NULL::uuid`
	if n.Subject.Kind == syncjob.Market {
		source, account, market = `alphapulse.markets m WHERE m.id = $2`, `NULL::uuid`, `m.id`
	}
	insert := fmt.Sprintf(`
INSERT INTO alphapulse.sync_jobs
    (id, run_id, account_id, market_id, data_type, lane, trigger, consumer, "window", params, replay_of, max_attempts,
     next_at)
SELECT coalesce(j.id, gen_random_uuid()), $1, %s, %s, j.data_type, j.lane, $3,
       m.exchange || '-' || m.environment || '-' || j.data_type || '-' || j.lane, j.span, j.params::jsonb, j.replay_of,
       j.attempts,
       CASE WHEN j.held THEN 'infinity'::timestamptz ELSE clock_timestamp() END
FROM unnest($4::text[], $5::text[], $6::tstzrange[], $7::text[], $8::integer[], $9::boolean[], $10::uuid[], $11::uuid[])
         AS j (data_type, lane, span, params, attempts, held, id, replay_of), %s`, account, market, source)
	tag, err := tx.Exec(ctx, insert, runID, n.Subject.ID, string(n.Trigger), rows.types, rows.lanes, rows.spans,
		rows.params, rows.attempts, held, rows.ids, rows.replayOf)
	if err != nil {
		return fmt.Errorf("creating jobs: %w", err)
	}
	if int(tag.RowsAffected()) != len(n.Jobs) {
		return fmt.Errorf("creating jobs of %s %s: %w", n.Subject.Kind, n.Subject.ID, ErrNotFound)
	}
	postgres.Hint(ctx, ChannelJobs, "")
	return nil
}

// jobRows are jobs as columns.
type jobRows struct {
	types, lanes  []string
	spans         []*pgtype.Range[pgtype.Timestamptz]
	params        []*string
	attempts      []int
	ids, replayOf []*string
}

func workRows(n newWork, held []bool) (jobRows, error) {
	var rows jobRows
	for _, job := range n.Jobs[:len(held)] {
		params, err := paramsText(job.Params)
		if err != nil {
			return jobRows{}, err
		}
		rows.types = append(rows.types, string(job.Type))
		rows.lanes = append(rows.lanes, string(job.Lane))
		rows.spans = append(rows.spans, rangeOf(job.Window))
		rows.params = append(rows.params, params)
		rows.attempts = append(rows.attempts, syncjob.MaxAttempts(job.Lane, n.Trigger))
		rows.ids = append(rows.ids, nullText(job.ID))
		rows.replayOf = append(rows.replayOf, nullText(job.ReplayOf))
	}
	return rows, nil
}

func paramsText(params map[string]any) (*string, error) {
	if params == nil {
		return nil, nil //nolint:nilnil // SQL NULL
	}
	encoded, err := json.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("encoding job parameters: %w", err)
	}
	text := string(encoded)
	return &text, nil
}

func rangeOf(w *Window) *pgtype.Range[pgtype.Timestamptz] {
	if w == nil {
		return nil
	}
	return &pgtype.Range[pgtype.Timestamptz]{
		Lower: pgtype.Timestamptz{Time: w.From, Valid: true}, LowerType: pgtype.Inclusive,
		Upper: pgtype.Timestamptz{Time: w.To, Valid: true}, UpperType: pgtype.Exclusive, Valid: true,
	}
}
