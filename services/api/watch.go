package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// watches are the runs that somebody waits for.
type watches struct {
	mu    sync.Mutex
	limit int
	open  int
	byRun map[string]map[chan struct{}]struct{}
}

func newWatches(limit int) *watches {
	return &watches{limit: limit, byRun: map[string]map[chan struct{}]struct{}{}}
}

// add gives a channel that receives when the run may have changed, and what
// ends the watch; ok is false if there are too many.
func (w *watches) add(runID string) (woken <-chan struct{}, end func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open >= w.limit {
		return nil, nil, false
	}
	w.open++
	c := make(chan struct{}, 1)
	if w.byRun[runID] == nil {
		w.byRun[runID] = map[chan struct{}]struct{}{}
	}
	w.byRun[runID][c] = struct{}{}
	return c, func() { w.remove(runID, c) }, true
}

func (w *watches) remove(runID string, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open--
	delete(w.byRun[runID], c)
	if len(w.byRun[runID]) == 0 {
		delete(w.byRun, runID)
	}
}

// count is how many are open.
func (w *watches) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open
}

// wake wakes the watches of a run, or ("") all.
func (w *watches) wake(runID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, channels := range w.byRun {
		if runID != "" && id != runID {
			continue
		}
		for c := range channels {
			select {
			case c <- struct{}{}:
			default: // it has yet to look
			}
		}
	}
}

// wake listens for runs that end, until work ends. A notification that is lost
// costs a watch a poll.
func (a *API) wake(_, work context.Context) error {
	err := a.deps.DB.Listen(work, []string{ledger.ChannelRuns}, func(_ context.Context, n postgres.Notification) {
		a.watches.wake(n.Payload)
	})
	if work.Err() != nil {
		return nil
	}
	return err
}

// watch sends the run as it is and at each change, until it is over.
func (a *API) watch(ctx context.Context, req *controlv1.WatchRunRequest, send func(*controlv1.Run) error) error {
	woken, end, ok := a.watches.add(req.GetId())
	if !ok {
		return problem(connect.CodeResourceExhausted, errors.New("too many runs are being watched"),
			&controlv1.Problem{Class: classOverload, Reason: "watches", RetryHelps: true, NextStep: "try again in a moment"})
	}
	defer end()
	poll := time.NewTicker(a.cfg.PollInterval)
	defer poll.Stop()
	var last *controlv1.Run
	for {
		run, err := a.look(ctx, req)
		if err != nil {
			return err
		}
		if !proto.Equal(run, last) {
			if err := send(run); err != nil {
				return err
			}
			last = run
		}
		if run.GetStatus() != string(syncjob.RunRunning) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-daemon.Stopping(ctx):
			return problem(connect.CodeUnavailable, errors.New("the API is stopping"), &controlv1.Problem{
				Class: classStopping, Reason: "stopping", RetryHelps: true, NextStep: "watch the run again",
			})
		case <-woken:
		case <-poll.C:
		}
	}
}

func (a *API) look(ctx context.Context, req *controlv1.WatchRunRequest) (*controlv1.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.CallTimeout)
	defer cancel()
	return a.run(ctx, req.GetId(), req.GetTotalsOnly())
}
