package api

import (
	"context"
	"sync"
	"time"

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
	release, ok := w.take()
	if !ok {
		return nil, nil, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan struct{}, 1)
	if w.byRun[runID] == nil {
		w.byRun[runID] = map[chan struct{}]struct{}{}
	}
	w.byRun[runID][c] = struct{}{}
	return c, func() {
		w.remove(runID, c)
		release()
	}, true
}

// take counts a watch until its end; ok is false if there are too many.
func (w *watches) take() (end func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open >= w.limit {
		return nil, false
	}
	w.open++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.open--
	}, true
}

func (w *watches) remove(runID string, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
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
		return tooManyWatches()
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
			return stopping("watch the run again")
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
