package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Published is what became of one job message.
type Published struct {
	// Seq and StreamCreated say where the message is, if Err is nil: its
	// sequence, and the creation time of the stream that gave it. They belong
	// together and are stored together.
	Seq           uint64
	StreamCreated time.Time
	// Duplicate: a message with this id was there already; Seq is its sequence.
	Duplicate bool
	// Err is nil, or ErrRefused (certainly not stored), ErrUnknownOutcome (it
	// may be), or ErrInvalid (never sent).
	Err error
}

// PublishJobs publishes a batch without waiting for one answer before the next
// message is sent, and returns one answer per job in the order given. When ctx
// ends, what has not been answered is ErrUnknownOutcome.
//
// Every sequence comes with the creation time of its stream, although the
// broker's answer does not carry one: the time seen before the first message
// was sent and the time seen after the last answer must be the same. A stream
// is made once and never gets its old creation time back, so it was the same
// stream in between. If they differ, the stream was replaced meanwhile and
// which one stored a message is unknown: the whole batch is then
// ErrUnknownOutcome, and the jobs are published again. The time after one
// batch serves as the time before the next, so this costs one question a
// batch.
func (q *Queue) PublishJobs(ctx context.Context, jobs []JobMessage) []Published {
	published := make([]Published, len(jobs))
	if len(jobs) == 0 {
		return published
	}
	before, err := q.createdBefore(ctx)
	if err != nil {
		for i := range published {
			published[i].Err = fmt.Errorf("publishing job %s: %w: %w", clip(jobs[i].JobID), ErrRefused, err)
		}
		return published
	}
	futures := make([]jetstream.PubAckFuture, len(jobs))
	stream := before.Format(time.RFC3339Nano)
	for i, job := range jobs {
		futures[i], published[i].Err = q.send(ctx, job, stream)
	}
	for i, future := range futures {
		if future != nil {
			published[i] = await(ctx, future)
		}
	}
	q.stamp(context.WithoutCancel(ctx), published, before) // what was answered stays answered
	for i := range published {
		if published[i].Err != nil {
			published[i].Err = fmt.Errorf("publishing job %s: %w", clip(jobs[i].JobID), published[i].Err)
		}
	}
	return published
}

// createdBefore is the creation time to compare with after a batch.
func (q *Queue) createdBefore(ctx context.Context) (time.Time, error) {
	if created := q.jobs.last(); !created.IsZero() {
		return created, nil
	}
	return q.streamCreated(ctx)
}

// stamp adds the stream's creation time to what was stored, or takes the
// sequences back if it cannot be known.
func (q *Queue) stamp(ctx context.Context, published []Published, before time.Time) {
	stored := false
	for _, p := range published {
		stored = stored || p.Err == nil
	}
	if !stored {
		// A missing stream is what a refusal may mean; the next batch asks anew.
		q.jobs.saw(time.Time{})
		return
	}
	after, err := q.streamCreated(ctx)
	switch {
	case err != nil:
		err = fmt.Errorf("%w: reading which stream stored it: %w", ErrUnknownOutcome, err)
	case !after.Equal(before):
		err = fmt.Errorf("%w: stream %s was replaced meanwhile", ErrUnknownOutcome, JobsStream)
	}
	for i := range published {
		if published[i].Err != nil {
			continue
		}
		if published[i].StreamCreated = before; err != nil {
			published[i] = Published{Err: err}
		}
	}
}

// send hands one message to the connection. It waits when too many are
// unanswered.
func (q *Queue) send(ctx context.Context, job JobMessage, stream string) (jetstream.PubAckFuture, error) {
	msg, err := jobMsg(job)
	if err != nil {
		return nil, err
	}
	msg.Header.Set(headerStream, stream)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: not sent: %w", ErrRefused, context.Cause(ctx))
	}
	future, err := q.js.PublishMsgAsync(msg,
		jetstream.WithMsgID(job.MessageID()),
		jetstream.WithExpectStream(JobsStream),
		jetstream.WithStallWait(callTimeout))
	if err != nil {
		return nil, publishError(err)
	}
	return future, nil
}

func jobMsg(job JobMessage) (*nats.Msg, error) {
	if err := job.Validate(); err != nil {
		return nil, err
	}
	subject, err := JobSubject(job.Consumer(), job.Subject)
	if err != nil {
		return nil, err
	}
	body, err := encodeJob(job)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	msg := nats.NewMsg(subject)
	msg.Data = body
	job.Trace.write(msg)
	return msg, nil
}

func await(ctx context.Context, future jetstream.PubAckFuture) Published {
	select {
	case ack := <-future.Ok():
		return Published{Seq: ack.Sequence, Duplicate: ack.Duplicate}
	case err := <-future.Err():
		return Published{Err: publishError(err)}
	case <-ctx.Done():
		return Published{Err: fmt.Errorf("%w: no answer: %w", ErrUnknownOutcome, context.Cause(ctx))}
	}
}

// publishError tells a certain refusal from silence. An answer of the broker
// that is an error is a refusal, and so is what never left this process.
func publishError(err error) error {
	var answer *jetstream.APIError
	switch {
	case errors.As(err, &answer):
		if answer.ErrorCode == codeStoreFailed && strings.Contains(answer.Description, "maximum") {
			return fmt.Errorf("%w: %w: %w", ErrRefused, ErrStreamFull, err)
		}
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("%w: %w", ErrRefused, apiError(err))
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionClosed),
		errors.Is(err, nats.ErrConnectionDraining):
		return fmt.Errorf("%w: %w: %w", ErrRefused, ErrUnreachable, err)
	case errors.Is(err, jetstream.ErrTooManyStalledMsgs):
		return fmt.Errorf("%w: not sent, too many unanswered: %w", ErrRefused, err)
	default:
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, apiError(err))
	}
}
