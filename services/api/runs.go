package api

import (
	"context"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// runs is RunService.
type runs struct{ *API }

// GetRun implements RunService.
func (s runs) GetRun(ctx context.Context, req *controlv1.GetRunRequest) (*controlv1.GetRunResponse, error) {
	run, err := s.run(ctx, req.GetId(), req.GetTotalsOnly())
	if err != nil {
		return nil, err
	}
	return &controlv1.GetRunResponse{Run: run}, nil
}

// run reads a run and its jobs, or their totals alone. The run is read first, so
// a run that is over never shows a job that is not.
func (a *API) run(ctx context.Context, id string, totalsOnly bool) (*controlv1.Run, error) {
	run, err := a.ledger.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	if totalsOnly {
		return a.withTotals(ctx, run)
	}
	return a.withJobs(ctx, run)
}

func (a *API) withJobs(ctx context.Context, run ledger.Run) (*controlv1.Run, error) {
	jobs, err := a.ledger.Jobs(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	out, err := a.withTotals(ctx, run)
	for _, job := range jobs {
		out.Jobs = append(out.Jobs, jobMessage(job))
	}
	return out, err
}

func (a *API) withTotals(ctx context.Context, run ledger.Run) (*controlv1.Run, error) {
	out := runMessage(run)
	totals, err := a.ledger.Totals(ctx, run.ID)
	for _, t := range totals {
		out.Totals = append(out.Totals, totalsMessage(t))
	}
	return out, err
}

// CancelRun implements RunService.
func (s runs) CancelRun(ctx context.Context, req *controlv1.CancelRunRequest) (*controlv1.CancelRunResponse, error) {
	if err := s.ledger.EndRun(ctx, req.GetId(), syncjob.CancelUser); err != nil {
		return nil, err
	}
	s.log.WithField("run_id", req.GetId()).Info("api: run cancelled")
	run, err := s.run(ctx, req.GetId(), false)
	if err != nil {
		return nil, err
	}
	return &controlv1.CancelRunResponse{Run: run}, nil
}

// WatchRun implements RunService.
func (s runs) WatchRun(
	ctx context.Context, req *controlv1.WatchRunRequest, stream *connect.ServerStream[controlv1.WatchRunResponse],
) error {
	return s.watch(ctx, req, func(run *controlv1.Run) error {
		return stream.Send(&controlv1.WatchRunResponse{Run: run})
	})
}
