package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// RequeueDead implements DeadService.
func (s dead) RequeueDead(
	ctx context.Context, req *controlv1.RequeueDeadRequest,
) (*controlv1.RequeueDeadResponse, error) {
	request, remaining, err := s.request(ctx, req.GetSelection(), req.GetNote(), req.GetDryRun())
	if err != nil {
		return nil, err
	}
	decisions, started, err := s.ledger.RequeueDead(ctx, request)
	out := &controlv1.RequeueDeadResponse{Decisions: decisionMessages(decisions), Remaining: remaining}
	for _, run := range started {
		s.log.WithField("run_id", run.ID).WithField("account", run.Account).WithField("by", request.By).
			WithField("jobs", run.Total).Info("api: dead jobs requeued")
		message, readErr := s.withTotals(ctx, run)
		if readErr != nil {
			return nil, readErr
		}
		out.Runs = append(out.Runs, message)
	}
	if err != nil {
		return nil, noLetter(err)
	}
	return out, nil
}

// DiscardDead implements DeadService.
func (s dead) DiscardDead(
	ctx context.Context, req *controlv1.DiscardDeadRequest,
) (*controlv1.DiscardDeadResponse, error) {
	request, remaining, err := s.request(ctx, req.GetSelection(), req.GetNote(), req.GetDryRun())
	if err != nil {
		return nil, err
	}
	decisions, err := s.ledger.DiscardDead(ctx, request)
	if err != nil {
		return nil, noLetter(err)
	}
	if !request.DryRun {
		s.log.WithField("letters", len(decisions)).WithField("by", request.By).WithField("note", request.Note).
			Info("api: dead letters discarded")
	}
	return &controlv1.DiscardDeadResponse{Decisions: decisionMessages(decisions), Remaining: remaining}, nil
}

// request reads a selection, and counts what of it is too much for one call.
// Named letters must all exist: nothing is done if one of them is a mistake.
func (s dead) request(
	ctx context.Context, sel *controlv1.DeadSelection, note string, dryRun bool,
) (ledger.DeadRequest, int64, error) {
	out := ledger.DeadRequest{By: s.requester(ctx), Note: note, DryRun: dryRun}
	narrow := sel.GetErrorClass() != "" || sel.GetAccount() != "" || sel.GetDataType() != "" || sel.GetSince() != nil
	switch byName := len(sel.GetJobIds()) > 0; {
	case byName && (narrow || sel.GetAll()), sel.GetAll() && narrow, !byName && !narrow && !sel.GetAll():
		return out, 0, badRequest("selection", "",
			errors.New("name jobs, or give filters, or ask for all: one of these three"))
	case len(sel.GetJobIds()) > maxLetters:
		return out, 0, badRequest("selection", "", fmt.Errorf("name at most %d jobs", maxLetters))
	}
	if err := checkReason(note); err != nil {
		return out, 0, err
	}
	var err error
	if out.Filter, err = s.filter(ctx, sel); err != nil {
		return out, 0, err
	}
	out.Filter.Limit = maxLetters
	count, err := s.ledger.DeadCount(ctx, out.Filter)
	if err != nil {
		return out, 0, err
	}
	named := slices.Compact(slices.Sorted(slices.Values(sel.GetJobIds())))
	if len(named) > 0 && int(count) != len(named) {
		for _, id := range named {
			if _, err := s.ledger.DeadLetter(ctx, id); err != nil {
				return out, 0, noLetter(err)
			}
		}
	}
	return out, max(count-maxLetters, 0), nil
}

func decisionMessages(decisions []ledger.DeadDecision) []*controlv1.DeadDecision {
	out := make([]*controlv1.DeadDecision, len(decisions))
	for i, d := range decisions {
		out[i] = &controlv1.DeadDecision{
			JobId: d.Letter.JobID, Account: d.Letter.Account, DataType: string(d.Letter.DataType),
			Action: string(d.Action), Reason: d.Reason, ReplacementJobId: d.Replacement,
		}
	}
	return out
}
