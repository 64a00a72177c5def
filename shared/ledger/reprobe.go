package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// probeUndecided is the condition that the last probe of a pending account a did not
// come to a decision (no worker took it, its workers died, the exchange did not
// answer), and that as much time has passed since as it had then been waiting for:
// half a minute at least, an hour at most. A probe that somebody cancelled, and a
// key that was refused or cannot be taken, are decisions; a person is needed.
const probeUndecided = `a.status = 'pending' AND EXISTS (
    SELECT FROM (SELECT id FROM alphapulse.sync_runs r WHERE r.subject_id = a.id AND r.trigger = 'probe'
                 ORDER BY created_at DESC, id DESC LIMIT 1) last
    JOIN alphapulse.sync_jobs j ON j.run_id = last.id
    WHERE (j.cancel_reason = 'deadline'
           OR (j.status IN ('failed', 'dead')
               AND j.error_class IN ('transient', 'rate_limited', 'banned', 'clock_skew', 'maintenance', 'database', 'lost')))
      AND clock_timestamp() - j.finished_at
          >= least(greatest(j.finished_at - a.created_at, interval '30 seconds'), interval '1 hour'))`

// ProbeAgain starts a probe of pending accounts whose last one came to no decision:
// an account that was added while no worker ran, or while the exchange was away,
// becomes active without anybody's doing. Any number of processes may call it. It
// returns how many were started.
func (l *Ledger) ProbeAgain(ctx context.Context, limit int) (int, error) {
	const find = `SELECT a.id FROM alphapulse.accounts a WHERE ` + probeUndecided + ` ORDER BY a.id LIMIT $1`
	rows, err := l.db.Query(ctx, find, limit)
	if err != nil {
		return 0, fmt.Errorf("finding accounts to probe again: %w", err)
	}
	accounts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, fmt.Errorf("finding accounts to probe again: %w", err)
	}
	started := 0
	var failures error
	for _, id := range accounts {
		ok, err := l.probeAgain(ctx, id)
		if ok {
			started++
		}
		failures = errors.Join(failures, err)
	}
	return started, failures
}

// probeAgain looks again under the account's lock: another process may have
// started the probe, or a person set a key or removed the account.
func (l *Ledger) probeAgain(ctx context.Context, accountID string) (started bool, err error) {
	err = l.db.InTx(ctx, "probe account again", func(ctx context.Context, tx pgx.Tx) error {
		started = false
		_, current, err := lockAccount(ctx, tx, accountID)
		if err != nil {
			return err
		}
		var still bool
		const check = `SELECT ` + probeUndecided + ` FROM alphapulse.accounts a WHERE a.id = $1`
		if err := tx.QueryRow(ctx, check, accountID).Scan(&still); err != nil || !still {
			return err
		}
		version, err := keyToProbe(ctx, tx, accountID, current)
		if err != nil {
			return err
		}
		_, err = startProbe(ctx, tx, accountID, version)
		started = err == nil
		return err
	})
	if err != nil {
		return false, fmt.Errorf("probing account %s again: %w", accountID, err)
	}
	return started, nil
}
