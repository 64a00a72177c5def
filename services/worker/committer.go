package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/gather"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

const (
	// groupMost is how many jobs at most commit together.
	groupMost = 64
	// groupsAtOnce is how many groups commit side by side: while one waits for its
	// flush, the next one writes.
	groupsAtOnce = 4
	// groupRest is how soon after a group began the next one begins, unless half of
	// one waits: a commit costs as much for one job as for five.
	groupRest = 20 * time.Millisecond
	// groupRows is how many rows a job may have to be committed with others; a
	// bigger one would keep them waiting.
	groupRows = 1000
)

// committer commits outcomes that come at the same time together. Each has its own
// fate: what a group cannot store is committed alone by the attempt that it is of.
type committer struct {
	writes *ledger.Ledger
	leases *leases
	log    *logrus.Entry
	groups *gather.Groups[*committing]
}

// committing is an outcome on its way into a group.
type committing struct {
	lease   *lease
	job     *ledger.Claimed
	out     ledger.Outcome
	storing *storing // nil: no rows are stored
	done    chan struct{}

	settled ledger.Settled
	err     error
}

func newCommitter(writes *ledger.Ledger, leases *leases, log *logrus.Entry) *committer {
	c := &committer{writes: writes, leases: leases, log: log}
	c.groups = gather.New(groupMost, groupsAtOnce, groupRest, c.commitGroup)
	return c
}

// takes reports whether an outcome may be committed together with others.
func (c *committer) takes(job *ledger.Claimed, res result) bool {
	return ledger.Commitment{Job: job, Outcome: res.outcome}.Groupable() &&
		(res.write == nil || res.storing != nil) && res.outcome.RowsFetched <= groupRows
}

// commit returns when the outcome is in the table, or an error when it has to be
// committed alone, and why.
func (c *committer) commit(l *lease, job *ledger.Claimed, res result) (ledger.Settled, error) {
	x := &committing{lease: l, job: job, out: res.outcome, storing: res.storing, done: make(chan struct{})}
	c.groups.Add(x)
	<-x.done
	if x.err == nil && !x.settled.Holds {
		x.err = ledger.ErrFenced
	}
	return x.settled, x.err
}

// commitGroup tells each member what became of it. A lease is extended for as long
// as its outcome waits for a group, so its end is taken now.
func (c *committer) commitGroup(group []*committing) {
	group, until := c.begin(group)
	if len(group) == 0 {
		return
	}
	settled, err := c.commitTogether(group, until)
	if err != nil && len(group) > 1 {
		c.log.WithError(err).WithField("jobs", len(group)).Warn("jobs could not be committed together; each is committed alone")
	}
	for i, x := range group {
		if x.err = err; err == nil {
			x.settled = settled[i]
		}
		close(x.done)
	}
}

// leaseLeft is how much of its lease an outcome must have left to be committed with
// others, whose time it would cut short.
const leaseLeft = leaseMargin / 2

var errLeaseEnding = errors.New("the lease is nearly over")

// begin takes the members out of the heartbeats, sends away those whose lease is
// nearly over, and says when the first lease of the others can be.
func (c *committer) begin(group []*committing) (within []*committing, until time.Time) {
	for _, x := range group {
		end := c.leases.committing(x.lease) // from here on the row's lock protects it
		if time.Until(end) < leaseLeft {
			x.err = errLeaseEnding
			close(x.done)
			continue
		}
		if within = append(within, x); until.IsZero() || end.Before(until) {
			until = end
		}
	}
	return within, until
}

// errGroupPanicked: writing met a defect of ours. Whose rows it is of is found by
// committing each alone.
var errGroupPanicked = errors.New("writing a group panicked")

func (c *committer) commitTogether(group []*committing, until time.Time) (settled []ledger.Settled, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.WithField("panic", fmt.Sprint(p)).WithField("stack", string(debug.Stack())).Error("committing a group panicked")
			err = errGroupPanicked
		}
	}()
	outcomes := make([]ledger.Commitment, len(group))
	for i, x := range group {
		outcomes[i] = ledger.Commitment{Job: x.job, Outcome: x.out}
	}
	ctx, cancel := context.WithDeadline(context.Background(), until)
	defer cancel()
	return c.writes.CommitGroup(ctx, outcomes, func(ctx context.Context, tx pgx.Tx, places []int) ([]ledger.Written, error) {
		return writeGroup(ctx, tx, group, places)
	})
}

// writeGroup stores the readings of those whose claim holds.
func writeGroup(ctx context.Context, tx pgx.Tx, group []*committing, places []int) ([]ledger.Written, error) {
	written := make([]ledger.Written, len(places))
	var readings []*storing
	var of []int
	for i, place := range places {
		if s := group[place].storing; s != nil {
			readings, of = append(readings, s), append(of, i)
		}
	}
	if len(readings) == 0 {
		return written, nil
	}
	stored, err := store(ctx, tx, readings)
	if err != nil {
		return nil, err
	}
	for i, w := range stored {
		written[of[i]] = w
	}
	return written, nil
}
