package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// phase is the offset of a subject's slots, from a hash of its id: subjects
// spread over the day, while all data types of one subject share their slots as
// far as their cadences allow.
const phase = `(timestamptz '2000-01-01 00:00:00+00' + make_interval(secs => (hashtext($1::text) & 2147483647) %% 86400))`

// addSchedule makes the default schedule of a data type; its first slot is the
// next one of the subject's phase. What a market lists is read at once, because
// positions and orders need its settle coins. An existing schedule is left as it
// is.
func addSchedule(ctx context.Context, tx pgx.Tx, s syncjob.Subject, t syncjob.DataType) error {
	column := subjectColumn(s.Kind)
	insert := fmt.Sprintf(`
INSERT INTO alphapulse.schedules (%s, data_type, every, next_at)
VALUES ($1::uuid, $2, $3, CASE WHEN $2 = 'instruments' THEN clock_timestamp()
                               ELSE date_bin($3, clock_timestamp(), `+phase+`) + $3 END)
ON CONFLICT (subject_id, data_type) DO NOTHING`, column)
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
SET every = $3, next_at = date_bin($3, clock_timestamp(), ` + phase + `) + $3
WHERE subject_id = $1::uuid AND data_type = $2`)
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
