package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// topology keeps the streams and consumers in being, also while no worker runs.
type topology struct {
	metrics *measures
	ledger  *ledger.Ledger
	queue   *queue.Queue
	every   time.Duration
	created func() // something was made: what it should hold may have to be published
}

// step makes what is missing. Only the broker's own word that something does
// not exist makes it; silence is an error and changes nothing.
func (t *topology) step(ctx context.Context) (time.Duration, error) {
	changes, err := t.queue.EnsureStreams(ctx)
	for _, change := range changes {
		if change.Action == queue.StreamCreated {
			t.metrics.created.WithLabelValues("stream").Inc()
			t.created()
		}
	}
	if err != nil {
		return 0, err
	}
	consumers, err := consumersOf(ctx, t.ledger)
	if err != nil {
		return 0, err
	}
	return t.every, t.ensure(ctx, consumers)
}

// ensure makes the missing ones of the consumers. One that cannot be made does
// not keep the others from being made, unless the broker is away.
func (t *topology) ensure(ctx context.Context, consumers []queue.Consumer) error {
	var failures []error
	for _, c := range consumers {
		created, err := t.queue.EnsureConsumer(ctx, c, func(ctx context.Context) (uint64, error) {
			return t.oldestOpen(ctx, c, consumers[0])
		})
		if created {
			t.metrics.created.WithLabelValues("consumer").Inc()
			t.created()
		}
		if err == nil {
			continue
		}
		failures = append(failures, err)
		if errors.Is(err, queue.ErrUnreachable) || errors.Is(err, queue.ErrStreamMissing) {
			break
		}
	}
	return errors.Join(failures...)
}

// oldestOpen is where a new consumer starts: the lowest sequence that an open
// job has in the stream of today. Which stream that is, is read from the first
// consumer, which nothing is ever published to and which therefore may start
// anywhere. Should the answer be of a stream that is replaced meanwhile, the
// sweep finds and publishes what lies before the start.
func (t *topology) oldestOpen(ctx context.Context, c, first queue.Consumer) (uint64, error) {
	if c == first {
		return 0, nil
	}
	at, err := t.queue.Position(ctx, first)
	if err != nil {
		return 0, fmt.Errorf("finding out which stream this is: %w", err)
	}
	seq, _, err := t.ledger.OldestOpenSeq(ctx, c.Name(), at.StreamCreated)
	return seq, err
}

// consumersOf lists the consumers that the markets need: every data type in
// both lanes, once per exchange and environment. The first is one that no job
// uses, since probes are of the live lane alone.
func consumersOf(ctx context.Context, l *ledger.Ledger) ([]queue.Consumer, error) {
	markets, err := l.Markets(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[queue.Consumer]bool{}
	var consumers []queue.Consumer
	add := func(m ledger.Market, t syncjob.DataType, lane syncjob.Lane) {
		c := queue.Consumer{Exchange: m.Exchange, Environment: m.Environment, DataType: t, Lane: lane}
		if !seen[c] {
			seen[c] = true
			consumers = append(consumers, c)
		}
	}
	for _, m := range markets {
		add(m, syncjob.Probe, syncjob.Backfill)
		for _, t := range syncjob.Known() {
			add(m, t, syncjob.Live)
			add(m, t, syncjob.Backfill)
		}
	}
	return consumers, nil
}
