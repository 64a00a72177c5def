package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// ErrNothingMissing: all that was asked for is stored, or out of the exchange's
// reach, or too young to be anything but the live lane's.
var ErrNothingMissing = errors.New("nothing is missing")

// BackfillRequest asks for the history of an account. No types are all
// histories; a zero Until is now.
type BackfillRequest struct {
	AccountID    string
	Types        []syncjob.DataType
	Since, Until time.Time
}

// BackfillPlan is what a backfill of one type would read.
type BackfillPlan struct {
	DataType syncjob.DataType
	// Since and Until are what was asked for, less the newest minutes, which are
	// the live lane's.
	Since, Until time.Time
	Windows      []Window // to be read, one job each, oldest first
	Underway     []Window // missing, and an open backfill reads it already
	Covered      []Window // stored already
	// Horizon is the earliest time that any scope is known to be served from;
	// nil while none is known.
	Horizon *time.Time
}

// PlanBackfill says what StartBackfill would do now, and does nothing.
func (l *Ledger) PlanBackfill(ctx context.Context, req BackfillRequest) ([]BackfillPlan, error) {
	req, err := req.checked()
	if err != nil {
		return nil, err
	}
	if _, err := l.Account(ctx, req.AccountID); err != nil {
		return nil, err
	}
	return planBackfill(ctx, l.db, req)
}

// StartBackfill starts a run that reads what of a history is missing, window by
// window. An account has at most one open backfill run: while there is one, what
// it does not read yet is added to it, and it is the one returned, so that no
// window is read twice. So a second call resumes what the first one left
// undone. ErrNothingMissing if there is nothing to read; ErrPending, ErrPaused
// or ErrNotFound if the account is not to be read.
func (l *Ledger) StartBackfill(ctx context.Context, req BackfillRequest) (Run, error) {
	req, err := req.checked()
	if err != nil {
		return Run{}, err
	}
	var id string
	err = l.db.InTx(ctx, "start backfill", func(ctx context.Context, tx pgx.Tx) error {
		status, _, err := lockAccount(ctx, tx, req.AccountID)
		if err != nil {
			return err
		}
		if err := syncable(status); err != nil {
			return err
		}
		open, err := lockOpenBackfill(ctx, tx, req.AccountID)
		if err != nil {
			return err
		}
		plans, err := planBackfill(ctx, tx, req)
		if err != nil {
			return err
		}
		id, err = l.backfill(ctx, tx, req.AccountID, open, plans)
		return err
	})
	if err != nil {
		return Run{}, err
	}
	return l.Run(ctx, id)
}

func (r BackfillRequest) checked() (BackfillRequest, error) {
	types, err := chosenTypes(r.Types, syncjob.Histories(), "a history")
	switch {
	case err != nil:
		return r, err
	case r.Since.IsZero():
		return r, errors.New("a backfill needs the time to begin at")
	case !r.Until.IsZero() && !r.Since.Before(r.Until):
		return r, fmt.Errorf("a backfill from %s until %s is empty",
			r.Since.UTC().Format(time.RFC3339), r.Until.UTC().Format(time.RFC3339))
	}
	r.Types = types
	return r, nil
}

// chosenTypes is free of duplicates, and all that there is if nothing was asked
// for. It refuses what is not what it has to be.
func chosenTypes(asked, all []syncjob.DataType, what string) ([]syncjob.DataType, error) {
	if len(asked) == 0 {
		return all, nil
	}
	for _, t := range asked {
		if !slices.Contains(all, t) {
			return nil, fmt.Errorf("%s is not %s of an account: those are %s", t, what, syncjob.JoinTypes(all))
		}
	}
	return syncjob.Normalize(asked), nil
}

// lockOpenBackfill locks the open backfill run of an account whose lock is held.
func lockOpenBackfill(ctx context.Context, tx pgx.Tx, accountID string) (string, error) {
	const lock = `
SELECT id FROM alphapulse.sync_runs WHERE subject_id = $1 AND status = 'running' AND trigger = 'backfill'
ORDER BY created_at, id FOR NO KEY UPDATE`
	rows, err := tx.Query(ctx, lock, accountID)
	if err != nil {
		return "", fmt.Errorf("finding the open backfill: %w", err)
	}
	open, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(open) == 0 {
		return "", err
	}
	return open[0], nil
}

func planBackfill(ctx context.Context, q querier, req BackfillRequest) ([]BackfillPlan, error) {
	plans := make([]BackfillPlan, len(req.Types))
	for i, t := range req.Types {
		s, err := readSpan(ctx, q, req.AccountID, t, req.Since, req.Until)
		if err != nil {
			return nil, err
		}
		plans[i] = BackfillPlan{
			DataType: t, Since: req.Since.UTC(), Until: req.Since.UTC(), Windows: cutWindows(windowsOf(s.Missing)),
			Underway: windowsOf(s.Underway), Covered: windowsOf(s.Covered), Horizon: s.Horizon,
		}
		if asked := windowsOf(s.Asked); len(asked) > 0 {
			plans[i].Until = asked[0].To
		}
	}
	return plans, nil
}

// backfill makes the jobs of the plans, in the open run if there is one.
func (l *Ledger) backfill(ctx context.Context, tx pgx.Tx, accountID, open string, plans []BackfillPlan) (string, error) {
	work := newWork{
		Subject: syncjob.Subject{Kind: syncjob.Account, ID: accountID}, Trigger: syncjob.TriggerBackfill,
	}
	underway := false
	for _, plan := range plans {
		underway = underway || len(plan.Underway) > 0
		for _, w := range plan.Windows {
			work.Jobs = append(work.Jobs, newJob{Type: plan.DataType, Lane: syncjob.Backfill, Window: &w})
		}
	}
	switch {
	case len(work.Jobs) == 0 && underway && open != "":
		return open, nil
	case len(work.Jobs) == 0:
		return "", ErrNothingMissing
	case open != "":
		return open, l.widenWork(ctx, tx, open, work)
	default:
		return l.createWork(ctx, tx, work)
	}
}
