package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// retryHoles is the pause between the end of one backfill of an account and the
// next that nobody asked for.
const retryHoles = 10 * time.Minute

// holedAccount is the condition that account a is to be filled up now: it is
// active, its lane backfill goes on, no backfill of it is open, and
// none has ended just now.
func holedAccount() string {
	return `a.status = 'active'
  AND NOT ` + pausedFor("m", "a.id", "NULL::text", "'backfill'") + `
  AND NOT EXISTS (SELECT FROM alphapulse.sync_runs r
                  WHERE r.subject_id = a.id AND r.trigger = 'backfill' AND r.finished_at IS NULL)
  AND NOT EXISTS (SELECT FROM alphapulse.sync_runs r
                  WHERE r.subject_id = a.id AND r.trigger = 'backfill' AND r.finished_at > clock_timestamp() - $1::interval)`
}

// FillHoles starts backfills of accounts that have holes in what is covered:
// something between the first instant and the last one is missing in a scope
// that can be read, and the exchange still serves it. Any number of processes
// may call it. It returns how many runs it started.
func (l *Ledger) FillHoles(ctx context.Context, limit int) (int, error) {
	find := `
SELECT a.id FROM (SELECT DISTINCT account_id FROM alphapulse.sync_coverage WHERE holed) c
JOIN alphapulse.accounts a ON a.id = c.account_id JOIN alphapulse.markets m ON m.id = a.market_id
WHERE ` + holedAccount() + ` ORDER BY a.id LIMIT $2`
	rows, err := l.db.Query(ctx, find, retryHoles, limit)
	if err != nil {
		return 0, fmt.Errorf("finding holes: %w", err)
	}
	accounts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, fmt.Errorf("finding holes: %w", err)
	}
	started := 0
	var failures error
	for _, id := range accounts {
		ok, err := l.fillAccount(ctx, id)
		if ok {
			started++
		}
		failures = errors.Join(failures, err)
	}
	return started, failures
}

// fillAccount looks again after it has the account's lock: a statement that
// takes the lock still reads what was so before. An account that somebody has
// locked is left to the next sweep.
func (l *Ledger) fillAccount(ctx context.Context, accountID string) (started bool, err error) {
	err = l.db.InTx(ctx, "fill holes", func(ctx context.Context, tx pgx.Tx) error {
		started = false
		locked, err := tryLockSubject(ctx, tx, syncjob.Subject{Kind: syncjob.Account, ID: accountID})
		if err != nil || !locked {
			return err
		}
		still := `
SELECT FROM alphapulse.accounts a JOIN alphapulse.markets m ON m.id = a.market_id WHERE a.id = $2 AND ` + holedAccount()
		tag, err := tx.Exec(ctx, still, retryHoles, accountID)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		jobs, err := holes(ctx, tx, accountID)
		if err != nil || len(jobs) == 0 {
			return err
		}
		_, err = l.createWork(ctx, tx, newWork{
			Subject: syncjob.Subject{Kind: syncjob.Account, ID: accountID},
			Trigger: syncjob.TriggerBackfill, Jobs: jobs,
		})
		started = err == nil
		return err
	})
	if err != nil {
		return false, fmt.Errorf("filling holes of account %s: %w", accountID, err)
	}
	return started, nil
}

// holes lists what is missing within what is covered, scope by scope: what lies
// before a scope's first instant is nobody's wish until it is asked for. Types
// that are paused are left out.
func holes(ctx context.Context, tx pgx.Tx, accountID string) ([]newJob, error) {
	read := `
SELECT c.data_type,
       range_agg((tstzmultirange(range_merge(c.covered)) * tstzmultirange(tstzrange(c.horizon, NULL))) - c.covered)
FROM alphapulse.sync_coverage c
JOIN alphapulse.accounts a ON a.id = c.account_id JOIN alphapulse.markets m ON m.id = a.market_id
WHERE c.account_id = $1 AND c.holed AND NOT ` + pausedFor("m", "a.id", "c.data_type", "'backfill'") + `
GROUP BY c.data_type ORDER BY c.data_type`
	rows, err := tx.Query(ctx, read, accountID)
	if err != nil {
		return nil, err
	}
	var jobs []newJob
	var dataType syncjob.DataType
	var missing multirange
	_, err = pgx.ForEachRow(rows, []any{&dataType, &missing}, func() error {
		for _, w := range cutWindows(windowsOf(missing)) {
			jobs = append(jobs, newJob{Type: dataType, Lane: syncjob.Backfill, Window: &w})
		}
		return nil
	})
	return jobs, err
}
