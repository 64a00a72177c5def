package api

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	defaultDrift = 1000
	maxDrift     = 10000
)

// StartVerify implements HistoryService.
func (s histories) StartVerify(
	ctx context.Context, req *controlv1.StartVerifyRequest,
) (*controlv1.StartVerifyResponse, error) {
	request := ledger.VerifyRequest{Sample: req.GetSample()}
	var err error
	if request.Types, err = checkVerifiable(req.GetTypes()); err != nil {
		return nil, err
	}
	if request.Since, request.Until, err = checkSpan(req.GetSince(), req.GetUntil()); err != nil {
		return nil, err
	}
	if !(request.Sample >= 0 && request.Sample <= 1) {
		return nil, badRequest("sample", "", errors.New("the share to verify must be above 0 and at most 1"))
	}
	account, err := s.account(ctx, req.GetAccount())
	if err != nil {
		return nil, err
	}
	request.AccountID = account.ID
	run, err := s.ledger.StartVerify(ctx, request)
	switch {
	case errors.Is(err, ledger.ErrNothingToVerify):
		return nil, nothingTo("nothing_to_verify", "`alphapulse coverage "+account.Name+"` shows what is stored",
			fmt.Errorf("of account %q nothing is stored that was asked for and could be verified", account.Name))
	case err != nil:
		return nil, s.notSyncable(ctx, account, err)
	}
	s.log.WithField("run_id", run.ID).WithField("account", account.Name).Info("api: verification requested")
	out := &controlv1.StartVerifyResponse{}
	out.Run, err = s.withTotals(ctx, run)
	return out, err
}

// checkVerifiable reads data types that can be verified; none means all of them.
// Of "all" those of the market are left out.
func checkVerifiable(names []string) ([]syncjob.DataType, error) {
	if len(names) == 0 {
		return ledger.Verifiable(), nil
	}
	types, err := checkTypes(names)
	if err != nil {
		return nil, err
	}
	for _, t := range types {
		if t.Shared() {
			return nil, badRequest("data_type", "", fmt.Errorf("%s cannot be verified: those that can are %s", t,
				syncjob.JoinTypes(ledger.Verifiable())))
		}
	}
	return types, nil
}

// StartRepair implements HistoryService.
func (s histories) StartRepair(
	ctx context.Context, req *controlv1.StartRepairRequest,
) (*controlv1.StartRepairResponse, error) {
	account, err := s.account(ctx, req.GetAccount())
	if err != nil {
		return nil, err
	}
	out := &controlv1.StartRepairResponse{}
	run, err := s.ledger.StartRepair(ctx, account.ID, req.GetVerifyRunId())
	switch {
	case errors.Is(err, ledger.ErrNothingToRepair):
		return out, nil
	case errors.Is(err, ledger.ErrStillVerifying):
		return nil, nothingTo("still_verifying", "wait for its end: `alphapulse runs show "+req.GetVerifyRunId()+" --watch`", err)
	case errors.Is(err, ledger.ErrNotFound):
		return nil, err // the run is not this account's
	case err != nil:
		return nil, s.notSyncable(ctx, account, err)
	}
	s.log.WithField("run_id", run.ID).WithField("account", account.Name).WithField("verify_run_id", req.GetVerifyRunId()).
		Info("api: repair requested")
	out.Run, err = s.withTotals(ctx, run)
	return out, err
}

// GetVerification implements HistoryService.
func (s histories) GetVerification(
	ctx context.Context, req *controlv1.GetVerificationRequest,
) (*controlv1.GetVerificationResponse, error) {
	limit := int(req.GetLimit())
	switch {
	case limit == 0:
		limit = defaultDrift
	case limit < 0 || limit > maxDrift:
		return nil, badRequest("limit", "", fmt.Errorf("at most %d differences are listed", maxDrift))
	}
	run, err := s.ledger.Run(ctx, req.GetRunId())
	if err != nil {
		return nil, err
	}
	compared, err := s.ledger.Verifications(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	drift, err := s.ledger.DriftOf(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	out := &controlv1.GetVerificationResponse{Scopes: scopesCompared(compared), DriftTotal: int64(len(drift))}
	for _, d := range drift[:min(len(drift), limit)] {
		out.Drift = append(out.Drift, &controlv1.Drift{
			DataType: string(d.DataType), Scope: d.Scope, RowKey: d.RowKey, Kind: d.Kind, Column: d.Column, Stored: d.Stored,
			Exchange: d.Exchange, FoundAt: timestamppb.New(d.FoundAt),
		})
	}
	return out, nil
}

// scopesCompared adds up what was compared, scope by scope.
func scopesCompared(list []ledger.Verification) []*controlv1.VerifiedScope {
	var out []*controlv1.VerifiedScope
	at := map[[2]string]*controlv1.VerifiedScope{}
	for _, v := range list {
		key := [2]string{string(v.DataType), v.Scope}
		sum := at[key]
		if sum == nil {
			sum = &controlv1.VerifiedScope{DataType: string(v.DataType), Scope: v.Scope}
			at[key] = sum
			out = append(out, sum)
		}
		if v.Window != nil {
			sum.Windows++
		}
		sum.RowsCompared += v.Compared
		sum.RowsMoved += v.Moved
		sum.RowsDrifted += v.Drifted
	}
	return out
}
