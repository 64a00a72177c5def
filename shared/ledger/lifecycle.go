package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// PauseAccount stops an account and ends its open runs. Its market's prices go
// on for the others.
func (l *Ledger) PauseAccount(ctx context.Context, id, reason string) error {
	return l.stopAccount(ctx, id, AccountPaused, reason, syncjob.CancelPaused, nil)
}

// RemoveAccount ends an account's runs, purges its data and its keys and frees
// its name. The runs and jobs themselves stay until their retention ends.
func (l *Ledger) RemoveAccount(ctx context.Context, id string) error {
	return l.stopAccount(ctx, id, AccountRemoved, "", syncjob.CancelRemoved, purge)
}

// purged are the tables whose rows of an account go with it.
func purged() []string {
	return []string{
		"account_credentials", "schedules", "sync_state", "sync_scopes", "sync_coverage",
		"balances", "balances_history", "positions", "positions_history", "orders", "orders_history",
		"fills", "ledger", "closed_pnl", "quarantine", "drift",
	}
}

func purge(ctx context.Context, tx pgx.Tx, id string) error {
	for _, table := range purged() {
		if _, err := tx.Exec(ctx, `DELETE FROM alphapulse.`+table+` WHERE account_id = $1`, id); err != nil {
			return fmt.Errorf("purging %s: %w", table, err)
		}
	}
	return nil
}

// stopAccount changes an account's state, ends its open runs, oldest first, and
// then does what is left. The state comes first: a claim that comes between it
// and the cancelling of the jobs either sees it or is cancelled with them. The
// purge comes last: a commit that was in flight has then either been waited for
// or will find its job cancelled, so it leaves no row behind.
func (l *Ledger) stopAccount(
	ctx context.Context, id string, to AccountStatus, reason string, why syncjob.CancelReason,
	after func(context.Context, pgx.Tx, string) error,
) error {
	err := l.db.InTx(ctx, "stop account", func(ctx context.Context, tx pgx.Tx) error {
		status, _, err := lockAccount(ctx, tx, id)
		if err != nil {
			return err
		}
		if status == AccountRemoved {
			return fmt.Errorf("account %s: %w", id, ErrNotFound)
		}
		const update = `
UPDATE alphapulse.accounts
SET status = $2, reason = $3, updated_at = clock_timestamp(),
    removed_at = CASE WHEN $2 = 'removed' THEN clock_timestamp() END
WHERE id = $1`
		if _, err := tx.Exec(ctx, update, id, string(to), reason); err != nil {
			return err
		}
		if err := endOpenRuns(ctx, tx, id, why); err != nil {
			return err
		}
		if after == nil {
			return nil
		}
		return after(ctx, tx, id)
	})
	if err != nil {
		return fmt.Errorf("stopping account: %w", err)
	}
	return nil
}

func endOpenRuns(ctx context.Context, tx pgx.Tx, accountID string, why syncjob.CancelReason) error {
	const open = `
SELECT id FROM alphapulse.sync_runs WHERE subject_id = $1 AND status = 'running'
ORDER BY created_at, id FOR NO KEY UPDATE`
	rows, err := tx.Query(ctx, open, accountID)
	if err != nil {
		return err
	}
	runs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	// All jobs in key order before the runs one by one: others that lock many
	// jobs wait in this order too.
	const jobs = `
SELECT FROM alphapulse.sync_jobs
WHERE run_id = ANY($1::uuid[]) AND status IN ('queued', 'running', 'waiting') ORDER BY id FOR UPDATE`
	if _, err := tx.Exec(ctx, jobs, runs); err != nil {
		return err
	}
	for _, run := range runs {
		if err := endLocked(ctx, tx, run, why); err != nil {
			return err
		}
	}
	return nil
}
