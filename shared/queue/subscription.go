package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Subscription takes jobs from one consumer. It holds no state at the broker
// between fetches and needs no closing.
type Subscription struct {
	q        *Queue
	consumer Consumer
	puller   *puller
}

// Subscribe prepares to take jobs. The consumer need not exist yet: a fetch
// waits for it.
func (q *Queue) Subscribe(c Consumer) (*Subscription, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("subscribing to %s: %w", clip(c.Name()), err)
	}
	return &Subscription{q: q, consumer: c, puller: q.puller(JobsStream, c.Name())}, nil
}

// Consumer is the queue that the subscription takes from.
func (s *Subscription) Consumer() Consumer { return s.consumer }

// Fetch calls take for up to n jobs as they arrive and returns how many it
// took: when there are n, when maxWait has passed, or when ctx ends, which
// means "stop taking". Several fetches may be open at once.
//
// n is what the caller can start at once. take owns the delivery, is called on
// Fetch's goroutine and must not block, since jobs behind it would wait with
// their AckWait running.
//
// When ctx ends, messages that are on their way are awaited for a moment and
// given back, so that another worker gets them at once. A broker that is away
// and a consumer or stream that is missing are waited for; the log says so
// once. Messages that are broken, forged or expired do not reach take.
func (s *Subscription) Fetch(ctx context.Context, n int, maxWait time.Duration, take func(Delivery)) int {
	return s.puller.pull(ctx, n, maxWait, func(msg *nats.Msg) bool {
		delivery, ok := s.accept(msg)
		if ok {
			take(delivery)
		}
		return ok
	})
}

// accept checks a message and settles the ones that are not for a worker.
func (s *Subscription) accept(msg *nats.Msg) (Delivery, bool) {
	answer := s.q.reply(msg)
	delivery, err := readDelivery(msg)
	if err != nil {
		s.q.refuse(answer, msg, err)
		return Delivery{}, false
	}
	if delivery.Job.Consumer() != s.consumer {
		s.q.refuse(answer, msg, fmt.Errorf("%w: a job of %s came through %s", ErrInvalid, delivery.Job.Consumer(), s.consumer))
		return Delivery{}, false
	}
	if s.q.now().After(delivery.Job.ExpiresAt) {
		s.q.drop(answer, delivery)
		return Delivery{}, false
	}
	delivery.reply = answer
	return delivery, true
}

// readDelivery decodes a job and compares it with where it was published.
func readDelivery(msg *nats.Msg) (Delivery, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return Delivery{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	job, err := decodeJob(msg.Data)
	if err != nil {
		return Delivery{}, err
	}
	subject, err := JobSubject(job.Consumer(), job.Subject)
	if err != nil {
		return Delivery{}, err
	}
	job.Trace = traceContextOf(msg)
	return Delivery{
		Job: job, Seq: meta.Sequence.Stream, StreamCreated: streamOf(msg),
		NumDelivered: meta.NumDelivered, StoredAt: meta.Timestamp,
	}, sameSubject(msg.Subject, subject)
}

// sameSubject refuses a message whose body speaks of something else than the
// subject it was published to, which permissions may have guarded.
func sameSubject(published, stated string) error {
	if published != stated {
		return fmt.Errorf("%w: published to %q but speaks of %q", ErrInvalid, clip(published), clip(stated))
	}
	return nil
}

// refuse ends a message that can never be understood, so that it is not
// delivered for ever.
func (q *Queue) refuse(answer reply, msg *nats.Msg, why error) {
	q.counts.refused.Add(1)
	entry := q.log.WithError(why).WithField("subject", clip(msg.Subject))
	if meta, err := msg.Metadata(); err == nil {
		entry = entry.WithFields(map[string]any{"stream": meta.Stream, "stream_seq": meta.Sequence.Stream})
	}
	entry.Error("queue: message refused")
	if err := answer.term(why.Error()); err != nil {
		entry.WithError(err).Warn("queue: cannot end a refused message; it comes again")
	}
}

// drop ends a message whose run is over.
func (q *Queue) drop(answer reply, d Delivery) {
	q.counts.expired.Add(1)
	entry := q.log.WithFields(map[string]any{
		"job_id": d.Job.JobID, "run_id": d.Job.RunID, "stream_seq": d.Seq, "expires_at": d.Job.ExpiresAt,
	})
	entry.Info("queue: job dropped, its run's deadline has passed")
	if err := answer.ack(); err != nil {
		entry.WithError(err).Warn("queue: cannot ack a dropped job; it comes again")
	}
}
