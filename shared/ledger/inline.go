package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Published is a queued job whose message should be in line at its consumer.
type Published struct {
	JobID     string
	Publishes int
	Seq       uint64
	Created   time.Time
}

// InLine reads the queued jobs of a consumer that are most likely to be lost:
// the lowest and the highest limit of them by stream and sequence. The caller
// reads them before it asks the broker, so that a job published in between
// cannot look lost.
func (l *Ledger) InLine(ctx context.Context, consumer string, limit int) ([]Published, error) {
	const query = `
(SELECT id, publishes, stream_seq, stream_created FROM alphapulse.sync_jobs
 WHERE consumer = $1 AND status = 'queued' AND next_at IS NULL AND stream_seq IS NOT NULL
 ORDER BY stream_created, stream_seq LIMIT $2)
UNION
(SELECT id, publishes, stream_seq, stream_created FROM alphapulse.sync_jobs
 WHERE consumer = $1 AND status = 'queued' AND next_at IS NULL AND stream_seq IS NOT NULL
 ORDER BY stream_created DESC, stream_seq DESC LIMIT $2)`
	rows, err := l.db.Query(ctx, query, consumer, limit)
	if err != nil {
		return nil, fmt.Errorf("reading queued jobs of %s: %w", consumer, err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Published])
}

// Republish makes lost jobs due at once, each only if it is still queued under
// the publication that was lost. It returns how many were.
func (l *Ledger) Republish(ctx context.Context, lost []Published) (int, error) {
	if len(lost) == 0 {
		return 0, nil
	}
	ids := make([]string, len(lost))
	publishes := make([]int, len(lost))
	for i, p := range lost {
		ids[i], publishes[i] = p.JobID, p.Publishes
	}
	update := `
UPDATE alphapulse.sync_jobs j SET next_at = clock_timestamp()
FROM (SELECT * FROM unnest($1::uuid[], $2::integer[]) AS u (id, publishes) ORDER BY id) r
WHERE ` + keyed("j.id", "r.id") + ` AND j.publishes = r.publishes AND j.status || '' = 'queued' AND j.next_at IS NULL`
	tag, err := l.db.Exec(ctx, update, ids, publishes)
	if err != nil {
		return 0, fmt.Errorf("queueing lost jobs again: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// RepublishUnconfirmed makes jobs due again that were taken for publishing and
// have no stream sequence after Settings.UnconfirmedAfter: the publisher died,
// or the broker's answer was lost.
func (l *Ledger) RepublishUnconfirmed(ctx context.Context, limit int) (int, error) {
	const update = `
UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp()
WHERE id = ANY (ARRAY(SELECT id FROM alphapulse.sync_jobs
                      WHERE status = 'queued' AND next_at IS NULL AND stream_seq IS NULL
                        AND published_at < (SELECT clock_timestamp() - $1::interval)
                      ORDER BY published_at LIMIT $2 FOR UPDATE SKIP LOCKED))
  AND status || '' = 'queued' AND next_at IS NULL AND stream_seq IS NULL`
	tag, err := l.db.Exec(ctx, update, l.set.UnconfirmedAfter, limit)
	if err != nil {
		return 0, fmt.Errorf("queueing unconfirmed jobs again: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// OldestOpenSeq gives the lowest stream sequence of a queued or running job of a
// consumer in the stream that was created at the given time; ok is false if
// there is none. A consumer that has to be made anew starts there. Waiting jobs
// do not count: they are published anew.
func (l *Ledger) OldestOpenSeq(
	ctx context.Context, consumer string, created time.Time,
) (seq uint64, ok bool, err error) {
	query := `
SELECT least(
    (SELECT min(stream_seq) FROM alphapulse.sync_jobs
     WHERE consumer = $1 AND stream_created = $2 AND status = 'queued' AND next_at IS NULL AND stream_seq IS NOT NULL),
    (SELECT min(stream_seq) FROM (` + runningJobs(`stream_seq`, `consumer = $1 AND stream_created = $2`) + `) j))`
	var lowest *int64
	if err := l.db.QueryRow(ctx, query, consumer, created).Scan(&lowest); err != nil {
		return 0, false, fmt.Errorf("finding the oldest open job of %s: %w", consumer, err)
	}
	if lowest == nil {
		return 0, false, nil
	}
	return uint64(*lowest), true, nil
}
