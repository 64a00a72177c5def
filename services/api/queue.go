package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	defaultFreshness = 20
	maxFreshness     = 10000
	maxLagHistory    = 300

	defaultLagInterval = 2 * time.Second
	minLagInterval     = 500 * time.Millisecond
)

// queues is QueueService.
type queues struct{ *API }

// GetLag implements QueueService.
func (s queues) GetLag(ctx context.Context, req *controlv1.GetLagRequest) (*controlv1.GetLagResponse, error) {
	if err := checkLag(req); err != nil {
		return nil, err
	}
	if req.GetAccount() != "" {
		if _, err := s.account(ctx, req.GetAccount()); err != nil {
			return nil, err
		}
	}
	return s.lag(ctx, req)
}

func checkLag(req *controlv1.GetLagRequest) error {
	if err := checkWord("lane", req.GetLane(), []string{string(syncjob.Live), string(syncjob.Backfill)}); err != nil {
		return err
	}
	for _, name := range req.GetDataTypes() {
		if err := checkWord("data type", name, words(syncjob.Known())); err != nil {
			return err
		}
	}
	if n := req.GetFreshnessLimit(); n < -1 || n > maxFreshness {
		return badRequest("freshness_limit", "", fmt.Errorf("at most %d lines of freshness are listed", maxFreshness))
	}
	if n := req.GetHistory(); n < 0 || n > maxLagHistory {
		return badRequest("history", "", fmt.Errorf("a history has 0 to %d samples", maxLagHistory))
	}
	return nil
}

// lag reads the broker first: a job that ends between the two readings then
// counts as stale for a moment, where the other order would lose one.
func (a *API) lag(ctx context.Context, req *controlv1.GetLagRequest) (*controlv1.GetLagResponse, error) {
	readings, brokerErr := a.recorder.Look(ctx)
	out, err := list(a, func(reads *ledger.Ledger, db *postgres.DB) (*controlv1.GetLagResponse, error) {
		now, err := databaseTime(ctx, db)
		if err != nil {
			return nil, err
		}
		backlogs, err := reads.Backlogs(ctx)
		if err != nil {
			return nil, err
		}
		out := &controlv1.GetLagResponse{ReadAt: timestamppb.New(now), Lanes: lanes(req, readings, backlogs)}
		return out, addFreshness(ctx, reads, req, out)
	})
	if err != nil {
		return nil, err
	}
	if brokerErr != nil {
		out.BrokerError = brokerErr.Error()
		for _, lane := range out.GetLanes() {
			lane.Missing = false // nobody knows
		}
	}
	return out, nil
}

func addFreshness(
	ctx context.Context, reads *ledger.Ledger, req *controlv1.GetLagRequest, out *controlv1.GetLagResponse,
) error {
	limit := int(req.GetFreshnessLimit())
	switch limit {
	case -1:
		return nil
	case 0:
		limit = defaultFreshness
	}
	found, err := reads.AccountLags(ctx, req.GetAccount(), limit)
	if err != nil {
		return err
	}
	out.FreshnessTotal, out.StaleTotal = found.Total, found.Stale
	for _, f := range found.Worst {
		line := &controlv1.AccountLag{
			Account: f.Account, DataType: string(f.DataType), Objective: durationpb.New(f.Objective), Stale: f.Stale,
		}
		if f.Age != nil {
			line.Age = durationpb.New(*f.Age)
		}
		out.Freshness = append(out.Freshness, line)
	}
	return nil
}

// WatchLag implements QueueService.
func (s queues) WatchLag(
	ctx context.Context, req *controlv1.WatchLagRequest, stream *connect.ServerStream[controlv1.WatchLagResponse],
) error {
	what := req.GetWhat()
	if err := checkLag(what); err != nil {
		return err
	}
	interval := defaultLagInterval
	if req.GetInterval() != nil {
		interval = req.GetInterval().AsDuration()
	}
	if interval < minLagInterval {
		return badRequest("interval", "", fmt.Errorf("an interval is at least %s", minLagInterval))
	}
	end, ok := s.watches.take()
	if !ok {
		return tooManyWatches()
	}
	defer end()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		res, err := s.look(ctx, what)
		if err == nil {
			err = stream.Send(&controlv1.WatchLagResponse{Lag: res})
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-daemon.Stopping(ctx):
			return stopping("watch the lag again")
		case <-ticker.C:
		}
	}
}

func (s queues) look(ctx context.Context, what *controlv1.GetLagRequest) (*controlv1.GetLagResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	return s.GetLag(ctx, what)
}

// wants reports whether a request is about this lane; what it leaves empty
// matches everything.
func wants(req *controlv1.GetLagRequest, lane *controlv1.Lane) bool {
	match := func(want, have string) bool { return want == "" || want == have }
	return match(req.GetExchange(), lane.GetExchange()) && match(req.GetEnvironment(), lane.GetEnvironment()) &&
		match(req.GetLane(), lane.GetLane()) &&
		(len(req.GetDataTypes()) == 0 || slices.Contains(req.GetDataTypes(), lane.GetDataType()))
}

func tooManyWatches() error {
	return problem(connect.CodeResourceExhausted, errors.New("too many runs and queues are being watched"),
		&controlv1.Problem{Class: classOverload, Reason: "watches", RetryHelps: true, NextStep: "try again in a moment"})
}

func stopping(nextStep string) error {
	return problem(connect.CodeUnavailable, errors.New("the API is stopping"), &controlv1.Problem{
		Class: classStopping, Reason: "stopping", RetryHelps: true, NextStep: nextStep,
	})
}
