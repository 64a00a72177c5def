package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/alphapulse/alphapulse/shared/queue"
)

// A pass begins with its jobs in line: published, and their queue held back by the
// broker, so that the workers wait for them. Letting go starts the clock.

// holdTime is longer than any pass takes to be prepared.
const holdTime = 24 * time.Hour

// hold makes the broker deliver nothing of a queue.
func (m *machine) hold(ctx context.Context, c queue.Consumer) error {
	if _, err := m.made(ctx, c); err != nil {
		return err
	}
	if _, err := m.streams.PauseConsumer(ctx, queue.JobsStream, c.Name(), time.Now().Add(holdTime)); err != nil {
		return fmt.Errorf("holding queue %s back: %w", c, err)
	}
	return nil
}

// made waits until the scheduler has made a queue.
func (m *machine) made(ctx context.Context, c queue.Consumer) (consumer jetstream.Consumer, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("the scheduler has not made queue %s within %s", c, startTime))
	defer cancel()
	err = look(ctx, func() (bool, error) {
		consumer, err = m.streams.Consumer(ctx, queue.JobsStream, c.Name())
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			return false, nil
		}
		return err == nil, err
	})
	return consumer, err
}

// letGoIn is longer than a broker on this machine takes to hear of it, and nothing
// beside a pass of seconds.
const (
	letGoIn    = 20 * time.Millisecond
	letGoTries = 10
)

// letGo delivers what is in line. nats-server 2.15.2 wakes a queue up when the time of
// its pause has come, and not when it is told to resume: then it sleeps until a worker
// asks again, a second or two, in which nothing would be measured but that.
func (m *machine) letGo(ctx context.Context, c queue.Consumer) error {
	for range letGoTries {
		answer, err := m.streams.PauseConsumer(ctx, queue.JobsStream, c.Name(), time.Now().Add(letGoIn))
		if err != nil {
			return fmt.Errorf("letting queue %s go: %w", c, err)
		}
		if answer.Paused { // it heard of it before its time, and wakes up then
			return nil
		}
	}
	return fmt.Errorf("letting queue %s go: the broker answers later than %s, %d times", c, letGoIn, letGoTries)
}

func (m *machine) consumerInfo(ctx context.Context, c queue.Consumer) (*jetstream.ConsumerInfo, error) {
	consumer, err := m.streams.Consumer(ctx, queue.JobsStream, c.Name())
	if err != nil {
		return nil, err
	}
	return consumer.CachedInfo(), nil
}

// left is how many jobs of the queues are not acked.
func (m *machine) left(ctx context.Context, consumers []queue.Consumer) (int, error) {
	left := 0
	for _, c := range consumers {
		info, err := m.consumerInfo(ctx, c)
		if err != nil {
			return 0, fmt.Errorf("asking for queue %s: %w", c, err)
		}
		left += int(info.NumPending) + info.NumAckPending //nolint:gosec // far below 2^63
	}
	return left, nil
}

// nearlyDrained is below how many jobs awaitDrained looks all the time; before, each
// drainedEvery, because what it asks the broker is not what is measured.
const (
	nearlyDrained = 500
	drainedEvery  = 50 * time.Millisecond
)

// awaitDrained returns when every run is over and nothing is left to ack. While
// there is something to ack only the broker is asked, which costs the database
// nothing.
func (m *machine) awaitDrained(ctx context.Context, f *fleet, total int, consumers ...queue.Consumer) error {
	shown, looked, left := time.Now(), time.Time{}, 0
	return look(ctx, func() (done bool, err error) {
		if left > nearlyDrained && time.Since(looked) < drainedEvery {
			return false, nil
		}
		looked = time.Now()
		if left, err = m.left(ctx, consumers); err != nil {
			return false, err
		}
		if time.Since(shown) > time.Second {
			shown = time.Now()
			m.cfg.Progress("burning down", total-left, total)
			if err := f.ended(); err != nil {
				return false, err
			}
		}
		if left > 0 {
			return false, nil
		}
		open, err := m.exists(ctx, `SELECT EXISTS (SELECT FROM alphapulse.sync_runs WHERE status = 'running')`)
		return !open, err
	})
}

func (m *machine) exists(ctx context.Context, query string, args ...any) (yes bool, err error) {
	err = m.db.QueryRow(ctx, query, args...).Scan(&yes)
	return yes, err
}
