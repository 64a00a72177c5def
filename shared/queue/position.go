package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Position is where a consumer stands in SYNC_JOBS, read from the broker at
// one moment. Read the rows to be judged first, then the Position: so
// everything a row says of the stream is older than what the Position says.
type Position struct {
	StreamCreated     time.Time
	FirstSeq, LastSeq uint64 // of the stream; FirstSeq is LastSeq+1 when it is empty
	AckFloor          uint64 // everything up to here is settled
	Delivered         uint64 // the highest sequence delivered so far
	Pending           uint64 // not delivered yet
	Unacked           int    // delivered and not settled, snoozed ones included

	idle bool
}

// Idle reports that the consumer has nothing to deliver and waits for no ack.
func (p Position) Idle() bool { return p.idle }

// InLine reports whether the message that a row speaks of will still be
// delivered, or is out for delivery: docs/protocol.md rule 10. False means
// that the broker has lost or settled it, so that a job that is still queued
// has to be published again.
func (p Position) InLine(seq uint64, streamCreated time.Time) bool {
	switch {
	case !streamTime(streamCreated).Equal(p.StreamCreated): // stored for another stream
		return false
	case seq <= p.AckFloor, seq < p.FirstSeq, seq > p.LastSeq:
		return false
	default:
		return !p.idle
	}
}

// Position asks the broker where a consumer stands. The error is
// ErrConsumerMissing, ErrStreamMissing, ErrUnreachable, or one that says what
// else went wrong; no conclusion about any job may be drawn from an error.
func (q *Queue) Position(ctx context.Context, c Consumer) (Position, error) {
	p, err := q.position(ctx, c)
	if err != nil {
		return Position{}, fmt.Errorf("reading the position of consumer %s: %w", c, apiError(err))
	}
	return p, nil
}

func (q *Queue) position(ctx context.Context, c Consumer) (Position, error) {
	if err := c.Validate(); err != nil {
		return Position{}, err
	}
	ctx, cancel := q.call(ctx)
	defer cancel()
	consumer, err := q.js.Consumer(ctx, JobsStream, c.Name())
	if err != nil {
		return Position{}, err
	}
	stream, err := q.js.Stream(ctx, JobsStream)
	if err != nil {
		return Position{}, err
	}
	at, of := consumer.CachedInfo(), stream.CachedInfo()
	q.jobs.saw(streamTime(of.Created))
	p := Position{
		StreamCreated: streamTime(of.Created), FirstSeq: of.State.FirstSeq, LastSeq: of.State.LastSeq,
		AckFloor: at.AckFloor.Stream, Delivered: at.Delivered.Stream,
		Pending: at.NumPending, Unacked: at.NumAckPending,
	}
	if p.Pending == 0 && p.Unacked == 0 {
		p.idle, err = nothingBehind(ctx, stream, c, p.Delivered)
	}
	return p, err
}

// nothingBehind makes sure of a pending count of zero. The broker counts a new
// message a moment after it has confirmed it, so a job just published would
// look lost and be published twice. The stream itself knows at once.
func nothingBehind(ctx context.Context, stream jetstream.Stream, c Consumer, delivered uint64) (bool, error) {
	last, err := stream.GetLastMsgForSubject(ctx, c.Filter())
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return last.Sequence <= delivered, nil
}
