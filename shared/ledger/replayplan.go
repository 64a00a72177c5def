package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// The phases of planning.
const (
	PhaseStream = "stream" // read the stream from NextSeq on
	PhaseTables = "tables" // find in the tables what the stream does not hold any more
)

// StreamPage is a part of the job stream as a planner read it.
type StreamPage struct {
	JobIDs  []string
	Next    uint64    // the sequence to go on from
	End     bool      // nothing follows
	Created time.Time // of the stream; zero: there is none
}

// NextReplay gives the replay that has waited longest for its next step, if one
// is due, and else how long none will be; at most limit. Several schedulers may be
// given the same: each step is made once.
func (l *Ledger) NextReplay(ctx context.Context, limit time.Duration) (*Replay, time.Duration, error) {
	const next = `
SELECT id, least(greatest(next_at - clock_timestamp(), interval '0'), $1::interval) FROM alphapulse.replays
WHERE status IN ('planning', 'running') ORDER BY next_at LIMIT 1`
	var id string
	var wait time.Duration
	err := l.db.QueryRow(ctx, next, limit).Scan(&id, &wait)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, limit, nil
	case err != nil:
		return nil, 0, fmt.Errorf("finding a replay to drive: %w", err)
	case wait > 0:
		return nil, wait, nil
	}
	r, err := l.Replay(ctx, id)
	return &r, 0, err
}

// PlanFromStream adds a page of the stream to the plan of a replay, unless another
// scheduler has gone on from where the page begins. A stream that was replaced
// since the last page is read from its beginning.
func (l *Ledger) PlanFromStream(ctx context.Context, r Replay, page StreamPage) error {
	return l.db.InTx(ctx, "plan replay from stream", func(ctx context.Context, tx pgx.Tx) error {
		mine, err := lockReplay(ctx, tx, r)
		if err != nil || !mine {
			return err
		}
		return planFromStream(ctx, tx, r, page)
	})
}

func planFromStream(ctx context.Context, tx pgx.Tx, r Replay, page StreamPage) error {
	if r.StreamCreated != nil && !page.Created.IsZero() && !r.StreamCreated.Equal(page.Created) {
		_, err := tx.Exec(ctx, `
UPDATE alphapulse.replays SET stream_created = $2, next_seq = $3 WHERE id = $1`, r.ID, page.Created, int64(r.Filter.FromSeq))
		return err
	}
	found, err := addFound(ctx, tx, r, "stream", `
FROM (SELECT DISTINCT unnest($8::uuid[]) AS id) s JOIN alphapulse.sync_jobs j ON j.id = s.id`, `true`, page.JobIDs)
	if err != nil {
		return err
	}
	const update = `
UPDATE alphapulse.replays
SET jobs_stream = jobs_stream + $2, stream_created = coalesce($3, stream_created), next_seq = $4,
    phase = CASE WHEN $5 THEN 'tables' ELSE phase END,
    jobs_unknown = jobs_unknown + (SELECT count(*) FROM (SELECT DISTINCT unnest($6::uuid[]) AS id) s
                                   WHERE NOT EXISTS (SELECT FROM alphapulse.sync_jobs j WHERE j.id = s.id))
WHERE id = $1`
	_, err = tx.Exec(ctx, update, r.ID, found, nullTime(page.Created), int64(page.Next), page.End, page.JobIDs)
	if err != nil {
		return fmt.Errorf("planning replay %s: %w", r.ID, err)
	}
	return nil
}

// lockReplay reports whether a replay is still where it was when it was read.
func lockReplay(ctx context.Context, tx pgx.Tx, r Replay) (bool, error) {
	const lock = `
SELECT status = 'planning' AND status = $2 AND phase = $3 AND next_seq = $4 AND jobs_stream = $5 AND jobs_tables = $6
FROM alphapulse.replays WHERE id = $1 FOR NO KEY UPDATE`
	var mine bool
	err := tx.QueryRow(ctx, lock, r.ID, string(r.Status), r.Phase, int64(r.NextSeq), r.FromStream, r.FromTables).Scan(&mine)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return mine, err
}

// refusal is why a job that was found is not replayed; ” if it is.
const refusal = `
CASE WHEN j.status IN ('queued', 'running', 'waiting') THEN 'it is still open'
     WHEN j.data_type = 'probe' THEN 'a probe is made anew: alphapulse accounts test'
     WHEN j.trigger = 'verify' THEN 'a verification is made anew: alphapulse verify'
     WHEN j.trigger = 'repair' AND j.params IS NOT NULL THEN 'rows in quarantine are read anew: alphapulse quarantine retry'
     WHEN j.trigger = 'repair' THEN 'a repair is made anew: alphapulse verify --repair'
     ELSE '' END`

// addFound adds what from and where give, and the filter lets through, to the
// plan, each job once. It returns how many were new. What a replay has made is
// not replayed unless its run was asked for: what it repeats is there itself.
func addFound(ctx context.Context, tx pgx.Tx, r Replay, source, from, where string, more ...any) (int64, error) {
	insert := `
WITH added AS (
INSERT INTO alphapulse.replay_jobs (replay_id, job_id, subject_id, data_type, queued_at, source, state, why)
SELECT $1, j.id, j.subject_id, j.data_type, j.queued_at, $7, CASE WHEN w.why = '' THEN 'planned' ELSE 'refused' END, w.why
` + from + `
LEFT JOIN alphapulse.accounts a ON a.id = j.account_id
JOIN alphapulse.markets m ON m.id = coalesce(j.market_id, a.market_id)
CROSS JOIN LATERAL (SELECT ` + refusal + ` AS why) w
WHERE ($2 = '' OR j.subject_id = nullif($2, '')::uuid) AND ($3::text[] IS NULL OR j.data_type = ANY ($3))
  AND ($4 = '' OR m.exchange = $4) AND ($5 IN ('', 'any') OR j.status = $5)
  AND CASE WHEN $6 = '' THEN j.trigger <> 'replay' ELSE j.run_id = nullif($6, '')::uuid END
  AND ` + where + `
ON CONFLICT (replay_id, job_id) DO NOTHING
RETURNING state),
counted AS (SELECT count(*) AS found, count(*) FILTER (WHERE state = 'refused') AS refused FROM added)
UPDATE alphapulse.replays p SET jobs_refused = p.jobs_refused + c.refused FROM counted c WHERE p.id = $1 RETURNING c.found`
	f := r.Filter
	args := append([]any{r.ID, f.AccountID, nullTypes(f.Types), f.Exchange, f.Status, f.RunID, source}, more...)
	var found int64
	if err := tx.QueryRow(ctx, insert, args...).Scan(&found); err != nil {
		return 0, fmt.Errorf("planning replay %s: %w", r.ID, err)
	}
	return found, nil
}

func nullTypes(types []syncjob.DataType) []string {
	if len(types) == 0 {
		return nil
	}
	return typeNames(types)
}

// runsAtOnce is how many runs one step of planning from the tables looks at.
const runsAtOnce = 2000

// inTime is when a job was on its way in the time of a replay. The tables keep
// its first queueing and its last publication.
const inTime = `
j.queued_at < $9 AND coalesce(j.published_at, j.queued_at) >= $8
  AND ($10::bigint = 0 OR (j.stream_seq >= $10 AND ($11::bigint = 0 OR j.stream_seq <= $11) AND j.stream_created = $12::timestamptz))`

func (r Replay) inTimeArgs() []any {
	return []any{r.Since, r.Until, int64(r.Filter.FromSeq), int64(r.Filter.ToSeq), r.StreamCreated}
}

// PlanFromTables adds a page of what the stream does not hold any more: messages
// that were purged, of another stream, or never stored.
func (l *Ledger) PlanFromTables(ctx context.Context, r Replay) error {
	return l.db.InTx(ctx, "plan replay from tables", func(ctx context.Context, tx pgx.Tx) error {
		mine, err := lockReplay(ctx, tx, r)
		if err != nil || !mine {
			return err
		}
		_, err = planFromTables(ctx, tx, r)
		return err
	})
}

// planFromTables plans one page and reports whether it was the last one, after
// which the new jobs are made.
func planFromTables(ctx context.Context, tx pgx.Tx, r Replay) (last bool, err error) {
	at, run, n, err := tablePage(ctx, tx, r)
	if err != nil {
		return false, err
	}
	const from = `
FROM alphapulse.sync_jobs j JOIN alphapulse.sync_runs r ON r.id = j.run_id CROSS JOIN alphapulse.replays p`
	const ended = `p.id = $1 AND r.status <> 'running' AND ($2 = '' OR r.subject_id = nullif($2, '')::uuid)
  AND (r.finished_at, r.id) > (coalesce(p.page_at, $8), coalesce(p.page_run, '00000000-0000-0000-0000-000000000000'))
  AND (r.finished_at, r.id) <= ($13::timestamptz, $14::uuid) AND ` + inTime
	found := int64(0)
	if n > 0 {
		if found, err = addFound(ctx, tx, r, "tables", from, ended, append(r.inTimeArgs(), at, run)...); err != nil {
			return false, err
		}
	}
	if last = n < runsAtOnce; last {
		const open = `p.id = $1 AND r.status = 'running' AND r.created_at < $9 AND ` + inTime
		more, err := addFound(ctx, tx, r, "tables", from, open, r.inTimeArgs()...)
		if err != nil {
			return false, err
		}
		found += more
	}
	const update = `
UPDATE alphapulse.replays
SET jobs_tables = jobs_tables + $2, page_at = coalesce($3, page_at), page_run = coalesce(nullif($4, '')::uuid, page_run),
    phase = CASE WHEN $5 THEN 'planned' ELSE phase END, status = CASE WHEN $5 THEN 'running' ELSE status END,
    planned_at = CASE WHEN $5 THEN clock_timestamp() END
WHERE id = $1`
	if _, err := tx.Exec(ctx, update, r.ID, found, at, run, last); err != nil {
		return false, fmt.Errorf("planning replay %s: %w", r.ID, err)
	}
	return last, nil
}

// tablePage finds the end of the next page of runs that ended in the time of a
// replay or after it, and how many it has.
func tablePage(ctx context.Context, tx pgx.Tx, r Replay) (at *time.Time, run string, n int, err error) {
	const read = `
SELECT max(page.finished_at), coalesce((array_agg(page.id ORDER BY page.finished_at DESC, page.id DESC))[1]::text, ''), count(*)
FROM (SELECT r.id, r.finished_at FROM alphapulse.sync_runs r, alphapulse.replays p
      WHERE p.id = $1 AND r.status <> 'running' AND r.finished_at >= $2 AND r.created_at < $3
        AND ($4 = '' OR r.subject_id = nullif($4, '')::uuid) AND ($6 = '' OR r.id = nullif($6, '')::uuid)
        AND (r.finished_at, r.id) > (coalesce(p.page_at, $2), coalesce(p.page_run, '00000000-0000-0000-0000-000000000000'))
      ORDER BY r.finished_at, r.id LIMIT $5) page`
	err = tx.QueryRow(ctx, read, r.ID, r.Since, r.Until, r.Filter.AccountID, runsAtOnce, r.Filter.RunID).Scan(&at, &run, &n)
	if err != nil {
		return nil, "", 0, fmt.Errorf("planning replay %s from the tables: %w", r.ID, err)
	}
	return at, run, n, nil
}
