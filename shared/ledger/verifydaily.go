package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// verifyEvery is how often each account is verified from a sample.
const verifyEvery = 24 * time.Hour

// scheduleVerify sets when a new account is verified first: at its phase, and
// not before half a day has passed.
func scheduleVerify(ctx context.Context, tx pgx.Tx, accountID string) error {
	update := fmt.Sprintf(`
UPDATE alphapulse.accounts
SET verify_at = %s
WHERE id = $1::uuid`, SlotAfter("$1::uuid", "$2::interval", "clock_timestamp() + interval '12 hours'"))
	if _, err := tx.Exec(ctx, update, accountID, verifyEvery); err != nil {
		return fmt.Errorf("scheduling verification: %w", err)
	}
	return nil
}

// PlanVerify starts the daily verification of accounts whose time has come. A
// slot in which one of the account is still open, or its lane backfill is paused,
// passes, as do those of a downtime but the last. Any number of processes may
// call it. It returns how many slots passed.
func (l *Ledger) PlanVerify(ctx context.Context, limit int) (int, error) {
	const find = `
SELECT id FROM alphapulse.accounts
WHERE status = 'active' AND verify_at <= (SELECT clock_timestamp()) ORDER BY verify_at LIMIT $1`
	rows, err := l.db.Query(ctx, find, limit)
	if err != nil {
		return 0, fmt.Errorf("finding accounts to verify: %w", err)
	}
	accounts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, fmt.Errorf("finding accounts to verify: %w", err)
	}
	passed := 0
	var failures error
	for _, id := range accounts {
		ok, err := l.verifyDaily(ctx, id)
		if ok {
			passed++
		}
		failures = errors.Join(failures, err)
	}
	return passed, failures
}

func (l *Ledger) verifyDaily(ctx context.Context, accountID string) (passed bool, err error) {
	err = l.db.InTx(ctx, "verify account", func(ctx context.Context, tx pgx.Tx) error {
		passed = false
		const take = `
UPDATE alphapulse.accounts
SET verify_at = verify_at + $2::interval
                * (floor(extract(epoch FROM clock_timestamp() - verify_at) / extract(epoch FROM $2::interval)) + 1)
WHERE id = (SELECT id FROM alphapulse.accounts
            WHERE id = $1 AND status = 'active' AND verify_at <= clock_timestamp() FOR NO KEY UPDATE SKIP LOCKED)`
		tag, err := tx.Exec(ctx, take, accountID, verifyEvery)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		passed = true
		if open, err := verifying(ctx, tx, accountID); err != nil || open {
			return err
		}
		if paused, err := backfillPaused(ctx, tx, accountID); err != nil || paused {
			return err
		}
		req, err := VerifyRequest{AccountID: accountID, Sample: l.set.VerifySample}.checked()
		if err == nil {
			_, err = l.verify(ctx, tx, req)
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("verifying account %s: %w", accountID, err)
	}
	return passed, nil
}

// backfillPaused reports whether all of an account's work in lane backfill is
// paused.
func backfillPaused(ctx context.Context, tx pgx.Tx, accountID string) (paused bool, err error) {
	read := `
SELECT ` + pausedFor("m", "a.id", "NULL::text", "'backfill'") + `
FROM alphapulse.accounts a JOIN alphapulse.markets m ON m.id = a.market_id WHERE a.id = $1`
	err = tx.QueryRow(ctx, read, accountID).Scan(&paused)
	return paused, err
}

// verifying reports whether a verification of an account is open. It is asked
// after the account's lock is held, so that one made meanwhile shows.
func verifying(ctx context.Context, tx pgx.Tx, accountID string) (open bool, err error) {
	const read = `
SELECT EXISTS (SELECT FROM alphapulse.sync_runs WHERE subject_id = $1 AND status = 'running' AND trigger = 'verify')`
	err = tx.QueryRow(ctx, read, accountID).Scan(&open)
	return open, err
}
