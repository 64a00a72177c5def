package api

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/lag"
)

// lanes puts what the broker and what the tables say of each queue together. A
// queue that only the tables know is one that the broker has lost.
func lanes(req *controlv1.GetLagRequest, readings []lag.Reading, backlogs []ledger.Backlog) []*controlv1.Lane {
	byName := map[string]*controlv1.Lane{}
	for _, r := range readings {
		byName[r.Consumer.Name()] = brokerLane(r, int(req.GetHistory()))
	}
	for _, b := range backlogs {
		lane := byName[b.Consumer]
		if lane == nil {
			consumer, err := queue.ParseConsumer(b.Consumer)
			if err != nil {
				continue // not a name that we give
			}
			lane = newLane(consumer)
			lane.Missing = true
			byName[b.Consumer] = lane
		}
		addBacklog(lane, b)
	}
	out := make([]*controlv1.Lane, 0, len(byName))
	for _, lane := range byName {
		if wants(req, lane) {
			lane.Stale = lag.Stale(lane.GetPending(), lane.GetInFlight(), lane.GetPublished()+lane.GetRunning())
			out = append(out, lane)
		}
	}
	slices.SortFunc(out, func(a, b *controlv1.Lane) int {
		return cmp.Or(cmp.Compare(a.GetExchange(), b.GetExchange()), cmp.Compare(a.GetEnvironment(), b.GetEnvironment()),
			cmp.Compare(a.GetDataType(), b.GetDataType()), cmp.Compare(b.GetLane(), a.GetLane()))
	})
	return out
}

func newLane(c queue.Consumer) *controlv1.Lane {
	return &controlv1.Lane{
		Exchange: c.Exchange, Environment: c.Environment, DataType: string(c.DataType), Lane: string(c.Lane),
	}
}

func brokerLane(r lag.Reading, history int) *controlv1.Lane {
	lane := newLane(r.Consumer)
	inFlight, redelivered := count(r.InFlight), count(r.Redelivered)
	lane.Pending, lane.InFlight, lane.Redelivered = &r.Pending, &inFlight, &redelivered
	lane.WaitingPulls, lane.Paused = count(r.Waiting), r.Paused
	if r.Rates.Window > 0 {
		lane.ArrivalRate, lane.CompletionRate = &r.Rates.Arrival, &r.Rates.Completion
		lane.RateWindow = durationpb.New(r.Rates.Window)
	}
	if drain, ok := r.Rates.Drain(r.Pending, inFlight); ok {
		lane.Drain = durationpb.New(drain)
	}
	for _, s := range r.History[max(0, len(r.History)-history):] {
		lane.History = append(lane.History, &controlv1.LagSample{
			At: timestamppb.New(s.At), Pending: s.Pending, InFlight: s.InFlight,
		})
	}
	return lane
}

func addBacklog(lane *controlv1.Lane, b ledger.Backlog) {
	lane.Open, lane.Running = count(b.Published+b.Due+b.Running), count(b.Running)
	lane.Snoozed, lane.Held = count(b.Snoozed), count(b.Held)
	lane.OldestQueuedAt = stamp(b.Oldest)
	if b.Age != nil {
		lane.OldestAge = durationpb.New(max(*b.Age, 0))
	}
	lane.Published = count(b.Published)
}

func count[N int | int64](n N) uint64 {
	return uint64(max(n, 0)) //nolint:gosec // a count
}
