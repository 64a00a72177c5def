package world

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/brokers"
	"github.com/alphapulse/alphapulse/services/internal/chaos/disk"
	"github.com/alphapulse/alphapulse/services/internal/chaos/link"
)

// openBroker starts one server, or a cluster of three, and a link from each role
// to each server.
func (w *World) openBroker(ctx context.Context) error {
	if err := w.startBroker(ctx); err != nil {
		return err
	}
	for _, role := range []Role{Scheduler, Worker, Aggregator, API} {
		for _, server := range w.Brokers() {
			l, err := link.New(string(role)+" to "+server.Name(), server.Address())
			if err != nil {
				return err
			}
			w.BrokerLinks[role] = append(w.BrokerLinks[role], l)
			w.later(func() error { l.Close(); return nil })
		}
	}
	return nil
}

func (w *World) startBroker(ctx context.Context) (err error) {
	if w.cfg.Topology == Cluster {
		w.Cluster, err = brokers.StartCluster(ctx, brokers.ClusterConfig{Dir: w.path("nats"), Logs: w.path("logs")})
		if err == nil {
			w.later(w.Cluster.Close)
		}
		return err
	}
	cfg := brokers.Config{Dir: w.path("nats"), Logs: w.path("logs"), SyncAlways: w.cfg.Topology == PowerCutAlways}
	if w.cfg.Topology == PowerCut || w.cfg.Topology == PowerCutAlways {
		if cfg.Disk, err = disk.New(w.path("nats-disk"), disk.Config{}); err != nil {
			return err
		}
	}
	w.Broker, err = brokers.Start(ctx, cfg)
	if err == nil {
		w.later(w.Broker.Close)
	}
	return err
}

// Brokers are the servers, however many there are.
func (w *World) Brokers() []*brokers.Server {
	if w.Cluster != nil {
		return w.Cluster.Servers()
	}
	return []*brokers.Server{w.Broker}
}

// brokerURL is what a role is told.
func (w *World) brokerURL(role Role) string {
	var urls []string
	for _, l := range w.BrokerLinks[role] {
		urls = append(urls, "nats://"+l.Address())
	}
	return strings.Join(urls, ",")
}

// DirectBrokerURL leads to the broker by no link: it is the harness's own.
func (w *World) DirectBrokerURL() string {
	var urls []string
	for _, server := range w.Brokers() {
		urls = append(urls, server.URL())
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
