package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// TypeSchedule is the schedule of one data type of an account or a market.
type TypeSchedule struct {
	Account     string // its name; "" for what belongs to the market
	MarketID    string
	Exchange    string
	Environment string
	DataType    string
	Every       time.Duration
	Stretch     float64
	NextAt      time.Time
	Enabled     bool
	Paused      bool
	Skipped     int64
}

// scheduleColumns are those of a TypeSchedule, of schedules s, accounts a and
// markets m.
func scheduleColumns() string {
	return `coalesce(a.name, ''), m.id, m.exchange, m.environment, s.data_type, s.every, m.stretch::double precision,
       s.next_at, s.enabled, ` + pausedFor("m", "s.account_id", "s.data_type", "'live'") + `, s.skipped`
}

const scheduleOwners = `
LEFT JOIN alphapulse.accounts a ON a.id = s.account_id
JOIN alphapulse.markets m ON m.id = coalesce(s.market_id, a.market_id)`

// Schedules lists the schedules of an account and of its market, or (id "") of
// all living accounts and all markets.
func (l *Ledger) Schedules(ctx context.Context, accountID string) ([]TypeSchedule, error) {
	return l.schedules(ctx, accountID, "true")
}

// DisabledSchedules lists those of Schedules that are off.
func (l *Ledger) DisabledSchedules(ctx context.Context, accountID string) ([]TypeSchedule, error) {
	return l.schedules(ctx, accountID, "NOT s.enabled")
}

func (l *Ledger) schedules(ctx context.Context, accountID, which string) ([]TypeSchedule, error) {
	query := `
SELECT ` + scheduleColumns() + `
FROM alphapulse.schedules s` + scheduleOwners + `
WHERE (a.id IS NULL OR a.status <> 'removed') AND ` + which + `
  AND ($1 = '' OR s.subject_id IN (SELECT unnest(ARRAY[id, market_id]) FROM alphapulse.accounts WHERE id = nullif($1, '')::uuid))
ORDER BY m.exchange, m.environment, m.id, a.name NULLS LAST, array_position($2::text[], s.data_type)`
	rows, err := l.db.Query(ctx, query, accountID, typeNames(syncjob.Known()))
	if err != nil {
		return nil, fmt.Errorf("listing schedules: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[TypeSchedule])
}

// ScheduleChange says which schedules change, and how. What is empty matches
// everything, or is left as it is.
type ScheduleChange struct {
	AccountID   string // of this account, and of its market
	MarketID    string
	Exchange    string
	Environment string
	Types       []syncjob.DataType
	Every       *time.Duration
	Enabled     *bool
}

// SetSchedules changes schedules and gives them as they are then. The next slot
// is the subject's own first one of the cadence after now: subjects stay spread,
// however many change at once, and nothing is made up for. ErrNotFound if there
// is no such schedule.
func (l *Ledger) SetSchedules(ctx context.Context, c ScheduleChange) ([]TypeSchedule, error) {
	update := fmt.Sprintf(`
WITH chosen AS (
    SELECT s.subject_id, s.data_type FROM alphapulse.schedules s%s
    WHERE s.data_type = ANY ($1) AND (a.id IS NULL OR a.status <> 'removed')
      AND ($2 = '' OR s.subject_id IN (SELECT unnest(ARRAY[id, market_id]) FROM alphapulse.accounts WHERE id = nullif($2, '')::uuid))
      AND ($3 = '' OR m.id = nullif($3, '')::uuid)
      AND ($4 = '' OR m.exchange = $4)
      AND ($5 = '' OR m.environment = $5)
    ORDER BY s.subject_id, s.data_type FOR UPDATE OF s)
UPDATE alphapulse.schedules s
SET every = coalesce($6::interval, s.every), enabled = coalesce($7::boolean, s.enabled),
    next_at = %s
FROM chosen c WHERE s.subject_id = c.subject_id AND s.data_type = c.data_type
RETURNING s.subject_id, s.data_type`, scheduleOwners, SlotAfter("s.subject_id", "coalesce($6::interval, s.every)", "clock_timestamp()"))
	read := `
SELECT ` + scheduleColumns() + `
FROM unnest($1::uuid[], $2::text[]) AS c (subject_id, data_type)
JOIN alphapulse.schedules s ON s.subject_id = c.subject_id AND s.data_type = c.data_type` + scheduleOwners + `
ORDER BY m.exchange, m.environment, m.id, a.name NULLS LAST, array_position($3::text[], s.data_type)`
	var set []TypeSchedule
	err := l.db.InTx(ctx, "set schedules", func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, update, typeNames(c.Types), c.AccountID, c.MarketID, c.Exchange, c.Environment, c.Every, c.Enabled)
		if err != nil {
			return err
		}
		var subjects, types []string
		var subject, dataType string
		_, err = pgx.ForEachRow(rows, []any{&subject, &dataType}, func() error {
			subjects, types = append(subjects, subject), append(types, dataType)
			return nil
		})
		if err != nil {
			return err
		}
		if len(subjects) == 0 {
			return fmt.Errorf("schedules of %s: %w", syncjob.JoinTypes(c.Types), ErrNotFound)
		}
		rows, err = tx.Query(ctx, read, subjects, types, typeNames(syncjob.Known()))
		if err != nil {
			return err
		}
		if set, err = pgx.CollectRows(rows, pgx.RowToStructByPos[TypeSchedule]); err != nil {
			return err
		}
		postgres.Hint(ctx, ChannelAccounts, "") // the planner may sleep past the new slot
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("setting schedules: %w", err)
	}
	return set, nil
}
