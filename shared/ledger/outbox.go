package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// The outbox has the runs that have ended and may have to be announced yet. A fold puts
// all runs that it ends into one row, in its own transaction; the row is removed when
// all of them are announced. Which of them are, sync_runs.announced_at says. It is not
// in the condition of an index, so that setting it writes no index.

// putOut notes runs that the transaction ends, and gives the row's id.
const putOut = `INSERT INTO alphapulse.run_outbox (run_ids) VALUES ($1::uuid[]) RETURNING id`

// UnannouncedRuns finds ended runs whose announcement nobody confirmed, that ended at
// least age ago, at most limit. Rows of the outbox that are done with are removed.
func (l *Ledger) UnannouncedRuns(ctx context.Context, age time.Duration, limit int) ([]string, error) {
	const remove = `
DELETE FROM alphapulse.run_outbox o
WHERE o.id = ANY (ARRAY(
    SELECT id FROM alphapulse.run_outbox WHERE ended_at < (SELECT clock_timestamp() - $1::interval)
    ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED))
  AND (SELECT true FROM unnest(o.run_ids) u (id) CROSS JOIN LATERAL (
           SELECT announced_at FROM alphapulse.sync_runs WHERE id = u.id OFFSET 0) r
       WHERE r.announced_at IS NULL LIMIT 1) IS NULL`
	const find = `
SELECT u.id::text
FROM (SELECT id, run_ids FROM alphapulse.run_outbox WHERE ended_at < (SELECT clock_timestamp() - $1::interval)
      ORDER BY id LIMIT $2) o
CROSS JOIN LATERAL unnest(o.run_ids) u (id)
CROSS JOIN LATERAL (SELECT announced_at FROM alphapulse.sync_runs WHERE id = u.id OFFSET 0) r
WHERE r.announced_at IS NULL
ORDER BY o.id LIMIT $2`
	var ids []string
	batch := &pgx.Batch{}
	batch.Queue(remove, age, limit)
	batch.Queue(find, age, limit).Query(func(rows pgx.Rows) (err error) {
		ids, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err := l.db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("finding runs to announce: %w", err)
	}
	return ids, nil
}

// RunsAnnounced records that the broker has the announcements of these runs. A row of
// the outbox goes if all of its runs are among them and say that they are of it; else
// UnannouncedRuns removes it. If the process dies before, they are announced again under
// the same message id.
func (l *Ledger) RunsAnnounced(ctx context.Context, runs []Run) error {
	ids := make([]string, len(runs))
	of := map[int64]int{}
	for i := range runs {
		ids[i] = runs[i].ID
		of[runs[i].outbox]++
	}
	rows, counts := make([]int64, 0, len(of)), make([]int, 0, len(of))
	for row, n := range of {
		rows, counts = append(rows, row), append(counts, n)
	}
	remove := `
DELETE FROM alphapulse.run_outbox o USING unnest($1::bigint[], $2::integer[]) AS u (id, runs)
WHERE ` + keyed("o.id", "u.id") + ` AND cardinality(o.run_ids) = u.runs`
	batch := &pgx.Batch{}
	batch.Queue(unflushed) // forgotten in a crash it is announced twice
	batch.Queue(markAnnounced("sync_runs"), ids)
	batch.Queue(remove, rows, counts)
	return l.recordAnnounced(ctx, batch)
}
