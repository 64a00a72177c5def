package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// phaseOf is the offset of a subject's slots, from a hash of its id, in SQL: subjects
// spread over the day, to the millisecond so that those of a second are not due all at
// once, while all data types of one subject share their slots as far as their cadences
// allow.
func phaseOf(subject string) string {
	return `(timestamptz '2000-01-01 00:00:00+00' + (hashtext(` + subject + `::text) & 2147483647) % 86400000 * interval '1 ms')`
}

// SlotAfter is the first slot of a subject of this cadence that comes after a time, in
// SQL, of the expressions that give these, which are never what a user wrote. That
// everything has its slots there is what spreads the work.
func SlotAfter(subject, every, after string) string {
	return fmt.Sprintf(`date_bin(%[2]s, %[3]s, %[1]s) + %[2]s`, phaseOf(subject), every, after)
}

// addSchedule makes the default schedule of a data type; its first slot is the
// next one of the subject's phase. What a market lists is read at once, because
// positions and orders need its settle coins. An existing schedule is left as it
// is.
func addSchedule(ctx context.Context, tx pgx.Tx, s syncjob.Subject, t syncjob.DataType) error {
	column := subjectColumn(s.Kind)
	insert := fmt.Sprintf(`
INSERT INTO alphapulse.schedules (%s, data_type, every, next_at)
VALUES ($1::uuid, $2, $3, CASE WHEN $2 = 'instruments' THEN clock_timestamp()
                               ELSE %s END)
ON CONFLICT (subject_id, data_type) DO NOTHING`, column, SlotAfter("$1::uuid", "$3", "clock_timestamp()"))
	if _, err := tx.Exec(ctx, insert, s.ID, string(t), t.Cadence()); err != nil {
		return fmt.Errorf("adding schedule of %s: %w", t, err)
	}
	return nil
}

// SetCadence changes how often a data type of a subject is synchronized. The
// next slot is the first of the new cadence after now.
func (l *Ledger) SetCadence(ctx context.Context, s syncjob.Subject, t syncjob.DataType, every time.Duration) error {
	update := fmt.Sprintf(`
UPDATE alphapulse.schedules
SET every = $3, next_at = %s
WHERE subject_id = $1::uuid AND data_type = $2`, SlotAfter("$1::uuid", "$3", "clock_timestamp()"))
	tag, err := l.db.Exec(ctx, update, s.ID, string(t), every)
	if err != nil {
		return fmt.Errorf("changing cadence of %s: %w", t, err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("schedule of %s: %w", t, ErrNotFound)
	}
	return nil
}

// subjectColumn is the column that holds a subject's id. It is one of two
// literals and never user input.
func subjectColumn(kind syncjob.SubjectKind) string {
	if kind == syncjob.Market {
		return "market_id"
	}
	return "account_id"
}
