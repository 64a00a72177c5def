package bench

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// fleet is the processes of one pass.
type fleet struct {
	children  []*process
	scheduler *process
	workers   []*process
}

// parts say which processes a pass needs.
type parts struct {
	workers, slots int
	types          []syncjob.DataType
	aggregator     bool
}

// budget of requests per second that no pass reaches.
const budget = "100000"

// startFleet starts the processes of a pass. Stop it, also after an error.
func (m *machine) startFleet(ctx context.Context, p parts) (*fleet, error) {
	m.cfg.Progress("starting the processes", 0, 0)
	f := &fleet{}
	args := []string{"scheduler", "--budget", "0"}
	if m.cfg.NATSURL == "" {
		args = append(args, "--jobs-size", strconv.Itoa(jobsSize>>20))
	}
	scheduler, err := m.start(ctx, "scheduler", args)
	if err != nil {
		return f, err
	}
	f.scheduler = scheduler
	f.children = append(f.children, scheduler)
	if p.aggregator {
		c, err := m.start(ctx, "aggregator", []string{"aggregator"})
		if err != nil {
			return f, err
		}
		f.children = append(f.children, c)
	}
	conns := strconv.Itoa(writeConns(max(p.workers, 1), p.slots))
	for i := range p.workers {
		c, err := m.start(ctx, fmt.Sprintf("worker-%d", i+1), []string{
			"worker", "--types", syncjob.JoinTypes(p.types), "--slots", strconv.Itoa(p.slots),
			"--write-conns", conns, "--claim-conns", strconv.Itoa(claimConns),
			"--requests-per-second", budget, "--egress", "bench",
		})
		if err != nil {
			return f, err
		}
		f.workers = append(f.workers, c)
		f.children = append(f.children, c)
	}
	return f, nil
}

// stop ends the processes together, workers among them: by now they have nothing
// to do.
func (f *fleet) stop() {
	var all sync.WaitGroup
	for _, c := range f.children {
		all.Go(c.stop)
	}
	all.Wait()
	f.children = nil
}

// ended is an error if a process has ended by itself.
func (f *fleet) ended() error {
	for _, c := range f.children {
		select {
		case <-c.Done():
			return fmt.Errorf("%s has ended in the middle of a pass: %w; its log is %s", c.name, c.ending(), c.log)
		default:
		}
	}
	return nil
}

// awaitPulling returns when every worker waits for jobs of the queues.
func (m *machine) awaitPulling(ctx context.Context, f *fleet, consumers ...queue.Consumer) error {
	m.cfg.Progress("waiting for the workers", 0, 0)
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("the workers do not ask for jobs within %s", startTime))
	defer cancel()
	return look(ctx, func() (bool, error) {
		if err := f.ended(); err != nil {
			return false, err
		}
		for _, c := range consumers {
			info, err := m.consumerInfo(ctx, c)
			if err != nil || info.NumWaiting < len(f.workers) {
				return false, nil // the scheduler makes the queue in a moment
			}
		}
		return true, nil
	})
}

// processName is the name of a process as it is shown: that of all workers is
// "worker".
func processName(name string) string {
	short, _, _ := strings.Cut(name, "-")
	return short
}
