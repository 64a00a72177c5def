package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The answers a caller has to tell apart. They are wrapped with what was being
// done; test with errors.Is.
var (
	// ErrUnreachable: there is no connection to the broker, or it does not
	// answer in time. Nothing is known.
	ErrUnreachable = errors.New("the broker cannot be reached")
	// ErrStreamMissing: the broker answers and has no such stream. EnsureStreams
	// makes it.
	ErrStreamMissing = errors.New("the stream does not exist")
	// ErrConsumerMissing: the stream is there and the consumer is not.
	// EnsureConsumer makes it.
	ErrConsumerMissing = errors.New("the consumer does not exist")

	// ErrRefused: the message is certainly not in the stream.
	ErrRefused = errors.New("the message was not stored")
	// ErrStreamFull: refused because the stream is at its size limit.
	ErrStreamFull = errors.New("the stream is full")
	// ErrUnknownOutcome: the message may or may not be in the stream. Publishing
	// it again with the same message id within DuplicateWindow is safe.
	ErrUnknownOutcome = errors.New("whether the message was stored is not known")

	// ErrInvalid: a name, an id or a message breaks the rules of this package.
	ErrInvalid = errors.New("invalid")
)

// Codes of the broker that nats.go has no name for.
const (
	codeStorageExceeded jetstream.ErrorCode = 10047 // no room to reserve for a stream
	codeStoreFailed     jetstream.ErrorCode = 10077 // "maximum bytes exceeded" and its like
)

// apiError gives an error of a JetStream API call its sentinel.
func apiError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("%w: %w", ErrStreamMissing, err)
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return fmt.Errorf("%w: %w", ErrConsumerMissing, err)
	case unreachable(err):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	default:
		return err
	}
}

// unreachable reports whether an error says nothing but that no answer came.
func unreachable(err error) bool {
	for _, silent := range []error{
		context.DeadlineExceeded, context.Canceled, nats.ErrTimeout, nats.ErrDisconnected, nats.ErrConnectionClosed,
		nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrNoResponders,
		nats.ErrConnectionDraining, jetstream.ErrJetStreamNotEnabled,
	} {
		if errors.Is(err, silent) {
			return true
		}
	}
	return false
}
