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
	planned, _, err := l.PlanSlots(ctx, kind, Batch{Limit: limit})
	return planned, err
}

// Batch says which of the due slots a step takes.
type Batch struct {
	From time.Time // where to begin to look, see lookingFrom; zero: at the very beginning
	// Skip is how many slots are left out, because somebody else is about to plan
	// them: he has locked their accounts.
	Skip  int
	Limit int
}

// PlanSlots is PlanDue of one batch, and lists the slots that passed.
func (l *Ledger) PlanSlots(ctx context.Context, kind syncjob.SubjectKind, batch Batch) (Planned, []Slot, error) {
	var slots []Slot
	var runs []*scheduledRun
	err := l.db.InTx(ctx, "plan", func(ctx context.Context, tx pgx.Tx) error {
		// Forgotten in a crash it is planned again: whatever follows from it, a
		// publication first, is flushed, and with it all that was written before.
		_, err := tx.Exec(ctx, unflushed)
		if err == nil {
			slots, runs, err = planSlots(ctx, tx, kind, batch, false)
		}
		return err
	})
	if err != nil {
		return Planned{}, nil, fmt.Errorf("planning due %ss: %w", kind, err)
	}
	return plannedOf(slots, runs), slots, nil
}

// PlanTaken is PlanSlots for a caller who publishes the jobs himself, at once: they
// are made as TakeDue would leave them, which saves writing each a second time. If
// the process dies before it publishes, a job has no stream sequence and is taken
// after Settings.UnconfirmedAfter, as after a death behind TakeDue. What is told to
// the broker is flushed first.
func (l *Ledger) PlanTaken(
	ctx context.Context, kind syncjob.SubjectKind, batch Batch,
) (Planned, []Slot, []Publication, error) {
	var slots []Slot
	var runs []*scheduledRun
	err := l.db.InTx(ctx, "plan and take", func(ctx context.Context, tx pgx.Tx) error {
		var err error
		slots, runs, err = planSlots(ctx, tx, kind, batch, true)
		return err
	})
	if err != nil {
		return Planned{}, nil, nil, fmt.Errorf("planning due %ss: %w", kind, err)
	}
	return plannedOf(slots, runs), slots, publications(kind, runs), nil
}

func planSlots(
	ctx context.Context, tx pgx.Tx, kind syncjob.SubjectKind, batch Batch, taken bool,
) ([]Slot, []*scheduledRun, error) {
	subjects, err := lockDueSubjects(ctx, tx, kind, batch)
	if err != nil || len(subjects) == 0 {
		return nil, nil, err
	}
	slots, err := takeDueSlots(ctx, tx, kind, subjects)
	if err != nil {
		return nil, nil, err
	}
	runs := scheduledRuns(slots)
	return slots, runs, insertScheduledRuns(ctx, tx, kind, runs, taken)
}

func lockDueSubjects(ctx context.Context, tx pgx.Tx, kind syncjob.SubjectKind, batch Batch) ([]string, error) {
	table := "alphapulse.accounts"
	if kind == syncjob.Market {
		table = "alphapulse.markets"
	}
	column := subjectColumn(kind)
	lock := fmt.Sprintf(`
SELECT s.id FROM %s s
WHERE s.id = ANY (ARRAY(SELECT %s FROM alphapulse.schedules
                        WHERE enabled AND %s IS NOT NULL AND next_at <= (SELECT clock_timestamp())
                          AND next_at > %s
                        ORDER BY next_at OFFSET $2 LIMIT $1))
ORDER BY s.id FOR NO KEY UPDATE SKIP LOCKED`, table, column, column, lookingFrom("$3"))
	rows, err := tx.Query(ctx, lock, batch.Limit, batch.Skip, batch.From)
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
	Due       time.Time     // when it was

	at                    time.Time // when it was taken
	exchange, environment string    // of the subject's market
}

func scanSlot(row pgx.CollectableRow) (Slot, error) {
	var s Slot
	err := row.Scan(&s.SubjectID, &s.DataType, &s.Every, &s.Plan, &s.Due, &s.at, &s.exchange, &s.environment)
	s.Late = s.at.Sub(s.Due)
	return s, err
}

// takeDueSlots moves the schedules on and says which of them get a job. The
// statement reads after the subject's lock, so an open job of a run that was
// just made is seen. A schedule that somebody moves or turns off meanwhile is his. A
// job that is held back for a following run does not count: one account's follower
// must not hold up its market's prices.
func takeDueSlots(ctx context.Context, tx pgx.Tx, kind syncjob.SubjectKind, subjects []string) ([]Slot, error) {
	source := `CROSS JOIN LATERAL (SELECT id, status, market_id FROM alphapulse.accounts WHERE id = s.subject_id OFFSET 0) a
    CROSS JOIN LATERAL (SELECT * FROM alphapulse.markets WHERE id = a.market_id OFFSET 0) m`
	living := `a.status = 'active'`
	account := `a.id`
	if kind == syncjob.Market {
		source, account = `CROSS JOIN LATERAL (SELECT * FROM alphapulse.markets WHERE id = s.subject_id OFFSET 0) m`, `NULL::uuid`
		// A market is read for its accounts; without one there is nothing to do.
		living = `(SELECT true FROM alphapulse.accounts a WHERE a.market_id = m.id AND a.status <> 'removed' LIMIT 1) IS NOT NULL`
	}
	take := fmt.Sprintf(`
WITH due AS (
    SELECT s.subject_id, s.data_type, s.next_at AS due_at, s.every * m.stretch::double precision AS step,
           m.exchange, m.environment,
           %s
           AND (SELECT true FROM alphapulse.sync_jobs j
                WHERE j.subject_id = s.subject_id AND j.data_type = s.data_type AND j.lane = 'live'
                  AND j.status IN ('queued', 'running', 'waiting')
                  AND coalesce(j.next_at, '-infinity') < 'infinity' LIMIT 1) IS NULL
           AND NOT (%s AND %s)
           AND NOT (%s AND %s) AS plan
    FROM alphapulse.schedules s %s
    WHERE s.subject_id = ANY($1) AND coalesce(s.enabled, false) AND s.next_at <= clock_timestamp()
    ORDER BY s.subject_id, s.data_type)
UPDATE alphapulse.schedules s
SET next_at = s.next_at + due.step
              * (floor(extract(epoch FROM clock_timestamp() - s.next_at) / extract(epoch FROM due.step)) + 1),
    skipped = s.skipped + CASE WHEN due.plan THEN 0 ELSE 1 END
FROM due WHERE %s AND s.data_type = due.data_type AND s.next_at = due.due_at AND coalesce(s.enabled, false)
RETURNING s.subject_id, s.data_type, due.step, due.plan, due.due_at, (SELECT clock_timestamp()), due.exchange, due.environment`,
		living, anyPause, pausedFor("m", account, "s.data_type", "'live'"), anyBan, bannedFor("m"), source,
		keyed("s.subject_id", "due.subject_id"))
	rows, err := tx.Query(ctx, take, subjects)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanSlot)
}

// anyPause and anyBan are read once for a statement, and spare it to look for each
// slot when there is none, which is nearly always.
const (
	anyPause = `(SELECT EXISTS (SELECT FROM alphapulse.pauses))`
	anyBan   = `(SELECT EXISTS (SELECT FROM alphapulse.egresses WHERE banned_until > clock_timestamp()))`
)

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

// NextSlot gives how long it is until the next slot is due, at most limit, and where to
// begin to look the next time. It itself begins to look at from, see lookingFrom.
func (l *Ledger) NextSlot(ctx context.Context, from time.Time, limit time.Duration) (time.Duration, time.Time, error) {
	next := `
SELECT next_at FROM alphapulse.schedules
WHERE enabled AND next_at < (SELECT clock_timestamp() + $1::interval) AND next_at > ` + lookingFrom("$2") + `
ORDER BY next_at LIMIT 1`
	wait, first, err := l.until(ctx, next, from, limit)
	if err != nil {
		return 0, from, fmt.Errorf("finding the next slot: %w", err)
	}
	return wait, first, nil
}
