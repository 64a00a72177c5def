package world

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/link"
)

// Broker is a JetStream server or a cluster of them.
type Broker interface {
	// Addresses of its servers.
	Addresses() []string
	Close() error
}

func (w *World) openBroker(ctx context.Context) (err error) {
	w.Broker, err = startBroker(ctx, w.cfg.Topology, w.path("nats"), w.path("logs"))
	if err != nil {
		return err
	}
	w.later(w.Broker.Close)
	for _, role := range []Role{Scheduler, Worker, Aggregator} {
		l, err := link.New(string(role), w.Broker.Addresses()[0])
		if err != nil {
			return err
		}
		w.BrokerLinks[role] = l
		w.later(func() error { l.Close(); return nil })
	}
	return nil
}

// brokerURL is what a role is told.
func (w *World) brokerURL(role Role) string { return "nats://" + w.BrokerLinks[role].Address() }

// DirectBrokerURL leads to the broker by no link: it is the harness's own.
func (w *World) DirectBrokerURL() string {
	urls := make([]string, len(w.Broker.Addresses()))
	for i, address := range w.Broker.Addresses() {
		urls[i] = "nats://" + address
	}
	return strings.Join(urls, ",")
}

// forgetting is how long before a loss of the broker's store an event may have
// been announced that nobody heard.
const forgetting = 3 * time.Second

// NoteStoreLost is told by a fault that makes the broker forget.
func (w *World) NoteStoreLost() {
	w.lossesMu.Lock()
	defer w.lossesMu.Unlock()
	w.losses = append(w.losses, time.Now())
}

// StoreLostAround reports whether the broker lost its store shortly after at.
func (w *World) StoreLostAround(at time.Time) bool {
	w.lossesMu.Lock()
	defer w.lossesMu.Unlock()
	return slices.ContainsFunc(w.losses, func(loss time.Time) bool {
		return at.After(loss.Add(-forgetting)) && at.Before(loss.Add(forgetting))
	})
}
