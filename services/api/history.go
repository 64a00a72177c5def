package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// histories is HistoryService.
type histories struct{ *API }

// GetCoverage implements HistoryService.
func (s histories) GetCoverage(
	ctx context.Context, req *controlv1.GetCoverageRequest,
) (*controlv1.GetCoverageResponse, error) {
	types, err := checkHistories(req.GetTypes())
	if err != nil {
		return nil, err
	}
	account, err := s.account(ctx, req.GetAccount())
	if err != nil {
		return nil, err
	}
	now, err := databaseTime(ctx, s.deps.DB)
	if err != nil {
		return nil, err
	}
	scopes, err := s.ledger.Coverage(ctx, account.ID)
	if err != nil {
		return nil, err
	}
	out := &controlv1.GetCoverageResponse{ReadAt: timestamppb.New(now)}
	for _, c := range scopes {
		if slices.Contains(types, c.DataType) {
			out.Scopes = append(out.Scopes, coverageMessage(c))
		}
	}
	return out, nil
}

// databaseTime is the clock that every age is measured by.
func databaseTime(ctx context.Context, db *postgres.DB) (now time.Time, err error) {
	if err := db.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return now, fmt.Errorf("asking the database for the time: %w", err)
	}
	return now, nil
}

func coverageMessage(c ledger.Coverage) *controlv1.ScopeCoverage {
	return &controlv1.ScopeCoverage{
		DataType: string(c.DataType), Category: categoryOf(c.Scope), Scope: c.Scope, Covered: intervals(c.Covered),
		Missing: intervals(c.Missing), Horizon: stamp(c.Horizon), Unreadable: c.Unreadable,
	}
}

// categoryOf is what a scope's name begins with: "linear" of "linear:USDT" and of
// "linear/BTCUSDT/60".
func categoryOf(scope string) string {
	if at := strings.IndexAny(scope, ":/"); at >= 0 {
		return scope[:at]
	}
	return scope
}

func intervals(windows []ledger.Window) []*controlv1.Interval {
	out := make([]*controlv1.Interval, len(windows))
	for i, w := range windows {
		out[i] = &controlv1.Interval{From: stamp(&w.From), To: stamp(&w.To)}
	}
	return out
}

// checkHistories reads data types that have a past; none means all of them.
func checkHistories(names []string) ([]syncjob.DataType, error) {
	if len(names) == 0 {
		return syncjob.Histories(), nil
	}
	types, err := checkTypes(names)
	if err != nil {
		return nil, err
	}
	for _, t := range types {
		if !t.History() {
			return nil, badRequest("data_type", "", fmt.Errorf("%s has no history: those that have are %s", t,
				syncjob.JoinTypes(syncjob.Histories())))
		}
	}
	return types, nil
}

// checkSpan reads a time that is asked for; either end may be open.
func checkSpan(since, until *timestamppb.Timestamp) (from, to time.Time, err error) {
	for _, end := range []struct {
		at   *timestamppb.Timestamp
		into *time.Time
	}{{since, &from}, {until, &to}} {
		if end.at == nil {
			continue
		}
		if err := end.at.CheckValid(); err != nil {
			return from, to, badRequest("time", "", fmt.Errorf("a time that is asked for is none: %w", err))
		}
		if end.at.GetSeconds() < 0 {
			return from, to, badRequest("time", "", errors.New("a time that is asked for lies before 1970"))
		}
		*end.into = end.at.AsTime()
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, badRequest("time", "", errors.New("the time asked for ends before it begins"))
	}
	return from, to, nil
}

// StartBackfill implements HistoryService.
func (s histories) StartBackfill(
	ctx context.Context, req *controlv1.StartBackfillRequest,
) (*controlv1.StartBackfillResponse, error) {
	request, account, err := s.backfillRequest(ctx, req)
	if err != nil {
		return nil, err
	}
	plan, err := s.plan(ctx, request)
	if err != nil {
		return nil, err
	}
	out := &controlv1.StartBackfillResponse{Plan: plan}
	if req.GetDryRun() {
		if err := previewState(account.Status); err != nil {
			return nil, s.notSyncable(ctx, account, err)
		}
		return out, nil
	}
	run, err := s.ledger.StartBackfill(ctx, request)
	if errors.Is(err, ledger.ErrNothingMissing) {
		return out, nil
	}
	if err != nil {
		return nil, s.notSyncable(ctx, account, err)
	}
	s.log.WithField("run_id", run.ID).WithField("account", account.Name).
		WithField("types", syncjob.JoinTypes(request.Types)).WithField("since", request.Since).
		Info("api: backfill requested")
	out.Run, err = s.withTotals(ctx, run)
	return out, err
}

func (s histories) backfillRequest(
	ctx context.Context, req *controlv1.StartBackfillRequest,
) (ledger.BackfillRequest, ledger.Account, error) {
	out := ledger.BackfillRequest{}
	var err error
	if req.GetSince() == nil {
		return out, ledger.Account{}, badRequest("time", "", errors.New("a backfill needs the time to begin at"))
	}
	if out.Types, err = checkHistories(req.GetTypes()); err != nil {
		return out, ledger.Account{}, err
	}
	if out.Since, out.Until, err = checkSpan(req.GetSince(), req.GetUntil()); err != nil {
		return out, ledger.Account{}, err
	}
	account, err := s.account(ctx, req.GetAccount())
	out.AccountID = account.ID
	return out, account, err
}

// plan says what a backfill reads, in the order of its types.
func (s histories) plan(ctx context.Context, request ledger.BackfillRequest) ([]*controlv1.PlannedType, error) {
	plans, err := s.ledger.PlanBackfill(ctx, request)
	if err != nil {
		return nil, err
	}
	coverage, err := s.ledger.Coverage(ctx, request.AccountID)
	if err != nil {
		return nil, err
	}
	readable := map[syncjob.DataType]int{}
	for _, c := range coverage {
		if c.Unreadable == "" {
			readable[c.DataType]++
		}
	}
	out := make([]*controlv1.PlannedType, len(plans))
	for i, p := range plans {
		out[i] = &controlv1.PlannedType{
			DataType: string(p.DataType), Windows: small(len(p.Windows)), Scopes: small(readable[p.DataType]),
			Underway: intervals(p.Underway),
		}
		if n := len(p.Windows); n > 0 {
			out[i].From, out[i].To = stamp(&p.Windows[0].From), stamp(&p.Windows[n-1].To)
		}
	}
	return out, nil
}

// nothingTo is an answer to a call that finds nothing to do its work on.
func nothingTo(reason, nextStep string, err error) error {
	return problem(connect.CodeFailedPrecondition, err,
		&controlv1.Problem{Class: classConflict, Reason: reason, NextStep: nextStep})
}
