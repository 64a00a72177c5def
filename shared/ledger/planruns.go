package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// scheduledRun collects the due types of one subject.
type scheduledRun struct {
	id                    uuid.UUID
	subject               string
	exchange, environment string
	at                    time.Time // when its slots were taken
	cadence               time.Duration
	types                 []syncjob.DataType
	jobs                  []uuid.UUID // ids, as types
}

func (r *scheduledRun) deadline() time.Time {
	return r.at.Add(syncjob.RunDeadline(syncjob.Schedule, r.cadence))
}

// scheduledFor tells the runs of a tick apart. A probe has one of its own: it is
// no data, and must not decide how a run of data ended.
type scheduledFor struct {
	subject string
	probe   bool
}

// scheduledRuns are one run per subject of the slots that get a job, and one for
// its probe. A type that this release does not know gets none.
func scheduledRuns(slots []Slot) []*scheduledRun {
	var runs []*scheduledRun
	of := map[scheduledFor]*scheduledRun{}
	known := syncjob.Known()
	for _, s := range slots {
		if !s.Plan || !slices.Contains(known, syncjob.DataType(s.DataType)) {
			continue
		}
		key := scheduledFor{subject: s.SubjectID, probe: s.DataType == string(syncjob.Probe)}
		run := of[key]
		if run == nil {
			run = &scheduledRun{
				id: newID(), subject: s.SubjectID, exchange: s.exchange, environment: s.environment, at: s.at,
			}
			of[key], runs = run, append(runs, run)
		}
		run.types, run.jobs = append(run.types, syncjob.DataType(s.DataType)), append(run.jobs, newID())
		if !key.probe { // it is over in seconds or it is not worth waiting for
			run.cadence = max(run.cadence, s.Every)
		}
	}
	return runs
}

// newID is an id for a row of which many are made: such ids rise with time, so that
// new rows stand side by side in an index and not all over it. Nothing relies on it.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func plannedOf(slots []Slot, runs []*scheduledRun) Planned {
	planned := Planned{Runs: len(runs)}
	for _, r := range runs {
		planned.Jobs += len(r.jobs)
	}
	planned.Skipped = len(slots) - planned.Jobs
	return planned
}

// publications are the jobs of runs that were inserted as taken.
func publications(kind syncjob.SubjectKind, runs []*scheduledRun) []Publication {
	var jobs []Publication
	for _, r := range runs {
		deadline, runID := r.deadline(), r.id.String()
		for i, t := range r.types {
			jobs = append(jobs, Publication{
				JobID: r.jobs[i].String(), RunID: runID, Publishes: 1, SubjectKind: kind, SubjectID: r.subject,
				Exchange: r.exchange, Environment: r.environment, DataType: t, Lane: syncjob.Live,
				ExpiresAt: &deadline, PlannedAt: r.at,
			})
		}
	}
	return jobs
}

// insertScheduledRuns makes the runs and their jobs: due, or taken already, with the
// first publication counted and its time set.
func insertScheduledRuns(
	ctx context.Context, tx pgx.Tx, kind syncjob.SubjectKind, runs []*scheduledRun, taken bool,
) error {
	if len(runs) == 0 {
		return nil
	}
	n, err := columnsOf(runs)
	if err != nil {
		return err
	}
	insert := fmt.Sprintf(`
WITH r AS (
    INSERT INTO alphapulse.sync_runs
        (id, %[1]s, requested_types, trigger, jobs_total, created_at, started_at, deadline_at)
    SELECT n.id, n.subject, string_to_array(n.types, ','), 'schedule',
           cardinality(string_to_array(n.types, ',')), $10, $10, n.deadline
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) AS n (id, subject, types, deadline))
INSERT INTO alphapulse.sync_jobs
    (id, run_id, %[1]s, data_type, lane, trigger, consumer, max_attempts, queued_at, publishes, published_at, next_at)
SELECT j.id, j.run, j.subject, j.data_type, 'live', 'schedule', j.market || '-' || j.data_type || '-live', $11, $10,
       CASE WHEN $12 THEN 1 ELSE 0 END, CASE WHEN $12 THEN $10::timestamptz END, CASE WHEN NOT $12 THEN $10::timestamptz END
FROM unnest($5::uuid[], $6::uuid[], $7::uuid[], $8::text[], $9::text[]) AS j (id, run, subject, data_type, market)`,
		subjectColumn(kind))
	_, err = tx.Exec(ctx, insert, n.runs, n.subjects, n.types, n.deadlines, n.jobs, n.runOf, n.subjectOf, n.typeOf, n.marketOf,
		runs[0].at, syncjob.MaxAttempts(syncjob.Live, syncjob.Schedule), taken)
	return err
}

// runColumns are runs, and then their jobs, as columns.
type runColumns struct {
	runs, subjects, jobs, runOf, subjectOf [][16]byte // sent in binary
	types, typeOf, marketOf                []string
	deadlines                              []time.Time
}

func columnsOf(runs []*scheduledRun) (runColumns, error) {
	var n runColumns
	for _, r := range runs {
		subject, err := uuid.Parse(r.subject)
		if err != nil {
			return n, fmt.Errorf("subject %q: %w", r.subject, err)
		}
		n.runs, n.subjects = append(n.runs, r.id), append(n.subjects, subject)
		n.types = append(n.types, syncjob.JoinTypes(syncjob.Normalize(r.types)))
		n.deadlines = append(n.deadlines, r.deadline())
		for i, t := range r.types {
			n.jobs, n.runOf, n.typeOf = append(n.jobs, r.jobs[i]), append(n.runOf, r.id), append(n.typeOf, string(t))
			n.marketOf = append(n.marketOf, r.exchange+"-"+r.environment)
			n.subjectOf = append(n.subjectOf, subject)
		}
	}
	return n, nil
}
