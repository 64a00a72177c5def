package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/internal/drift"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	everyRunEnds  = "every run ends and no job is left open"
	snapshotsTrue = "balances, positions, open orders and prices equal the exchange's at their as_of"
	historiesTrue = "fills, ledger, closed orders and closed PnL equal the exchange's; no row twice, none missing"
	pastUnbroken  = "at no time did a balance, a position or an order have two rows"
)

// drainWithin is how long open runs may take to end once nothing is asked for.
const drainWithin = 3 * time.Minute

// Final ends the load and everything that is planned, waits until every run has
// ended, and audits all there is. It must be called when every fault is healed.
func (a *Auditor) Final(ctx context.Context) error {
	a.About("the final audit")
	a.w.StopLoad()
	if err := a.w.StopSchedules(ctx); err != nil {
		return err
	}
	if err := a.drain(ctx); err != nil {
		return err
	}
	if err := a.readAll(ctx); err != nil {
		return err
	}
	a.tables(ctx)
	return errors.Join(a.snapshots(ctx), a.histories(ctx), a.past(ctx), a.announcements(ctx))
}

// drain waits until no run is open.
func (a *Auditor) drain(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	open := -1
	for waiting.Err() == nil {
		n, err := a.w.Count(waiting, `SELECT (SELECT count(*) FROM alphapulse.sync_runs WHERE status = 'running')
			+ (SELECT count(*) FROM alphapulse.sync_jobs WHERE finished_at IS NULL)`)
		if err == nil {
			open = n
		}
		if open == 0 {
			a.note(everyRunEnds, 1, nil)
			return nil
		}
		pause(waiting, 200*time.Millisecond)
	}
	left, err := a.leftOpen(ctx)
	a.note(everyRunEnds, 1, append([]string{fmt.Sprintf("%d runs and jobs are open after %s", open, drainWithin)}, left...))
	return err
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (a *Auditor) leftOpen(ctx context.Context) ([]string, error) {
	rows, err := a.w.DB.Query(ctx, `
SELECT concat_ws(' ', 'job', id, 'of', trigger, data_type, lane, 'is', status, 'attempt', attempt, 'publishes', publishes,
                 'seq', stream_seq, 'next', next_at, wait_reason, error_message)
FROM alphapulse.sync_jobs WHERE finished_at IS NULL ORDER BY queued_at LIMIT 10`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// readAll fills what is left to fill: a backfill of everything, as a person would
// ask for who wants to be sure, and then a sync.
func (a *Auditor) readAll(ctx context.Context) error {
	for _, account := range a.w.Accounts {
		_, err := a.w.Ledger.StartBackfill(ctx, ledger.BackfillRequest{
			AccountID: account.ID, Types: syncjob.Histories(), Since: a.w.Began(),
		})
		if err != nil && !errors.Is(err, ledger.ErrNothingMissing) {
			return fmt.Errorf("filling what is missing of %s: %w", account.Name, err)
		}
		if _, _, err := a.w.Ledger.StartManual(ctx, account.ID, syncjob.Requestable()); err != nil {
			return fmt.Errorf("syncing %s: %w", account.Name, err)
		}
	}
	return a.drain(ctx)
}

func (a *Auditor) snapshots(ctx context.Context) error {
	for _, account := range a.w.Accounts {
		differences, err := drift.Snapshots(ctx, a.w.DB, a.w.Exchange, account)
		if err != nil {
			return fmt.Errorf("comparing %s with the truth: %w", account.Name, err)
		}
		a.note(snapshotsTrue, 1, named(account, differences))
	}
	return nil
}

// histories are compared as far as they are covered: what the exchange lists only
// later is not yet to be had.
func (a *Auditor) histories(ctx context.Context) error {
	for _, account := range a.w.Accounts {
		until, err := a.coveredUntil(ctx, account)
		if err != nil {
			return err
		}
		differences, rows, err := drift.Records(ctx, a.w.DB, a.w.Exchange, account, a.w.Began().Add(24*time.Hour), until)
		if err != nil {
			return fmt.Errorf("comparing the histories of %s with the truth: %w", account.Name, err)
		}
		a.note(historiesTrue, rows, named(account, differences))
	}
	return nil
}

// coveredUntil is the instant up to which everything since the day after the
// beginning is covered. A hole is a breach: a backfill has just been asked for.
func (a *Auditor) coveredUntil(ctx context.Context, account ledger.Account) (time.Time, error) {
	var until time.Time
	var holes []string
	err := a.w.DB.QueryRow(ctx, `
SELECT min(upper(covered)), coalesce(array_agg(data_type || ' ' || scope || ' is covered only in ' || covered::text)
       FILTER (WHERE NOT covered @> tstzrange($2, upper(covered))), '{}')
FROM alphapulse.sync_coverage WHERE account_id = $1 AND unreadable IS NULL`, account.ID, a.w.Began().Add(24*time.Hour)).
		Scan(&until, &holes)
	if err != nil {
		return until, fmt.Errorf("reading the coverage of %s: %w", account.Name, err)
	}
	a.note(historiesTrue, 0, named(account, holes))
	return until, nil
}

func (a *Auditor) past(ctx context.Context) error {
	for table, key := range map[string]string{
		"balances_history":  "account_id, wallet, asset",
		"positions_history": "account_id, category, symbol, position_idx",
		"orders_history":    "account_id, category, order_id",
	} {
		n, err := a.w.Count(ctx, `
SELECT count(*) FROM (SELECT valid_from, lag(coalesce(valid_to, 'infinity')) OVER (PARTITION BY `+key+` ORDER BY valid_from) before
FROM alphapulse.`+table+`) x WHERE before > valid_from`)
		if err != nil {
			return fmt.Errorf("auditing %s: %w", table, err)
		}
		var breaches []string
		if n > 0 {
			breaches = []string{fmt.Sprintf("%s has %d rows that begin before the one before them ends", table, n)}
		}
		a.note(pastUnbroken, 1, breaches)
	}
	return nil
}

func named(account ledger.Account, differences []string) []string {
	all := make([]string, len(differences))
	for i, d := range differences {
		all[i] = account.Name + ": " + d
	}
	return all
}
