package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// EndRun ends a run early: its open jobs are cancelled with the reason, keeping
// their last error, and its status and counts are stored, in one transaction. A
// commit of one of its jobs that comes later finds no row and rolls back.
// Ending a run that has ended does nothing.
func (l *Ledger) EndRun(ctx context.Context, runID string, why syncjob.CancelReason) error {
	return l.endIf(ctx, runID, why, nil)
}

// endIf is EndRun if still, asked under the run's lock, says so; nil is yes.
func (l *Ledger) endIf(
	ctx context.Context, runID string, why syncjob.CancelReason, still func(context.Context, pgx.Tx) (bool, error),
) error {
	err := l.db.InTx(ctx, "end run", func(ctx context.Context, tx pgx.Tx) error {
		if err := lockProbedAccount(ctx, tx, runID); err != nil {
			return err
		}
		const lock = `SELECT status FROM alphapulse.sync_runs WHERE id = $1 FOR NO KEY UPDATE`
		var status syncjob.RunStatus
		if err := tx.QueryRow(ctx, lock, runID).Scan(&status); err != nil {
			return notFound(err, "run %s", runID)
		}
		if status != syncjob.RunRunning {
			return nil
		}
		if still != nil {
			if ok, err := still(ctx, tx); err != nil || !ok {
				return err
			}
		}
		return endLocked(ctx, tx, runID, why)
	})
	if err != nil {
		return fmt.Errorf("ending run %s: %w", runID, err)
	}
	return nil
}

// lockProbedAccount locks the account of a probe run, because ending a probe
// records the reason with the account, and accounts are locked before runs.
func lockProbedAccount(ctx context.Context, tx pgx.Tx, runID string) error {
	const lock = `
SELECT FROM alphapulse.accounts
WHERE id = (SELECT account_id FROM alphapulse.sync_runs WHERE id = $1 AND trigger = 'probe') FOR NO KEY UPDATE`
	_, err := tx.Exec(ctx, lock, runID)
	return notFound(err, "run %s", runID)
}

// endLocked ends a run whose lock is held, and whose account's lock is held if
// it is a probe.
func endLocked(ctx context.Context, tx pgx.Tx, runID string, why syncjob.CancelReason) error {
	const cancel = `
WITH open AS (
    SELECT id, status, coalesce(next_at = 'infinity', false) AS held FROM alphapulse.sync_jobs
    WHERE run_id = $1 AND status IN ('queued', 'running', 'waiting') ORDER BY id FOR UPDATE)
UPDATE alphapulse.sync_jobs j
SET status = 'cancelled', cancel_reason = $2, finished_at = clock_timestamp(), next_at = NULL, wait_reason = NULL
FROM open WHERE j.id = open.id
RETURNING open.status, open.held, j.subject_id, j.data_type, j.lane`
	rows, err := tx.Query(ctx, cancel, runID, string(why))
	if err != nil {
		return err
	}
	jobs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[cancelled])
	if err != nil {
		return err
	}
	for _, job := range jobs {
		if err := job.makeRoom(ctx, tx); err != nil {
			return err
		}
	}
	_, err = foldLocked(ctx, tx, runID)
	return err
}

// cancelled is a job that was ended early, as it was before.
type cancelled struct {
	Status    string
	Held      bool
	SubjectID string
	DataType  string
	Lane      string
}

// makeRoom lets those go that waited for the job.
func (c cancelled) makeRoom(ctx context.Context, tx pgx.Tx) error {
	if c.Held {
		return nil
	}
	if _, err := letGo(ctx, tx, c.SubjectID, c.DataType, c.Lane); err != nil {
		return err
	}
	if c.Status != string(syncjob.Running) {
		return nil
	}
	return wakeSibling(ctx, tx, c.SubjectID, c.DataType, c.Lane)
}

// rejectEndedProbe records with the account why its probe did not pass, if no
// worker did: it was cancelled, or its workers died. A scheduled probe has
// nothing to decide, so that it did not come to an end means nothing.
func rejectEndedProbe(ctx context.Context, tx pgx.Tx, runID string) error {
	read := `
SELECT a.id, a.status, a.key_version, (j.params ->> 'key_version')::integer, j.started_at IS NOT NULL,
       coalesce(j.error_message, ''), coalesce(j.cancel_reason, ''),
       ` + pausedFor("m", "a.id", "j.data_type", "j.lane") + `
FROM alphapulse.sync_jobs j JOIN alphapulse.accounts a ON a.id = j.account_id
JOIN alphapulse.markets m ON m.id = a.market_id
WHERE j.run_id = $1 AND j.trigger = 'probe' AND j.status IN ('cancelled', 'dead')`
	rows, err := tx.Query(ctx, read, runID)
	if err != nil {
		return err
	}
	type probe struct {
		ID      string
		Status  AccountStatus
		Current int
		Probed  int
		Claimed bool
		Message string
		Why     syncjob.CancelReason
		Paused  bool
	}
	probes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[probe])
	if err != nil {
		return err
	}
	for _, p := range probes {
		account := lockedAccount{ID: p.ID, Status: p.Status, KeyVersion: p.Current}
		if err := rejectProbed(ctx, tx, account, p.Probed, false, endedProbe(p.Why, p.Claimed, p.Paused, p.Message)); err != nil {
			return err
		}
	}
	return nil
}

func endedProbe(why syncjob.CancelReason, claimed, paused bool, message string) string {
	switch {
	case why == "":
		return "the probe of the key failed: " + message
	case why != syncjob.CancelDeadline:
		return "the probe of the key was cancelled"
	case message != "":
		return "the probe of the key ran out of time; last error: " + message
	case paused && !claimed:
		return "the probe of the key did not begin: it is paused, and `status` says by whom"
	case claimed:
		return "the probe of the key ran out of time: the exchange did not answer"
	default:
		return "no worker took the probe of the key: is one running?"
	}
}
