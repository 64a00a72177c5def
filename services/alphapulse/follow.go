package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

const (
	followRetry = 500 * time.Millisecond
	// followPatience is how long the API may be away while a run is followed: a
	// restart of it should go unnoticed.
	followPatience = 30 * time.Second
)

const runRunning = "running"

// errWatchEnded is the orderly end of a stream, which is no news of a run that is
// not over.
var errWatchEnded = errors.New("the API ended the watch")

// follow calls seen for each snapshot of a run until it is over or ctx ends, and
// returns the last one it saw, also with an error. It survives a restart of the
// API.
func (c *client) follow(ctx context.Context, id string, seen func(*controlv1.Run)) (*controlv1.Run, error) {
	return c.followAs(ctx, &controlv1.WatchRunRequest{Id: id}, seen)
}

// followTotals is follow for a run of many jobs: snapshots have their totals and
// not the jobs.
func (c *client) followTotals(ctx context.Context, id string, seen func(*controlv1.Run)) (*controlv1.Run, error) {
	return c.followAs(ctx, &controlv1.WatchRunRequest{Id: id, TotalsOnly: true}, seen)
}

func (c *client) followAs(
	ctx context.Context, request *controlv1.WatchRunRequest, seen func(*controlv1.Run),
) (*controlv1.Run, error) {
	var last *controlv1.Run
	answered := time.Now()
	for {
		err := c.watchOnce(ctx, request, func(run *controlv1.Run) {
			last, answered = run, time.Now()
			seen(run)
		})
		switch {
		case last != nil && last.GetStatus() != runRunning:
			return last, nil
		case ctx.Err() != nil:
			return last, context.Cause(ctx)
		case !passing(err), time.Since(answered) > followPatience:
			return last, err
		}
		timer := time.NewTimer(followRetry)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// watchOnce is one call of WatchRun. A stream that breaks off is an error.
func (c *client) watchOnce(ctx context.Context, request *controlv1.WatchRunRequest, seen func(*controlv1.Run)) error {
	stream, err := c.WatchRun(ctx, request)
	if err != nil {
		return explainCall(ctx, err, c.base)
	}
	defer stream.Close()
	for stream.Receive() {
		seen(stream.Msg().GetRun())
	}
	if err := stream.Err(); err != nil {
		return explainCall(ctx, err, c.base)
	}
	return errWatchEnded
}

// passing reports whether an error may be over soon.
func passing(err error) bool {
	var told *apiError
	return errors.Is(err, errWatchEnded) || errors.As(err, &told) && slices.Contains([]connect.Code{
		connect.CodeUnavailable, connect.CodeDeadlineExceeded, connect.CodeResourceExhausted, connect.CodeAborted,
	}, told.code)
}
