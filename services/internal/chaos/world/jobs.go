package world

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Claim is a job in flight.
type Claim struct {
	JobID, Claim, Owner string
	DataType            syncjob.DataType
	Lane                syncjob.Lane
}

// InFlight lists the jobs that are being worked on, by an owner or, if it is
// empty, by anybody; without those of the victims, whose jobs come to no good end.
func (w *World) InFlight(ctx context.Context, owner string) ([]Claim, error) {
	rows, err := w.DB.Query(ctx, `
SELECT id, claim, owner, data_type, lane FROM alphapulse.sync_jobs
WHERE status = 'running' AND ($1 = '' OR owner = $1) AND subject_id <> ALL ($2::uuid[])`,
		owner, []string{w.Accounts[Victim].ID, w.Accounts[HangingVictim].ID})
	if err != nil {
		return nil, fmt.Errorf("reading the jobs in flight: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Claim])
}

// AwaitInFlight waits until somebody, or the owner, works on a job.
func (w *World) AwaitInFlight(ctx context.Context, owner string) (claims []Claim, err error) {
	err = Poll(ctx, "a job in flight", func() (bool, error) {
		claims, err = w.InFlight(ctx, owner)
		return len(claims) > 0, err
	})
	return claims, err
}

// Running is the live job of an account and type that is being worked on.
func (w *World) Running(ctx context.Context, accountID string, dataType syncjob.DataType) (c Claim, err error) {
	err = w.DB.QueryRow(ctx, `
SELECT id, claim, owner, data_type, lane FROM alphapulse.sync_jobs
WHERE account_id = $1 AND data_type = $2 AND lane = 'live' AND status = 'running'`, accountID, dataType).
		Scan(&c.JobID, &c.Claim, &c.Owner, &c.DataType, &c.Lane)
	if err != nil {
		err = fmt.Errorf("reading the running job of %s: %w", dataType, err)
	}
	return c, err
}

// Settled reports whether none of the claims is at work any more, and those of
// lane live have ended, whoever ended them. While the database is away it is no.
func (w *World) Settled(ctx context.Context, claims []Claim) bool {
	ids, tokens := make([]string, len(claims)), make([]string, len(claims))
	for i, c := range claims {
		ids[i], tokens[i] = c.JobID, c.Claim
	}
	var open int
	err := w.DB.QueryRow(ctx, `
SELECT count(*) FROM alphapulse.sync_jobs j JOIN unnest($1::uuid[], $2::uuid[]) c (id, claim) ON c.id = j.id
WHERE (j.status = 'running' AND j.claim = c.claim) OR (j.lane = 'live' AND j.finished_at IS NULL)`, ids, tokens).Scan(&open)
	return err == nil && open == 0
}

// SyncOnce starts or joins a manual run of an account and waits for its end. It
// is the question whether the fleet works: errors on the way count as not yet.
func (w *World) SyncOnce(ctx context.Context, account int, types ...syncjob.DataType) (syncjob.RunStatus, error) {
	var id string
	var status syncjob.RunStatus
	err := Poll(ctx, "a manual run", func() (bool, error) {
		if id == "" {
			run, _, err := w.Ledger.StartManual(ctx, w.Accounts[account].ID, types)
			if err == nil {
				id = run.ID
			}
			return false, nil
		}
		run, err := w.Ledger.Run(ctx, id)
		status = run.Status
		return err == nil && status != syncjob.RunRunning, nil
	})
	return status, err
}

// Count reads one number.
func (w *World) Count(ctx context.Context, sql string, args ...any) (n int, err error) {
	if err := w.DB.QueryRow(ctx, sql, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting: %w", err)
	}
	return n, nil
}
