package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Planned is what one planning step did.
type Planned struct {
	Runs    int // runs made, each with at least one job
	Jobs    int
	Skipped int // due slots for which no job was made
}

// PlanDue plans the due schedules of up to limit accounts or markets: one run
// per subject (and one for its probe) with every due type that has no open live job, is not paused and
// not banned. A slot passes either way; after downtime only the newest one is
// planned. Any number of schedulers may call it: subjects that another one is
// planning are left to it.
func (l *Ledger) PlanDue(ctx context.Context, kind syncjob.SubjectKind, limit int) (Planned, error) {
	planned, _, err := l.PlanSlots(ctx, kind, limit)
	return planned, err
}

// PlanSlots is PlanDue, and lists the slots that passed.
func (l *Ledger) PlanSlots(ctx context.Context, kind syncjob.SubjectKind, limit int) (Planned, []Slot, error) {
	var planned Planned
	var slots []Slot
	err := l.db.InTx(ctx, "plan", func(ctx context.Context, tx pgx.Tx) error {
		planned, slots = Planned{}, nil
		// Forgotten in a crash it is planned again: whatever follows from it, a
		// publication first, is flushed, and with it all that was written before.
		if _, err := tx.Exec(ctx, unflushed); err != nil {
			return err
		}
		subjects, err := lockDueSubjects(ctx, tx, kind, limit)
		if err != nil || len(subjects) == 0 {
			return err
		}
		slots, err = takeDueSlots(ctx, tx, kind, subjects)
		if err != nil {
			return err
		}
		planned, err = createScheduledRuns(ctx, tx, kind, slots)
		return err
	})
	if err != nil {
		return Planned{}, nil, fmt.Errorf("planning due %ss: %w", kind, err)
	}
	return planned, slots, nil
}

func lockDueSubjects(ctx context.Context, tx pgx.Tx, kind syncjob.SubjectKind, limit int) ([]string, error) {
	table := "alphapulse.accounts"
	if kind == syncjob.Market {
		table = "alphapulse.markets"
	}
	column := subjectColumn(kind)
	lock := fmt.Sprintf(`
SELECT s.id FROM %s s
WHERE s.id = ANY (ARRAY(SELECT %s FROM alphapulse.schedules
                        WHERE enabled AND %s IS NOT NULL AND next_at <= (SELECT clock_timestamp())
                        ORDER BY next_at LIMIT $1))
ORDER BY s.id FOR NO KEY UPDATE SKIP LOCKED`, table, column, column)
	rows, err := tx.Query(ctx, lock, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Slot is a due slot of a schedule that has passed.
type Slot struct {
	SubjectID string
	DataType  string
	Every     time.Duration
	Plan      bool          // a job was made for it
	Late      time.Duration // how long it had been due
}

// takeDueSlots moves the schedules on and says which of them get a job. The
// statement reads after the subject's lock, so an open job of a run that was
// just made is seen. A job that is held back for a following run does not count:
// one account's follower must not hold up its market's prices.
func takeDueSlots(ctx context.Context, tx pgx.Tx, kind syncjob.SubjectKind, subjects []string) ([]Slot, error) {
	source := `JOIN alphapulse.accounts a ON a.id = s.subject_id JOIN alphapulse.markets m ON m.id = a.market_id`
	living := `a.status = 'active'`
	account := `a.id`
	if kind == syncjob.Market {
		source, account = `JOIN alphapulse.markets m ON m.id = s.subject_id`, `NULL::uuid`
		// A market is read for its accounts; without one there is nothing to do.
		living = `EXISTS (SELECT FROM alphapulse.accounts a WHERE a.market_id = m.id AND a.status <> 'removed')`
	}
	take := fmt.Sprintf(`
WITH due AS (
    SELECT s.subject_id, s.data_type, s.next_at AS due_at, s.every * m.stretch::double precision AS step,
           %s
           AND NOT EXISTS (SELECT FROM alphapulse.sync_jobs j
                           WHERE j.subject_id = s.subject_id AND j.data_type = s.data_type AND j.lane = 'live'
                             AND j.status IN ('queued', 'running', 'waiting')
                             AND coalesce(j.next_at, '-infinity') < 'infinity')
           AND NOT %s
           AND NOT %s AS plan
    FROM alphapulse.schedules s %s
    WHERE s.subject_id = ANY($1) AND s.enabled AND s.next_at <= clock_timestamp()
    ORDER BY s.subject_id, s.data_type
    FOR UPDATE OF s)
UPDATE alphapulse.schedules s
SET next_at = s.next_at + due.step
              * (floor(extract(epoch FROM clock_timestamp() - s.next_at) / extract(epoch FROM due.step)) + 1),
    skipped = s.skipped + CASE WHEN due.plan THEN 0 ELSE 1 END
FROM due WHERE s.subject_id = due.subject_id AND s.data_type = due.data_type
RETURNING s.subject_id, s.data_type, due.step, due.plan, clock_timestamp() - due.due_at`,
		living, pausedFor("m", account, "s.data_type", "'live'"), bannedFor("m"), source)
	rows, err := tx.Query(ctx, take, subjects)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Slot])
}

// bannedFor is the condition that the exchange refuses every address that
// workers of the market were seen at within the last minute.
func bannedFor(market string) string {
	return fmt.Sprintf(`(EXISTS (
    SELECT FROM alphapulse.egresses e WHERE e.market_id = %[1]s.id AND e.banned_until > clock_timestamp())
  AND NOT EXISTS (
    SELECT FROM alphapulse.egresses e
    WHERE e.market_id = %[1]s.id AND e.seen_at > clock_timestamp() - interval '1 minute'
      AND (e.banned_until IS NULL OR e.banned_until <= clock_timestamp())))`, market)
}

// createScheduledRuns makes one run per subject for the slots that were taken,
// and one for its probe.
func createScheduledRuns(
	ctx context.Context, tx pgx.Tx, kind syncjob.SubjectKind, slots []Slot,
) (Planned, error) {
	var planned Planned
	runs := map[scheduledFor]*scheduledRun{}
	for _, s := range slots {
		if !s.Plan {
			planned.Skipped++
			continue
		}
		key := scheduledFor{subject: s.SubjectID, probe: s.DataType == string(syncjob.Probe)}
		run := runs[key]
		if run == nil {
			run = &scheduledRun{}
			runs[key] = run
		}
		run.types = append(run.types, syncjob.DataType(s.DataType))
		if !key.probe { // it is over in seconds or it is not worth waiting for
			run.cadence = max(run.cadence, s.Every)
		}
		planned.Jobs++
	}
	planned.Runs = len(runs)
	if planned.Runs == 0 {
		return planned, nil
	}
	return planned, insertScheduledRuns(ctx, tx, kind, runs)
}

// scheduledFor tells the runs of a tick apart. A probe has one of its own: it is
// no data, and must not decide how a run of data ended.
type scheduledFor struct {
	subject string
	probe   bool
}

// scheduledRun collects the due types of one subject.
type scheduledRun struct {
	types   []syncjob.DataType
	cadence time.Duration
}

func insertScheduledRuns(
	ctx context.Context, tx pgx.Tx, kind syncjob.SubjectKind, runs map[scheduledFor]*scheduledRun,
) error {
	var subjects, types []string
	var deadlines []time.Duration
	for key, run := range runs {
		subjects = append(subjects, key.subject)
		types = append(types, syncjob.JoinTypes(syncjob.Normalize(run.types)))
		deadlines = append(deadlines, syncjob.RunDeadline(syncjob.Schedule, run.cadence))
	}
	column := subjectColumn(kind)
	market := `(SELECT market_id FROM alphapulse.accounts WHERE id = r.subject_id)`
	if kind == syncjob.Market {
		market = `r.subject_id`
	}
	insert := fmt.Sprintf(`
WITH r AS (
    INSERT INTO alphapulse.sync_runs
        (%[1]s, requested_types, trigger, jobs_total, started_at, deadline_at)
    SELECT n.subject, string_to_array(n.types, ','), 'schedule',
           cardinality(string_to_array(n.types, ',')), clock_timestamp(), clock_timestamp() + n.deadline
    FROM unnest($1::uuid[], $2::text[], $3::interval[]) AS n (subject, types, deadline)
    RETURNING id, subject_id, requested_types)
INSERT INTO alphapulse.sync_jobs (run_id, %[1]s, data_type, lane, trigger, consumer, max_attempts, next_at)
SELECT r.id, r.subject_id, t.data_type, 'live', 'schedule',
       m.exchange || '-' || m.environment || '-' || t.data_type || '-live', $4, clock_timestamp()
FROM r JOIN alphapulse.markets m ON m.id = %[2]s, unnest(r.requested_types) AS t (data_type)`, column, market)
	_, err := tx.Exec(ctx, insert, subjects, types, deadlines, syncjob.MaxAttempts(syncjob.Live, syncjob.Schedule))
	return err
}
