package queue

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Lag is the broker's own account of one consumer: the figures that `nats
// consumer info` and KEDA's scaler show.
type Lag struct {
	Consumer    Consumer
	Pending     uint64 // jobs waiting to be delivered
	InFlight    int    // delivered and not settled, snoozed ones included
	Redelivered int    // of those, how many were delivered more than once
	Delivered   uint64 // deliveries since the consumer was made, repeated ones included
	Waiting     int    // pulls of workers that wait for a job
	Paused      bool
}

// Lag lists every consumer of SYNC_JOBS, by name. Consumers that are not ours,
// such as one a person made to look around, are left out.
func (q *Queue) Lag(ctx context.Context) ([]Lag, error) {
	ctx, cancel := q.call(ctx)
	defer cancel()
	stream, err := q.js.Stream(ctx, JobsStream)
	if err != nil {
		return nil, fmt.Errorf("reading the lag of stream %s: %w", JobsStream, apiError(err))
	}
	var all []Lag
	listed := stream.ListConsumers(ctx)
	for info := range listed.Info() {
		consumer, err := ParseConsumer(info.Name)
		if err != nil {
			continue
		}
		all = append(all, Lag{
			Consumer: consumer, Pending: info.NumPending, InFlight: info.NumAckPending,
			Redelivered: info.NumRedelivered, Delivered: info.Delivered.Consumer, Waiting: info.NumWaiting, Paused: info.Paused,
		})
	}
	if err := listed.Err(); err != nil {
		return nil, fmt.Errorf("reading the lag of stream %s: %w", JobsStream, apiError(err))
	}
	slices.SortFunc(all, func(a, b Lag) int { return cmp.Compare(a.Consumer.Name(), b.Consumer.Name()) })
	return all, nil
}
