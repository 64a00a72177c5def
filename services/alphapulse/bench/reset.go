package bench

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// empty forgets everything that a run before has left in the database.
func (m *machine) empty(ctx context.Context) error {
	return m.execAll(ctx, `TRUNCATE alphapulse.accounts, alphapulse.sync_runs, alphapulse.sync_jobs CASCADE`)
}

// settle brings the database to the same state before each pass: no run, one open
// history row for each balance, no dead row, nothing unwritten. Otherwise each pass
// would work on larger tables than the one before it, and a checkpoint would fall
// into some passes and not into others.
func (m *machine) settle(ctx context.Context) error {
	m.cfg.Progress("settling the database", 0, 0)
	err := m.together(ctx,
		`TRUNCATE alphapulse.sync_runs, alphapulse.sync_jobs, alphapulse.balances_history CASCADE`,
		`INSERT INTO alphapulse.balances_history
    (account_id, wallet, asset, total, available, locked, borrowed, equity, usd_value, run_id, valid_from, observed_at)
SELECT account_id, wallet, asset, total, available, locked, borrowed, equity, usd_value, run_id, as_of, observed_at
FROM alphapulse.balances ORDER BY account_id, wallet, asset`,
	)
	if err != nil {
		return err
	}
	return m.write(ctx)
}

// forget empties the tables of histories and everything that says how far they are
// read.
func (m *machine) forget(ctx context.Context) error {
	m.cfg.Progress("settling the database", 0, 0)
	err := m.execAll(ctx,
		`TRUNCATE alphapulse.sync_runs, alphapulse.sync_jobs, alphapulse.fills, alphapulse.orders, alphapulse.orders_history,
    alphapulse.sync_scopes, alphapulse.sync_state, alphapulse.sync_coverage CASCADE`,
	)
	if err != nil {
		return err
	}
	return m.write(ctx)
}

// write leaves nothing to be cleaned or written. A database that is somebody else's
// may not let us checkpoint: its full-page images are then not the same in each pass.
func (m *machine) write(ctx context.Context) error {
	if err := m.execAll(ctx, `VACUUM (ANALYZE)`); err != nil || m.server == nil {
		return err
	}
	return m.execAll(ctx, `CHECKPOINT`)
}

// together runs statements in one transaction, and again if it meets one of a process
// that goes on.
func (m *machine) together(ctx context.Context, statements ...string) error {
	err := m.db.InTx(ctx, "settle", func(ctx context.Context, tx pgx.Tx) error {
		for _, statement := range statements {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%.60s…: %w", statement, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("settling the database: %w", err)
	}
	return nil
}

func (m *machine) execAll(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := m.db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("settling the database: %.60s…: %w", statement, err)
		}
	}
	return nil
}
