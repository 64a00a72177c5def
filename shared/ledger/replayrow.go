package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// The states of a job of a replay.
const (
	stateReplayed = "replayed"
	stateSkipped  = "skipped"
	stateRefused  = "refused"
)

// replayRow is a job to be replayed, as the tables know it.
type replayRow struct {
	JobID  string
	Known  bool // false: it was pruned meanwhile
	Type   syncjob.DataType
	Lane   syncjob.Lane
	Window *Window
	Params json.RawMessage
	// ReadTo is up to when a live job of a history read; nil if it never began.
	ReadTo *time.Time
	// ReadBefore is when the success before it had read to; nil: none is kept.
	ReadBefore *time.Time
	Lag        time.Duration // how far behind its reading a history's coverage ends
}

// How far back a live job of a history reads that is the first of its account,
// and the lag of a history of which nothing is known.
const (
	firstReading = 7 * 24 * time.Hour
	usualLag     = 10 * time.Minute
)

// runsBack is among how many runs of the account the success before a job is
// looked for.
const runsBack = 200

// replayRows reads the next jobs of a subject, the latest of each type first.
func replayRows(ctx context.Context, tx pgx.Tx, id, subjectID string, limit int) ([]replayRow, error) {
	const read = `
SELECT p.job_id, j.id IS NOT NULL, p.data_type, coalesce(j.lane, ''), j."window", j.params,
       CASE WHEN live.is THEN coalesce(j.as_of, j.finished_at) END, before.as_of, coalesce(c.lag, interval '10 minutes')
FROM (SELECT * FROM alphapulse.replay_jobs WHERE replay_id = $1 AND subject_id = $2 AND state = 'planned'
      ORDER BY subject_id, data_type, queued_at DESC, job_id LIMIT $3) p
LEFT JOIN alphapulse.sync_jobs j ON j.id = p.job_id
LEFT JOIN alphapulse.sync_runs r ON r.id = j.run_id
CROSS JOIN LATERAL (SELECT coalesce(j.lane = 'live' AND j."window" IS NULL AND j.started_at IS NOT NULL
                                    AND j.data_type = ANY ($4::text[]), false) AS is) live
LEFT JOIN LATERAL (
    SELECT max(o.as_of) AS as_of
    FROM (SELECT id FROM alphapulse.sync_runs
          WHERE subject_id = $2 AND created_at < r.created_at ORDER BY created_at DESC LIMIT $5) earlier
    JOIN alphapulse.sync_jobs o ON o.run_id = earlier.id
    WHERE o.data_type = j.data_type AND o.subject_id = j.subject_id AND o.lane = 'live' AND o.status = 'succeeded'
      AND o.as_of < coalesce(j.as_of, j.finished_at)) before ON live.is
LEFT JOIN LATERAL (SELECT max(lag) AS lag FROM alphapulse.sync_coverage
                   WHERE subject_id = $2 AND data_type = p.data_type) c ON live.is
ORDER BY p.data_type, p.queued_at DESC, p.job_id`
	rows, err := tx.Query(ctx, read, id, subjectID, limit, typeNames(syncjob.Histories()), runsBack)
	if err != nil {
		return nil, fmt.Errorf("reading the jobs of replay %s: %w", id, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (replayRow, error) {
		var r replayRow
		var window *pgtype.Range[pgtype.Timestamptz]
		err := row.Scan(&r.JobID, &r.Known, &r.Type, &r.Lane, &window, &r.Params, &r.ReadTo, &r.ReadBefore, &r.Lag)
		r.Window = optionalWindow(window)
		return r, err
	})
}

// window is what the job read of a history: its own, or, of a live one, from
// where the success before it had come to. Reading more than it did is harmless.
// nil: it read what was then.
func (r replayRow) window() *Window {
	switch {
	case r.Window != nil:
		return r.Window
	case r.ReadTo == nil:
		return nil
	}
	w := Window{From: r.ReadTo.Add(-firstReading - max(r.Lag, usualLag)), To: *r.ReadTo}
	if r.ReadBefore != nil {
		w.From = r.ReadBefore.Add(-max(r.Lag, usualLag))
	}
	return &w
}

// batch collects new jobs and what became of the old ones.
type batch struct {
	run  replayRun
	most int
	jobs []newJob

	ids, states, whys []string
	news              []*string
}

func newBatch(run replayRun, most int) *batch { return &batch{run: run, most: most} }

func (b *batch) count(state string) (n int) {
	for _, s := range b.states {
		if s == state {
			n++
		}
	}
	return n
}

func (b *batch) note(row replayRow, state, why, newJob string) {
	b.ids, b.states, b.whys = append(b.ids, row.JobID), append(b.states, state), append(b.whys, why)
	b.news = append(b.news, nullText(newJob))
}

// add decides about one job, and reports false when the batch is full before it.
// A window is read in lane backfill, which touches neither watermark nor state.
// What is now is read once, by the first job that asks; live orders are both.
func (b *batch) add(row replayRow) bool {
	if len(b.jobs) >= b.most {
		return false
	}
	if !row.Known {
		b.note(row, stateRefused, "it was pruned", "")
		return true
	}
	job := newJob{ID: uuid.NewString(), Type: row.Type, Lane: row.Lane, Window: row.window(), ReplayOf: row.JobID}
	if row.Params != nil {
		if err := json.Unmarshal(row.Params, &job.Params); err != nil {
			b.note(row, stateRefused, "its parameters cannot be read", "")
			return true
		}
	}
	switch {
	case job.Window == nil && job.Params == nil:
		b.addSnapshot(row, job)
		return true
	case job.Window != nil:
		job.Lane = syncjob.Backfill
	}
	if row.Type == syncjob.Orders && row.ReadTo != nil && b.run.Snapshots[row.Type] == "" {
		open := newJob{ID: uuid.NewString(), Type: row.Type, Lane: syncjob.Live} // repeats no single job
		b.run.Snapshots[row.Type] = open.ID
		b.jobs = append(b.jobs, open)
	}
	b.jobs = append(b.jobs, job)
	b.note(row, stateReplayed, "", job.ID)
	return true
}

func (b *batch) addSnapshot(row replayRow, job newJob) {
	if id := b.run.Snapshots[row.Type]; id != "" {
		b.note(row, stateSkipped, "one new job reads what is now for all of them", id)
		return
	}
	job.Lane = syncjob.Live
	b.run.Snapshots[row.Type] = job.ID
	b.jobs = append(b.jobs, job)
	b.note(row, stateReplayed, "", job.ID)
}
