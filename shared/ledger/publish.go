package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Publication is a job to be published, once, under its publishes number.
type Publication struct {
	JobID       string
	RunID       string
	Publishes   int
	SubjectKind syncjob.SubjectKind
	SubjectID   string
	Exchange    string
	Environment string
	DataType    syncjob.DataType
	Lane        syncjob.Lane
	ExpiresAt   *time.Time // the run's deadline; nil: it moves on meanwhile
	PlannedAt   time.Time  // when the run was made
	OriginRunID *string    // the run of the job that this one replays; nil: it replays none, or one that is pruned
}

// TakeDue takes up to limit jobs that are due and marks each as being
// published. If the process dies before it publishes, the job has no stream
// sequence and is taken again after Settings.UnconfirmedAfter.
func (l *Ledger) TakeDue(ctx context.Context, limit int) ([]Publication, error) {
	const take = `
WITH due AS (
    SELECT id FROM alphapulse.sync_jobs
    WHERE status IN ('queued', 'waiting') AND next_at IS NOT NULL AND next_at <= (SELECT clock_timestamp())
    ORDER BY next_at, id LIMIT $1
    FOR UPDATE SKIP LOCKED)
UPDATE alphapulse.sync_jobs j
SET status = 'queued', wait_reason = NULL, next_at = NULL, publishes = j.publishes + 1,
    published_at = clock_timestamp(), stream_seq = NULL, stream_created = NULL
FROM alphapulse.sync_jobs k
JOIN alphapulse.sync_runs r ON r.id = k.run_id
LEFT JOIN alphapulse.accounts a ON a.id = k.account_id
LEFT JOIN alphapulse.sync_jobs o ON o.id = k.replay_of
JOIN alphapulse.markets m ON m.id = coalesce(k.market_id, a.market_id)
WHERE j.id = ANY (ARRAY(SELECT id FROM due)) AND k.id = j.id AND j.status IN ('queued', 'waiting')
RETURNING j.id, j.run_id, j.publishes, CASE WHEN j.account_id IS NULL THEN 'market' ELSE 'account' END,
          j.subject_id, m.exchange, m.environment, j.data_type, j.lane,
          CASE WHEN NOT r.` + moving + ` THEN r.deadline_at END, r.created_at, o.run_id`
	rows, err := l.db.Query(ctx, take, limit)
	if err != nil {
		return nil, fmt.Errorf("taking due jobs: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Publication])
}

// Receipt says where in which stream a publication was stored. A sequence means
// something only together with the creation time of its stream.
type Receipt struct {
	JobID     string
	Publishes int
	Seq       uint64
	Created   time.Time
}

// Confirm stores the receipts of jobs that are still in the stream under the
// same publication: queued, or claimed already. A receipt that a crash of the server
// forgets is asked for again, by another publication.
func (l *Ledger) Confirm(ctx context.Context, receipts []Receipt) error {
	if len(receipts) == 0 {
		return nil
	}
	ids := make([]string, len(receipts))
	publishes := make([]int, len(receipts))
	seqs := make([]int64, len(receipts))
	created := make([]time.Time, len(receipts))
	for i, r := range receipts {
		ids[i], publishes[i], seqs[i], created[i] = r.JobID, r.Publishes, int64(r.Seq), r.Created
	}
	const confirm = `
UPDATE alphapulse.sync_jobs j
SET stream_seq = r.seq, stream_created = r.created
FROM (SELECT j.id, r.publishes, r.seq, r.created
      FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::timestamptz[]) AS r (id, publishes, seq, created)
      JOIN alphapulse.sync_jobs j ON j.id = r.id
      ORDER BY j.id FOR UPDATE OF j) r
WHERE j.id = r.id AND j.publishes = r.publishes AND j.status IN ('queued', 'running') AND j.next_at IS NULL
  AND j.stream_seq IS NULL`
	batch := &pgx.Batch{}
	batch.Queue(unflushed)
	batch.Queue(confirm, ids, publishes, seqs, created)
	if err := l.db.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("confirming publications: %w", err)
	}
	return nil
}

// NextDue gives how long it is until the next job is due; at most limit.
func (l *Ledger) NextDue(ctx context.Context, limit time.Duration) (time.Duration, error) {
	const query = `
SELECT coalesce((
    SELECT least(greatest(next_at - clock_timestamp(), interval '0'), $1::interval) FROM alphapulse.sync_jobs
    WHERE status IN ('queued', 'waiting') AND next_at IS NOT NULL
      AND next_at < (SELECT clock_timestamp() + $1::interval)
    ORDER BY next_at LIMIT 1), $1::interval)`
	var wait time.Duration
	if err := l.db.QueryRow(ctx, query, limit).Scan(&wait); err != nil {
		return 0, fmt.Errorf("finding the next due job: %w", err)
	}
	return wait, nil
}
