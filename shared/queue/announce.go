package queue

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The announcements below return when the broker has stored them. Their
// message ids make a repetition within DuplicateWindow harmless; a later one
// is stored twice, which readers must stand. Errors are ErrInvalid,
// ErrRefused or ErrUnknownOutcome, as for jobs.

// PublishResult reports an outcome that has been committed.
func (q *Queue) PublishResult(ctx context.Context, m ResultMessage) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("publishing the result of job %s: %w", clip(m.JobID), err)
	}
	subject, err := ResultSubject(m.Exchange, m.DataType, m.Subject)
	if err != nil {
		return fmt.Errorf("publishing the result of job %s: %w", clip(m.JobID), err)
	}
	body, err := encodeResult(m)
	if err := q.announce(ctx, envelope{ResultsStream, subject, m.MessageID(), body, m.Trace}, err); err != nil {
		return fmt.Errorf("publishing the result of job %s: %w", m.JobID, err)
	}
	return nil
}

// PublishRun announces the end of a run.
func (q *Queue) PublishRun(ctx context.Context, e RunEvent) error {
	subject, err := RunSubject(e.Status, e.Subject)
	if err = firstError(checkID("run_id", e.RunID), checkSubject(e.Subject), err); err != nil {
		return fmt.Errorf("announcing run %s: %w", clip(e.RunID), err)
	}
	body, err := encodeRun(e)
	if err := q.announce(ctx, envelope{EventsStream, subject, e.RunID, body, e.Trace}, err); err != nil {
		return fmt.Errorf("announcing run %s: %w", e.RunID, err)
	}
	return nil
}

// PublishData announces rows that a job has changed.
func (q *Queue) PublishData(ctx context.Context, e DataEvent) error {
	subject, err := DataSubject(e.DataType, e.Subject)
	if err = firstError(checkIDs("job_id", e.JobID, "run_id", e.RunID), checkSubject(e.Subject), err); err != nil {
		return fmt.Errorf("announcing the data of job %s: %w", clip(e.JobID), err)
	}
	body, err := encodeData(e)
	if err := q.announce(ctx, envelope{EventsStream, subject, e.JobID, body, e.Trace}, err); err != nil {
		return fmt.Errorf("announcing the data of job %s: %w", e.JobID, err)
	}
	return nil
}

// PublishDead announces a job that nothing will repeat.
func (q *Queue) PublishDead(ctx context.Context, d DeadJob) error {
	subject, err := DeadSubject(d.Exchange, d.DataType, d.Subject)
	if err = firstError(checkIDs("job_id", d.JobID, "run_id", d.RunID), checkSubject(d.Subject), err); err != nil {
		return fmt.Errorf("announcing dead job %s: %w", clip(d.JobID), err)
	}
	body, err := encodeDead(d)
	if err := q.announce(ctx, envelope{DeadStream, subject, d.JobID, body, d.Trace}, err); err != nil {
		return fmt.Errorf("announcing dead job %s: %w", d.JobID, err)
	}
	return nil
}

// envelope is one message that is waited for.
type envelope struct {
	stream, subject, id string
	body                []byte
	trace               TraceContext
}

// announce publishes one message and waits for the broker's answer.
func (q *Queue) announce(ctx context.Context, a envelope, encoding error) error {
	if encoding != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, encoding)
	}
	if !q.nc.IsConnected() {
		return fmt.Errorf("%w: %w", ErrRefused, ErrUnreachable)
	}
	ctx, cancel := q.call(ctx)
	defer cancel()
	msg := nats.NewMsg(a.subject)
	msg.Data = a.body
	a.trace.write(msg)
	_, err := q.js.PublishMsg(ctx, msg, jetstream.WithMsgID(a.id), jetstream.WithExpectStream(a.stream))
	if err != nil {
		return publishError(err)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
