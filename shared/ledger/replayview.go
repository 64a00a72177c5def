package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// ReplayGroup is what a replay does, or would do, with the jobs of one subject of
// the stream.
type ReplayGroup struct {
	Subject     string // sync.job.<lane>.<exchange>.<environment>.<data type>.<subject id>
	Account     string // name; "" for a market
	FromStream  int64
	FromTables  int64
	Replayed    int64 // jobs that get a new job of their own, or will
	Skipped     int64 // jobs for which another one's new job does
	Refused     int64
	RefusedWhys []string // why, each once
}

// PreviewReplay says what StartReplay would do with the pages of the stream, and
// does nothing: it plans for good and takes that back.
func (l *Ledger) PreviewReplay(ctx context.Context, req ReplayRequest, pages []StreamPage) (Replay, []ReplayGroup, error) {
	var r Replay
	var groups []ReplayGroup
	errBack := errors.New("taken back")
	err := l.db.InTx(ctx, "preview replay", func(ctx context.Context, tx pgx.Tx) (err error) {
		if r, err = l.startReplay(ctx, tx, req); err != nil {
			return err
		}
		for _, page := range pages {
			if err := planFromStream(ctx, tx, r, page); err != nil {
				return err
			}
			if r.StreamCreated == nil && !page.Created.IsZero() {
				r.StreamCreated = &page.Created
			}
		}
		for last := false; !last; {
			if last, err = planFromTables(ctx, tx, r); err != nil {
				return err
			}
		}
		if groups, err = replayGroups(ctx, tx, r.ID); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, selectReplay+` WHERE id = $1`, r.ID)
		if err != nil {
			return err
		}
		if r, err = pgx.CollectExactlyOneRow(rows, scanReplay); err != nil {
			return err
		}
		return errBack
	})
	if !errors.Is(err, errBack) {
		return Replay{}, nil, err
	}
	r.ID = ""
	return r, groups, nil
}

// ReplayGroups adds up what a replay found, by subject of the stream.
func (l *Ledger) ReplayGroups(ctx context.Context, id string) ([]ReplayGroup, error) {
	return replayGroups(ctx, l.db, id)
}

// replayGroups counts what is planned as what it will become: a window gets a job
// of its own; what is now, one for each account or market and type.
func replayGroups(ctx context.Context, q querier, id string) ([]ReplayGroup, error) {
	const read = `
WITH found AS (
    SELECT p.*, coalesce(j.lane, '?') AS lane, m.exchange, m.environment, coalesce(a.name, '') AS account,
           p.state = 'planned' AND j."window" IS NULL AND j.params IS NULL
               AND NOT (j.lane = 'live' AND j.started_at IS NOT NULL AND j.data_type = ANY ($2::text[])) AS shared
    FROM alphapulse.replay_jobs p
    LEFT JOIN alphapulse.sync_jobs j ON j.id = p.job_id
    LEFT JOIN alphapulse.accounts a ON a.id = p.subject_id
    LEFT JOIN alphapulse.markets m ON m.id IN (p.subject_id, a.market_id)
    WHERE p.replay_id = $1),
numbered AS (
    SELECT *, shared AND row_number() OVER (PARTITION BY subject_id, data_type, shared ORDER BY queued_at DESC, job_id) > 1 AS joins
    FROM found)
SELECT concat_ws('.', 'sync.job', lane, coalesce(exchange, '?'), coalesce(environment, '?'), data_type, subject_id), account,
       count(*) FILTER (WHERE source = 'stream'), count(*) FILTER (WHERE source = 'tables'),
       count(*) FILTER (WHERE state = 'replayed' OR (state = 'planned' AND NOT joins)),
       count(*) FILTER (WHERE state = 'skipped' OR (state = 'planned' AND joins)),
       count(*) FILTER (WHERE state = 'refused'),
       coalesce(array_agg(DISTINCT why) FILTER (WHERE state = 'refused'), '{}')
FROM numbered GROUP BY lane, exchange, environment, data_type, subject_id, account ORDER BY 2, 1`
	rows, err := q.Query(ctx, read, id, typeNames(syncjob.Histories()))
	if err != nil {
		return nil, fmt.Errorf("adding up replay %s: %w", id, err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[ReplayGroup])
}

// ReplayProgress is how far the new jobs of a replay are.
type ReplayProgress struct {
	Jobs        map[syncjob.Status]int64
	RowsChanged int64
	Requests    int64
	Runs        []Run
}

// Ended counts the new jobs that have ended.
func (p ReplayProgress) Ended() (n int64) {
	for status, count := range p.Jobs {
		if !status.Open() {
			n += count
		}
	}
	return n
}

// ReplayProgress reads it.
func (l *Ledger) ReplayProgress(ctx context.Context, id string) (ReplayProgress, error) {
	p := ReplayProgress{Jobs: map[syncjob.Status]int64{}}
	rows, err := l.db.Query(ctx, `
SELECT j.status, count(*), sum(j.rows_changed + j.rows_deleted)::bigint, sum(j.exchange_requests)::bigint
FROM alphapulse.replay_runs p JOIN alphapulse.sync_jobs j ON j.run_id = p.run_id WHERE p.replay_id = $1 GROUP BY 1`, id)
	if err != nil {
		return p, fmt.Errorf("reading the jobs of replay %s: %w", id, err)
	}
	var status syncjob.Status
	var count, changed, requests int64
	_, err = pgx.ForEachRow(rows, []any{&status, &count, &changed, &requests}, func() error {
		p.Jobs[status] = count
		p.RowsChanged += changed
		p.Requests += requests
		return nil
	})
	if err != nil {
		return p, fmt.Errorf("reading the jobs of replay %s: %w", id, err)
	}
	rows, err = l.db.Query(ctx, selectRun+` JOIN alphapulse.replay_runs p ON p.run_id = r.id WHERE p.replay_id = $1
ORDER BY a.name NULLS LAST, r.id LIMIT 1000`, id)
	if err != nil {
		return p, fmt.Errorf("reading the runs of replay %s: %w", id, err)
	}
	p.Runs, err = pgx.CollectRows(rows, scanRun)
	return p, err
}

// PruneReplays removes replays that ended before the retention of runs.
func (l *Ledger) PruneReplays(ctx context.Context, limit int) (int, error) {
	const prune = `
DELETE FROM alphapulse.replays
WHERE id = ANY (ARRAY(SELECT id FROM alphapulse.replays
                      WHERE finished_at < (SELECT clock_timestamp() - $1::interval)
                      ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED))`
	tag, err := l.db.Exec(ctx, prune, l.set.Retention, limit)
	if err != nil {
		return 0, fmt.Errorf("pruning old replays: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
