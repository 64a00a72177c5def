package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
	return l.TakeDueFrom(ctx, time.Time{}, limit)
}

// TakeDueFrom is TakeDue, and begins to look at from, see lookingFrom.
func (l *Ledger) TakeDueFrom(ctx context.Context, from time.Time, limit int) ([]Publication, error) {
	take := fmt.Sprintf(`
WITH due AS (
    SELECT id, run_id, account_id, market_id, replay_of FROM alphapulse.sync_jobs
    WHERE status || '' IN ('queued', 'waiting') AND next_at <= (SELECT clock_timestamp()) AND next_at > %[3]s
    ORDER BY next_at LIMIT $1
    FOR UPDATE SKIP LOCKED),
k AS (
    SELECT due.id, m.exchange, m.environment, r.expires_at, r.created_at, o.run_id AS origin FROM due
    CROSS JOIN LATERAL (SELECT CASE WHEN NOT %[1]s THEN deadline_at END AS expires_at, created_at
                        FROM alphapulse.sync_runs WHERE id = due.run_id OFFSET 0) r
    LEFT JOIN LATERAL (SELECT market_id FROM alphapulse.accounts WHERE id = due.account_id OFFSET 0) a ON true
    CROSS JOIN LATERAL (SELECT exchange, environment FROM alphapulse.markets
                        WHERE id = coalesce(due.market_id, a.market_id) OFFSET 0) m
    LEFT JOIN LATERAL (SELECT run_id FROM alphapulse.sync_jobs WHERE id = due.replay_of OFFSET 0) o ON true
    OFFSET 0)
UPDATE alphapulse.sync_jobs j
SET status = 'queued', wait_reason = NULL, next_at = NULL, publishes = j.publishes + 1,
    published_at = clock_timestamp(), stream_seq = NULL, stream_created = NULL
FROM k WHERE %[2]s AND j.status || '' IN ('queued', 'waiting')
RETURNING j.id, j.run_id, j.publishes, CASE WHEN j.account_id IS NULL THEN 'market' ELSE 'account' END,
          j.subject_id, k.exchange, k.environment, j.data_type, j.lane, k.expires_at, k.created_at, k.origin`,
		moving, keyed("j.id", "k.id"), lookingFrom("$2"))
	rows, err := l.db.Query(ctx, take, limit, from)
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
// forgets is asked for again, by another publication. The rows are locked in the
// order of their ids, in which the receipts are put.
func (l *Ledger) Confirm(ctx context.Context, receipts []Receipt) error {
	if len(receipts) == 0 {
		return nil
	}
	receipts = slices.SortedFunc(slices.Values(receipts), func(x, y Receipt) int { return cmp.Compare(x.JobID, y.JobID) })
	ids := make([]string, len(receipts))
	publishes := make([]int, len(receipts))
	seqs := make([]int64, len(receipts))
	created := make([]time.Time, len(receipts))
	for i, r := range receipts {
		ids[i], publishes[i], seqs[i], created[i] = r.JobID, r.Publishes, int64(r.Seq), r.Created
	}
	confirm := `
UPDATE alphapulse.sync_jobs j
SET stream_seq = r.seq, stream_created = r.created
FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::timestamptz[]) AS r (id, publishes, seq, created)
WHERE ` + keyed("j.id", "r.id") + ` AND j.publishes = r.publishes AND j.status || '' IN ('queued', 'running')
  AND j.next_at IS NULL AND j.stream_seq IS NULL`
	batch := &pgx.Batch{}
	batch.Queue(unflushed)
	batch.Queue(confirm, ids, publishes, seqs, created)
	if err := l.db.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("confirming publications: %w", err)
	}
	return nil
}

// NextDue gives how long it is until the next job is due, at most limit, and where to
// begin to look the next time. It itself begins to look at from, see lookingFrom.
func (l *Ledger) NextDue(ctx context.Context, from time.Time, limit time.Duration) (time.Duration, time.Time, error) {
	next := `
SELECT next_at FROM alphapulse.sync_jobs
WHERE status || '' IN ('queued', 'waiting') AND next_at < (SELECT clock_timestamp() + $1::interval) AND next_at > ` + lookingFrom("$2") + `
ORDER BY next_at LIMIT 1`
	wait, first, err := l.until(ctx, next, from, limit)
	if err != nil {
		return 0, from, fmt.Errorf("finding the next due job: %w", err)
	}
	return wait, first, nil
}
