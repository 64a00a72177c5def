package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// ErrNothingToVerify: of the histories asked for nothing is stored yet.
var ErrNothingToVerify = errors.New("nothing is stored that could be verified")

// VerifyRequest asks for an account's data to be compared with the exchange's.
// No types are all of the account's; a zero Since is the beginning, a zero Until
// now.
type VerifyRequest struct {
	AccountID    string
	Types        []syncjob.DataType
	Since, Until time.Time
	// Sample is the share of the stored windows of each history that is
	// compared, at random and at least one; 0 and 1 are all.
	Sample float64
}

// Verifiable lists the types whose rows can be compared.
func Verifiable() []syncjob.DataType {
	return []syncjob.DataType{
		syncjob.Balances, syncjob.Positions, syncjob.Orders, syncjob.Fills, syncjob.Ledger, syncjob.ClosedPnL,
	}
}

// StartVerify starts a run that compares what is stored with what the exchange
// says now, and changes no row of it: a job per snapshot (of orders: the open
// ones) and a job per window of a history that is stored in any scope, newest
// first; the job leaves out the scopes that lack it. What it finds is in DriftOf. ErrNothingToVerify, and the errors of StartManual.
func (l *Ledger) StartVerify(ctx context.Context, req VerifyRequest) (Run, error) {
	req, err := req.checked()
	if err != nil {
		return Run{}, err
	}
	var id string
	err = l.db.InTx(ctx, "start verification", func(ctx context.Context, tx pgx.Tx) error {
		status, _, err := lockAccount(ctx, tx, req.AccountID)
		if err != nil {
			return err
		}
		if err := syncable(status); err != nil {
			return err
		}
		id, err = l.verify(ctx, tx, req)
		return err
	})
	if err != nil {
		return Run{}, err
	}
	return l.Run(ctx, id)
}

func (r VerifyRequest) checked() (VerifyRequest, error) {
	types, err := chosenTypes(r.Types, Verifiable(), "data")
	switch {
	case err != nil:
		return r, err
	case r.Sample < 0 || r.Sample > 1:
		return r, fmt.Errorf("the share to verify must be above 0 and at most 1, not %v", r.Sample)
	case !r.Since.IsZero() && !r.Until.IsZero() && !r.Since.Before(r.Until):
		return r, fmt.Errorf("a verification from %s until %s is empty",
			r.Since.UTC().Format(time.RFC3339), r.Until.UTC().Format(time.RFC3339))
	}
	if r.Sample == 0 {
		r.Sample = 1
	}
	r.Types = types
	return r, nil
}

// verify makes the run of an account whose lock is held.
func (l *Ledger) verify(ctx context.Context, tx pgx.Tx, req VerifyRequest) (string, error) {
	work := newWork{
		Subject: syncjob.Subject{Kind: syncjob.Account, ID: req.AccountID}, Trigger: syncjob.TriggerVerify,
	}
	for _, t := range req.Types {
		if !t.History() || t == syncjob.Orders { // what is now
			work.Jobs = append(work.Jobs, newJob{Type: t, Lane: syncjob.Backfill})
		}
		if !t.History() {
			continue
		}
		s, err := readSpan(ctx, tx, req.AccountID, t, req.Since, req.Until)
		if err != nil {
			return "", err
		}
		for _, w := range sample(cutWindows(windowsOf(s.Stored)), req.Sample) {
			work.Jobs = append(work.Jobs, newJob{Type: t, Lane: syncjob.Backfill, Window: &w})
		}
	}
	if len(work.Jobs) == 0 {
		return "", ErrNothingToVerify
	}
	return l.createWork(ctx, tx, work)
}

// sample takes a share of windows at random, at least one if there is any, and
// gives them newest first.
func sample(windows []Window, share float64) []Window {
	want := min(len(windows), max(1, int(share*float64(len(windows))+0.5)))
	rand.Shuffle(len(windows), func(i, j int) { windows[i], windows[j] = windows[j], windows[i] })
	windows = windows[:want]
	slices.SortFunc(windows, func(a, b Window) int { return b.From.Compare(a.From) })
	return windows
}
