package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Holding is a job and the claim that is thought to hold it.
type Holding struct {
	JobID string
	Claim string
}

// Extend extends the leases of holdings in one statement, never past a job's
// timeout, and returns the ids of the jobs it extended. A row that is locked is
// left out: a commit of it is under way. So is one whose lease ends with its
// timeout already. So a missing id proves nothing; ask Standing.
func (l *Ledger) Extend(ctx context.Context, holdings []Holding) ([]string, error) {
	ids, claims := splitHoldings(holdings)
	extend := `
WITH held AS (
    SELECT j.id FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS u (id, claim) ORDER BY id) h
    CROSS JOIN LATERAL (SELECT id FROM alphapulse.sync_jobs
                        WHERE id = h.id AND claim = h.claim AND status || '' = 'running' FOR UPDATE SKIP LOCKED) j)
UPDATE alphapulse.sync_jobs j
SET lease_until = least(clock_timestamp() + $3::interval, j.timeout_at)
FROM held WHERE ` + keyed("j.id", "held.id") + ` AND j.lease_until < least(clock_timestamp() + $3::interval, j.timeout_at)
RETURNING j.id`
	rows, err := l.db.Query(ctx, extend, ids, claims, l.set.Lease)
	if err != nil {
		return nil, fmt.Errorf("extending %d leases: %w", len(holdings), err)
	}
	extended, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("extending %d leases: %w", len(holdings), err)
	}
	return extended, nil
}

// Standing reads, without a lock, which of the holdings have certainly ended:
// another claim has the job, or it is not running any more.
func (l *Ledger) Standing(ctx context.Context, holdings []Holding) (ended map[string]syncjob.Status, err error) {
	ids, claims := splitHoldings(holdings)
	const query = `
SELECT h.id, coalesce(j.status, 'cancelled')
FROM unnest($1::uuid[], $2::uuid[]) AS h (id, claim)
LEFT JOIN LATERAL (SELECT id, claim, status FROM alphapulse.sync_jobs WHERE id = h.id OFFSET 0) j ON true
WHERE j.id IS NULL OR j.claim IS DISTINCT FROM h.claim OR j.status <> 'running'`
	rows, err := l.db.Query(ctx, query, ids, claims)
	if err != nil {
		return nil, fmt.Errorf("checking %d claims: %w", len(holdings), err)
	}
	ended = map[string]syncjob.Status{}
	var id string
	var status syncjob.Status
	_, err = pgx.ForEachRow(rows, []any{&id, &status}, func() error {
		ended[id] = status
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("checking %d claims: %w", len(holdings), err)
	}
	return ended, nil
}

func splitHoldings(holdings []Holding) (ids, claims []string) {
	for _, h := range holdings {
		ids = append(ids, h.JobID)
		claims = append(claims, h.Claim)
	}
	return ids, claims
}

// Release gives a job back at shutdown: queued again, the attempt not counted,
// at most syncjob.MaxReleases times; after that the attempt stays counted. The
// caller naks its message, whose redelivery can be claimed at once. It reports
// false if the claim no longer held the job.
func (l *Ledger) Release(ctx context.Context, h Holding) (bool, error) {
	const release = `
UPDATE alphapulse.sync_jobs
SET status = 'queued', lease_until = NULL, timeout_at = NULL,
    attempt = attempt - CASE WHEN releases < $3 THEN 1 ELSE 0 END, releases = releases + 1
WHERE id = $1 AND claim = $2 AND status = 'running'
RETURNING subject_id, data_type, lane`
	released := false
	err := l.db.InTx(ctx, "release job", func(ctx context.Context, tx pgx.Tx) error {
		var subject, dataType, lane string
		err := tx.QueryRow(ctx, release, h.JobID, h.Claim, syncjob.MaxReleases).Scan(&subject, &dataType, &lane)
		if err == pgx.ErrNoRows { //nolint:errorlint // pgx returns the sentinel itself
			released = false
			return nil
		}
		if err != nil {
			return err
		}
		released = true
		return wakeSibling(ctx, tx, subject, dataType, lane)
	})
	if err != nil {
		return false, fmt.Errorf("releasing job %s: %w", h.JobID, err)
	}
	return released, nil
}

// wake makes the oldest waiting sibling of each subject and type due at once,
// because a job of theirs has left running. A sibling that is about to wait and
// does not yet is caught by its own next_at.
const wake = `
WITH woken AS (
    UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp()
    WHERE id = ANY (ARRAY(
        SELECT w.id FROM unnest($1::uuid[], $2::text[]) AS u (subject, data_type) CROSS JOIN LATERAL (
            SELECT id FROM alphapulse.sync_jobs
            WHERE subject_id = u.subject AND data_type = u.data_type AND lane = 'live' AND status = 'waiting'
              AND wait_reason = 'sibling'
            ORDER BY queued_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) w))
    RETURNING 1)
SELECT 1 FROM woken LIMIT 1`

// hinted hints that jobs are due, if a statement that ends like wake has made some.
func hinted(ctx context.Context, tag pgconn.CommandTag) {
	if tag.RowsAffected() > 0 {
		postgres.Hint(ctx, ChannelJobs, "")
	}
}

func wakeSibling(ctx context.Context, tx pgx.Tx, subjectID, dataType, lane string) error {
	if lane != string(syncjob.Live) {
		return nil
	}
	tag, err := tx.Exec(ctx, wake, []string{subjectID}, []string{dataType})
	if err != nil {
		return fmt.Errorf("waking a waiting job: %w", err)
	}
	hinted(ctx, tag)
	return nil
}

// queueWakes is wakeSibling for all that end in one transaction.
func queueWakes(ctx context.Context, batch *pgx.Batch, endings []*ending) {
	var subjects, types []string
	for _, e := range endings {
		if e.job.Lane == syncjob.Live {
			subjects, types = append(subjects, e.job.Subject.ID), append(types, string(e.job.DataType))
		}
	}
	if len(subjects) > 0 {
		batch.Queue(wake, subjects, types).Exec(func(tag pgconn.CommandTag) error {
			hinted(ctx, tag)
			return nil
		})
	}
}
