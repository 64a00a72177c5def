package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// The answers of StartRepair that are not failures.
var (
	ErrNothingToRepair = errors.New("the verification found no difference")
	ErrStillVerifying  = errors.New("the verification has not ended yet")
)

// StartRepair starts a run that reads again exactly what a verifying run of the
// account found to differ: a snapshot in lane live, which compares every row; a
// window of a history in lane backfill, which overwrites what differs and
// deletes what the exchange does not have. ErrNothingToRepair,
// ErrStillVerifying, and the errors of StartManual.
func (l *Ledger) StartRepair(ctx context.Context, accountID, verifyRunID string) (Run, error) {
	var id string
	err := l.db.InTx(ctx, "start repair", func(ctx context.Context, tx pgx.Tx) error {
		status, _, err := lockAccount(ctx, tx, accountID)
		if err != nil {
			return err
		}
		if err := syncable(status); err != nil {
			return err
		}
		if err := ended(ctx, tx, accountID, verifyRunID); err != nil {
			return err
		}
		jobs, err := drifted(ctx, tx, verifyRunID)
		if err != nil {
			return err
		}
		if len(jobs) == 0 {
			return ErrNothingToRepair
		}
		id, err = l.createWork(ctx, tx, newWork{
			Subject: syncjob.Subject{Kind: syncjob.Account, ID: accountID}, Trigger: syncjob.Repair, Jobs: jobs,
		})
		return err
	})
	if err != nil {
		return Run{}, err
	}
	return l.Run(ctx, id)
}

// ended makes sure that a verifying run is the account's and has ended.
func ended(ctx context.Context, tx pgx.Tx, accountID, runID string) error {
	const read = `
SELECT status FROM alphapulse.sync_runs WHERE id = $1 AND account_id = $2 AND trigger = 'verify'`
	var status syncjob.RunStatus
	if err := tx.QueryRow(ctx, read, runID, accountID).Scan(&status); err != nil {
		return notFound(err, "verifying run %s of the account", runID)
	}
	if status == syncjob.RunRunning {
		return fmt.Errorf("run %s: %w", runID, ErrStillVerifying)
	}
	return nil
}

// drifted lists what a verifying run found to differ, as jobs that read it
// again, oldest window first.
func drifted(ctx context.Context, tx pgx.Tx, runID string) ([]newJob, error) {
	const read = `
SELECT DISTINCT j.data_type, j."window" FROM alphapulse.sync_jobs j JOIN alphapulse.drift d ON d.job_id = j.id
WHERE j.run_id = $1 ORDER BY j.data_type, j."window" NULLS FIRST`
	rows, err := tx.Query(ctx, read, runID)
	if err != nil {
		return nil, fmt.Errorf("reading drift: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (newJob, error) {
		job := newJob{Lane: syncjob.Live}
		var window *pgtype.Range[pgtype.Timestamptz]
		err := row.Scan(&job.Type, &window)
		if job.Window = optionalWindow(window); job.Window != nil {
			job.Lane = syncjob.Backfill
		}
		return job, err
	})
}
