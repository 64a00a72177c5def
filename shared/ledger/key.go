package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// addCandidateKey stores sealed credentials under the next version. They are
// used by their probe alone until it accepts them.
func addCandidateKey(
	ctx context.Context, tx pgx.Tx, accountID string, seal func(string, int) ([]byte, error),
) (int, error) {
	const next = `
SELECT greatest(coalesce((SELECT max(version) FROM alphapulse.account_credentials WHERE account_id = $1), 0),
                key_version) + 1
FROM alphapulse.accounts WHERE id = $1`
	var version int
	if err := tx.QueryRow(ctx, next, accountID).Scan(&version); err != nil {
		return 0, notFound(err, "account %s", accountID)
	}
	sealed, err := seal(accountID, version)
	if err != nil {
		return 0, fmt.Errorf("encrypting the key: %w", err)
	}
	const insert = `INSERT INTO alphapulse.account_credentials (account_id, version, sealed) VALUES ($1, $2, $3)`
	if _, err := tx.Exec(ctx, insert, accountID, version, sealed); err != nil {
		return 0, fmt.Errorf("storing the encrypted key: %w", err)
	}
	return version, nil
}

// SetKey stores a new key as a candidate and starts the run that probes it. The
// old key stays in use until the probe has passed; jobs in flight are not
// disturbed. An older probe of the account that is still open is cancelled.
func (l *Ledger) SetKey(
	ctx context.Context, accountID string, allowWrite bool, seal func(string, int) ([]byte, error),
) (Account, Run, error) {
	return l.probe(ctx, accountID, func(ctx context.Context, tx pgx.Tx, _ int) (int, error) {
		if allowWrite {
			const allow = `UPDATE alphapulse.accounts SET allow_write_key = true WHERE id = $1`
			if _, err := tx.Exec(ctx, allow, accountID); err != nil {
				return 0, fmt.Errorf("allowing a key that can trade: %w", err)
			}
		}
		return addCandidateKey(ctx, tx, accountID, seal)
	})
}

// Probe starts a run that probes the key in use, or the newest candidate if
// none is in use yet. A passed probe makes a pending, paused or refused account
// active: a mended IP list needs no new key.
func (l *Ledger) Probe(ctx context.Context, accountID string) (Account, Run, error) {
	return l.probe(ctx, accountID, func(ctx context.Context, tx pgx.Tx, current int) (int, error) {
		return keyToProbe(ctx, tx, accountID, current)
	})
}

// keyToProbe is the version of the key in use, or of the newest candidate if none
// is in use yet.
func keyToProbe(ctx context.Context, tx pgx.Tx, accountID string, current int) (int, error) {
	if current > 0 {
		return current, nil
	}
	const newest = `SELECT max(version) FROM alphapulse.account_credentials WHERE account_id = $1`
	var version *int
	if err := tx.QueryRow(ctx, newest, accountID).Scan(&version); err != nil {
		return 0, fmt.Errorf("finding the account's key: %w", err)
	}
	if version == nil {
		return 0, fmt.Errorf("key of the account: %w", ErrNotFound)
	}
	return *version, nil
}

func (l *Ledger) probe(
	ctx context.Context, accountID string, choose func(context.Context, pgx.Tx, int) (int, error),
) (Account, Run, error) {
	var runID string
	err := l.db.InTx(ctx, "probe account", func(ctx context.Context, tx pgx.Tx) error {
		status, current, err := lockAccount(ctx, tx, accountID)
		if err != nil {
			return err
		}
		if status == AccountRemoved {
			return fmt.Errorf("account %s: %w", accountID, ErrNotFound)
		}
		version, err := choose(ctx, tx, current)
		if err != nil {
			return err
		}
		if err := endProbes(ctx, tx, accountID); err != nil {
			return err
		}
		runID, err = startProbe(ctx, tx, accountID, version)
		return err
	})
	if err != nil {
		return Account{}, Run{}, err
	}
	return l.accountAndRun(ctx, accountID, runID)
}

// endProbes cancels the open probes of an account, so that the newest decides.
func endProbes(ctx context.Context, tx pgx.Tx, accountID string) error {
	const open = `
SELECT id FROM alphapulse.sync_runs
WHERE subject_id = $1 AND status = 'running'
  AND (trigger = 'probe' OR (trigger = 'schedule' AND requested_types = '{probe}')) ORDER BY created_at, id FOR NO KEY UPDATE`
	rows, err := tx.Query(ctx, open, accountID)
	if err != nil {
		return fmt.Errorf("finding open probes: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("finding open probes: %w", err)
	}
	for _, id := range ids {
		if err := endLocked(ctx, tx, id, syncjob.CancelUser); err != nil {
			return err
		}
	}
	return nil
}

// startProbe makes the run and the job that probe one version of a key.
func startProbe(ctx context.Context, tx pgx.Tx, accountID string, version int) (string, error) {
	return createRun(ctx, tx, newRun{
		Subject: syncjob.Subject{Kind: syncjob.Account, ID: accountID},
		Trigger: syncjob.TriggerProbe,
		Types:   []syncjob.DataType{syncjob.Probe},
		Params:  map[string]any{"key_version": version},
	})
}
