package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// AckWait is how long the broker waits for a sign of life of a delivery before
// it delivers the job again: a second more than the lease, so that the lease
// is over by then.
const AckWait = 11 * time.Second

// maxWaiting is how many pulls may be open on one consumer at once: one for
// each group of free slots in the fleet.
const maxWaiting = 8192

// maxCreates bounds the tries to create a consumer.
const maxCreates = 6

// EnsureConsumer makes the consumer if it is missing and reports whether it
// did. A new one starts at the oldest job that is still open: oldestOpen gives
// that job's sequence, or 0 if no open job has one.
//
// The stream's end is read before oldestOpen is asked, and the start is never
// behind it. A message that is published meanwhile is behind that end and is
// delivered whether or not oldestOpen knew of it. One that was published
// before, and whose sequence the tables did not have yet, may lie before the
// start; its job is then found at or below the ack floor by the sweep and
// published again. Two processes that create at once agree on whichever came
// first; jobs before its start are found in the same way.
//
// A consumer that exists keeps its position; only MaxAckPending is brought
// back if it drifted.
func (q *Queue) EnsureConsumer(ctx context.Context, c Consumer, oldestOpen func(context.Context) (uint64, error)) (bool, error) {
	created, err := q.ensureConsumer(ctx, c, oldestOpen)
	if err != nil {
		return false, fmt.Errorf("ensuring consumer %s: %w", c, err)
	}
	if created {
		q.log.WithField("consumer", c.Name()).Info("queue: consumer created")
	}
	return created, nil
}

func (q *Queue) ensureConsumer(ctx context.Context, c Consumer, oldestOpen func(context.Context) (uint64, error)) (bool, error) {
	if err := c.Validate(); err != nil {
		return false, err
	}
	found, end, err := q.findConsumer(ctx, c)
	if err != nil || found {
		return false, err
	}
	oldest, err := oldestOpen(ctx)
	if err != nil {
		return false, fmt.Errorf("looking for the oldest open job: %w", err)
	}
	start := end + 1
	if oldest > 0 {
		start = min(start, oldest)
	}
	return q.createConsumer(ctx, JobsStream, q.limits.jobConsumer(c, start))
}

// createConsumer reports whether it was made by this call and not by another
// process meanwhile. The broker clears a deleted consumer's directory after it
// has confirmed the deletion, and fails to create one of the same name in that
// moment; so that failure is tried again a few times.
func (q *Queue) createConsumer(ctx context.Context, stream string, config jetstream.ConsumerConfig) (bool, error) {
	ctx, cancel := q.call(ctx)
	defer cancel()
	retry := newBackoff()
	for tries := 1; ; tries++ {
		_, err := q.js.CreateConsumer(ctx, stream, config)
		switch {
		case errors.Is(err, jetstream.ErrConsumerExists), errors.Is(err, jetstream.ErrConsumerNameAlreadyInUse):
			return false, nil
		case errors.Is(err, jetstream.ErrConsumerCreate) && tries < maxCreates && retry.wait(ctx):
			continue
		default:
			return err == nil, apiError(err)
		}
	}
}

// findConsumer brings a consumer back that exists; of one that does not it
// gives the end of the stream.
func (q *Queue) findConsumer(ctx context.Context, c Consumer) (found bool, end uint64, err error) {
	ctx, cancel := q.call(ctx)
	defer cancel()
	existing, err := q.js.Consumer(ctx, JobsStream, c.Name())
	if err == nil {
		return true, 0, apiError(q.bringBackConsumer(ctx, existing.CachedInfo().Config))
	}
	if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return false, 0, apiError(err)
	}
	stream, err := q.js.Stream(ctx, JobsStream)
	if err != nil {
		return false, 0, apiError(err)
	}
	return false, stream.CachedInfo().State.LastSeq, nil
}

// jobConsumer has no BackOff: with one the broker miscounts the delay of a nak.
// Its deliveries are unlimited, because the attempts are counted in the table.
func (l Limits) jobConsumer(c Consumer, start uint64) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       c.Name(),
		Description:   fmt.Sprintf("AlphaPulse: %s jobs of %s %s, lane %s", c.DataType, c.Exchange, c.Environment, c.Lane),
		FilterSubject: c.Filter(),
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   start,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       AckWait,
		MaxDeliver:    -1,
		MaxAckPending: l.MaxAckPending,
		MaxWaiting:    maxWaiting,
	}
}

func (q *Queue) bringBackConsumer(ctx context.Context, have jetstream.ConsumerConfig) error {
	if have.MaxAckPending == q.limits.MaxAckPending {
		return nil
	}
	was := have.MaxAckPending
	have.MaxAckPending = q.limits.MaxAckPending
	if _, err := q.js.UpdateConsumer(ctx, JobsStream, have); err != nil {
		return fmt.Errorf("changing max ack pending from %d to %d: %w", was, have.MaxAckPending, err)
	}
	q.log.WithField("consumer", have.Durable).Infof("queue: max ack pending changed from %d to %d", was, have.MaxAckPending)
	return nil
}

// DeleteConsumer removes a consumer and its position. The jobs stay in the
// stream; whoever ensures the consumer again starts it at the oldest open one.
func (q *Queue) DeleteConsumer(ctx context.Context, c Consumer) error {
	ctx, cancel := q.call(ctx)
	defer cancel()
	if err := q.js.DeleteConsumer(ctx, JobsStream, c.Name()); err != nil {
		return fmt.Errorf("deleting consumer %s: %w", c, apiError(err))
	}
	return nil
}
