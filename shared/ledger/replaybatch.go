package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// ReplayStep is what a step of a replay did.
type ReplayStep struct {
	Made   int          // new jobs
	Status ReplayStatus // after it; "" if another scheduler is at it
}

// replayBatch bounds the jobs of one step.
const replayBatch = 500

// ReplayBatch makes the next new jobs of a replay that is planned, at its rate: of
// one account or market at a time, in one run each. It is one transaction, so that
// a scheduler that dies in it has made nothing, and the next one makes them.
func (l *Ledger) ReplayBatch(ctx context.Context, id string) (ReplayStep, error) {
	var step ReplayStep
	err := l.db.InTx(ctx, "replay jobs", func(ctx context.Context, tx pgx.Tx) error {
		step = ReplayStep{}
		const lock = `
SELECT rate FROM alphapulse.replays
WHERE id = $1 AND status = 'running' AND next_at <= clock_timestamp() FOR NO KEY UPDATE SKIP LOCKED`
		var rate float64
		err := tx.QueryRow(ctx, lock, id).Scan(&rate)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		subject, err := nextSubject(ctx, tx, id)
		if err != nil {
			return err
		}
		if subject.ID == "" {
			step.Status, err = finishReplay(ctx, tx, id)
			return err
		}
		step.Status = ReplayRunning
		step.Made, err = l.replaySubject(ctx, tx, id, subject, rate)
		return err
	})
	if err != nil {
		return ReplayStep{}, fmt.Errorf("driving replay %s: %w", id, err)
	}
	return step, nil
}

// nextSubject is whose jobs come next; empty if none is left.
func nextSubject(ctx context.Context, tx pgx.Tx, id string) (syncjob.Subject, error) {
	const next = `
SELECT CASE WHEN EXISTS (SELECT FROM alphapulse.markets m WHERE m.id = p.subject_id) THEN 'market' ELSE 'account' END,
       p.subject_id
FROM alphapulse.replay_jobs p WHERE p.replay_id = $1 AND p.state = 'planned'
ORDER BY p.subject_id, p.data_type, p.queued_at DESC, p.job_id LIMIT 1`
	var s syncjob.Subject
	err := tx.QueryRow(ctx, next, id).Scan(&s.Kind, &s.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return syncjob.Subject{}, nil
	}
	return s, err
}

// replaySubject makes the next jobs of a subject.
func (l *Ledger) replaySubject(
	ctx context.Context, tx pgx.Tx, id string, subject syncjob.Subject, rate float64,
) (made int, err error) {
	asleep := lockSyncable(ctx, tx, subject)
	switch {
	case errors.Is(asleep, ErrPaused), errors.Is(asleep, ErrPending), errors.Is(asleep, ErrNotFound):
		return 0, refuseSubject(ctx, tx, id, subject.ID, "the account is not to be synchronized: "+asleep.Error())
	case asleep != nil:
		return 0, asleep
	}
	run, err := lockReplayRun(ctx, tx, id, subject.ID)
	if err != nil {
		return 0, err
	}
	if run.ID != "" && !run.Open {
		return 0, refuseSubject(ctx, tx, id, subject.ID, "its run "+run.ID+" was ended before")
	}
	most := max(int(math.Ceil(min(rate, replayBatch))), 1)
	rows, err := replayRows(ctx, tx, id, subject.ID, max(most, replayBatch/10))
	if err != nil {
		return 0, err
	}
	batch := newBatch(run, most)
	for _, row := range rows {
		if !batch.add(row) {
			break
		}
	}
	if len(batch.jobs) > 0 {
		if err := l.makeJobs(ctx, tx, id, subject, &run, batch); err != nil {
			return 0, err
		}
	}
	if err := storeBatch(ctx, tx, id, batch, float64(len(batch.jobs))/rate); err != nil {
		return 0, err
	}
	return len(batch.jobs), endOfSubject(ctx, tx, id, subject.ID, run.ID)
}

// replayRun is the run of a replay's subject.
type replayRun struct {
	ID        string // "": not made yet
	Open      bool
	Snapshots map[syncjob.DataType]string // the job that reads what is now
}

func lockReplayRun(ctx context.Context, tx pgx.Tx, id, subjectID string) (replayRun, error) {
	const lock = `
SELECT r.id, r.status = 'running', p.snapshots
FROM alphapulse.replay_runs p JOIN alphapulse.sync_runs r ON r.id = p.run_id
WHERE p.replay_id = $1 AND p.subject_id = $2 FOR NO KEY UPDATE OF r`
	run := replayRun{Snapshots: map[syncjob.DataType]string{}}
	var encoded []byte
	err := tx.QueryRow(ctx, lock, id, subjectID).Scan(&run.ID, &run.Open, &encoded)
	if errors.Is(err, pgx.ErrNoRows) {
		return run, nil
	}
	if err != nil {
		return run, fmt.Errorf("locking the run of replay %s: %w", id, err)
	}
	return run, json.Unmarshal(encoded, &run.Snapshots)
}

// makeJobs puts the jobs of a batch into the subject's run, which grows until the
// last one is in it.
func (l *Ledger) makeJobs(
	ctx context.Context, tx pgx.Tx, id string, subject syncjob.Subject, run *replayRun, batch *batch,
) error {
	work := newWork{Subject: subject, Trigger: syncjob.Replay, Jobs: batch.jobs, Growing: true}
	var err error
	if run.ID == "" {
		run.ID, err = l.createWork(ctx, tx, work)
	} else {
		err = l.widenWork(ctx, tx, run.ID, work)
	}
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(batch.run.Snapshots)
	if err != nil {
		return fmt.Errorf("encoding what replay %s reads: %w", id, err)
	}
	const upsert = `
INSERT INTO alphapulse.replay_runs (replay_id, subject_id, run_id, snapshots) VALUES ($1, $2, $3, $4)
ON CONFLICT (replay_id, subject_id) DO UPDATE SET snapshots = excluded.snapshots`
	if _, err := tx.Exec(ctx, upsert, id, subject.ID, run.ID, encoded); err != nil {
		return fmt.Errorf("writing down the run of replay %s: %w", id, err)
	}
	return nil
}

// storeBatch writes down what became of the jobs of a batch. A dead job that is
// replayed is dealt with.
func storeBatch(ctx context.Context, tx pgx.Tx, id string, b *batch, pause float64) error {
	const update = `
UPDATE alphapulse.replay_jobs p SET state = d.state, why = d.why, new_job_id = d.new_job
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[]) AS d (job, state, why, new_job)
WHERE p.replay_id = $1 AND p.job_id = d.job AND p.state = 'planned'`
	tag, err := tx.Exec(ctx, update, id, b.ids, b.states, b.whys, b.news)
	if err != nil {
		return fmt.Errorf("writing down what replay %s did: %w", id, err)
	}
	if int(tag.RowsAffected()) != len(b.ids) {
		return fmt.Errorf("replay %s: a job was replayed by somebody else", id)
	}
	const resolved = `
INSERT INTO alphapulse.dead_letters_resolved (job_id, resolution, replacement_job_id, resolved_by, note)
SELECT j.id, 'requeued', d.new_job, p.requested_by, 'replay ' || p.id
FROM unnest($2::uuid[], $3::uuid[]) AS d (job, new_job) JOIN alphapulse.sync_jobs j ON j.id = d.job, alphapulse.replays p
WHERE p.id = $1 AND j.status = 'dead' AND d.new_job IS NOT NULL ORDER BY j.id
ON CONFLICT (job_id) DO NOTHING`
	if _, err := tx.Exec(ctx, resolved, id, b.ids, b.news); err != nil {
		return fmt.Errorf("writing down what became of dead letters: %w", err)
	}
	const counts = `
UPDATE alphapulse.replays
SET jobs_replayed = jobs_replayed + $2, jobs_skipped = jobs_skipped + $3, jobs_refused = jobs_refused + $4,
    next_at = clock_timestamp() + make_interval(secs => $5)
WHERE id = $1`
	_, err = tx.Exec(ctx, counts, id, b.count(stateReplayed), b.count(stateSkipped), b.count(stateRefused), pause)
	return err
}

func refuseSubject(ctx context.Context, tx pgx.Tx, id, subjectID, why string) error {
	const refuse = `
WITH refused AS (
    UPDATE alphapulse.replay_jobs SET state = 'refused', why = $3
    WHERE replay_id = $1 AND subject_id = $2 AND state = 'planned' RETURNING 1)
UPDATE alphapulse.replays SET jobs_refused = jobs_refused + (SELECT count(*) FROM refused) WHERE id = $1`
	_, err := tx.Exec(ctx, refuse, id, subjectID, why)
	if err != nil {
		return err
	}
	return endOfSubject(ctx, tx, id, subjectID, "")
}

// endOfSubject lets the run of a subject be folded when its last job is in it.
func endOfSubject(ctx context.Context, tx pgx.Tx, id, subjectID, runID string) error {
	const grown = `
UPDATE alphapulse.sync_runs SET growing = false
WHERE id = coalesce(nullif($3, '')::uuid, (SELECT run_id FROM alphapulse.replay_runs WHERE replay_id = $1 AND subject_id = $2))
  AND growing
  AND NOT EXISTS (SELECT FROM alphapulse.replay_jobs WHERE replay_id = $1 AND subject_id = $2 AND state = 'planned')`
	_, err := tx.Exec(ctx, grown, id, subjectID, runID)
	return err
}

// watchPause is how often a replay that has made all its jobs looks whether they
// have ended.
const watchPause = time.Second

// finishReplay ends a replay all of whose runs have ended.
func finishReplay(ctx context.Context, tx pgx.Tx, id string) (ReplayStatus, error) {
	const read = `
SELECT count(*) FILTER (WHERE r.status = 'running'), count(*), count(*) FILTER (WHERE r.status IN ('succeeded', 'partial'))
FROM alphapulse.replay_runs p JOIN alphapulse.sync_runs r ON r.id = p.run_id WHERE p.replay_id = $1`
	var running, all, stored int
	if err := tx.QueryRow(ctx, read, id).Scan(&running, &all, &stored); err != nil {
		return "", err
	}
	if running > 0 {
		_, err := tx.Exec(ctx, `UPDATE alphapulse.replays SET next_at = clock_timestamp() + $2::interval WHERE id = $1`,
			id, watchPause)
		return ReplayRunning, err
	}
	status := ReplayFinished
	if all > 0 && stored == 0 {
		status = ReplayFailed
	}
	_, err := tx.Exec(ctx, `
UPDATE alphapulse.replays SET status = $2, finished_at = clock_timestamp() WHERE id = $1`, id, string(status))
	return status, err
}
