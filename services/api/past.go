package api

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// Past reads again what the broker's streams still hold.
type Past interface {
	JobsState(ctx context.Context) (queue.StreamState, error)
	StoredJobs(ctx context.Context, query queue.JobsQuery) (queue.JobsPage, error)
	DeadJobs(ctx context.Context) (ids []string, since time.Time, err error)
}

// brokerAway says that a stream cannot be read now.
func brokerAway(err error) error {
	switch {
	case errors.Is(err, queue.ErrUnreachable), errors.Is(err, queue.ErrStreamMissing):
		return problem(connect.CodeUnavailable, err, &controlv1.Problem{
			Class: classBroker, Reason: "broker_away", RetryHelps: true,
			NextStep: "see that NATS and a scheduler run; `alphapulse doctor` looks for the cause",
		})
	default:
		return err
	}
}

// requester names who changes something, for what is kept of it.
func (a *API) requester(ctx context.Context) string { return callerOf(ctx).actor }
