package brokers

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/alphapulse/alphapulse/services/internal/chaos/disk"
	"github.com/alphapulse/alphapulse/services/internal/chaos/link"
)

// nodes of a cluster: the fewest that survive the loss of one.
const nodes = 3

// drain is how long a node has for its orderly end in a rolling restart.
const drain = 30 * time.Second

// nowhere is what nodes advertise to each other: an address at which nobody
// listens. Their gossip would lead them past the links.
const nowhere = "127.0.0.1:1"

// ErrNoLeader: nobody leads the stream, consumer or JetStream, or two do.
var ErrNoLeader = errors.New("nobody leads")

// ClusterConfig of three servers.
type ClusterConfig struct {
	Name       string // of the cluster, and the beginning of the servers'; "broker" if empty
	Dir        string // a directory of its own, for the stores
	Logs       string // directory of the logs; Dir if empty
	SyncAlways bool
	MaxStore   int64        // of each server, in bytes; DefaultMaxStore if 0
	Disks      []*disk.Disk // one for each server, or none
}

// Cluster is three nats-servers whose routes to each other go through links, so
// that a partition needs no privilege. Clients reach the servers directly, or
// through links of their own: the servers tell them no addresses.
type Cluster struct {
	servers []*Server
	routes  map[[2]int]*link.Link // from one node to another
}

// StartCluster runs a cluster and returns when it is ready.
func StartCluster(ctx context.Context, cfg ClusterConfig) (*Cluster, error) {
	if cfg.Name == "" {
		cfg.Name = "broker"
	}
	if cfg.Disks != nil && len(cfg.Disks) != nodes {
		return nil, fmt.Errorf("starting cluster %s: %d disks for %d servers", cfg.Name, len(cfg.Disks), nodes)
	}
	c := &Cluster{routes: map[[2]int]*link.Link{}}
	err := c.build(cfg)
	if err == nil {
		err = c.StartStopped(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting cluster %s: %w", cfg.Name, err), c.Close())
	}
	return c, nil
}

func (c *Cluster) build(cfg ClusterConfig) error {
	var listen [nodes]string
	for i := range nodes {
		var err error
		if listen[i], err = link.FreeAddress(); err != nil {
			return err
		}
	}
	for i := range nodes {
		o := &clusterOptions{Name: cfg.Name, Listen: listen[i], Advertise: nowhere}
		for j := range nodes {
			if i == j {
				continue
			}
			route, err := link.New(fmt.Sprintf("%s route %d to %d", cfg.Name, i+1, j+1), listen[j])
			if err != nil {
				return err
			}
			c.routes[[2]int{i, j}] = route
			o.Routes = append(o.Routes, "nats://"+route.Address())
		}
		name := cfg.Name + "-" + strconv.Itoa(i+1)
		of := Config{
			Name: name, Dir: filepath.Join(cfg.Dir, name), Logs: cfg.Logs,
			SyncAlways: cfg.SyncAlways, MaxStore: cfg.MaxStore, cluster: o,
		}
		if of.Logs == "" {
			of.Logs = cfg.Dir
		}
		if cfg.Disks != nil {
			of.Disk = cfg.Disks[i]
		}
		s, err := newServer(of)
		if err != nil {
			return err
		}
		c.servers = append(c.servers, s)
	}
	return nil
}

// Servers are the nodes, running or not.
func (c *Cluster) Servers() []*Server { return c.servers }

// URL names all servers, for a client's configuration.
func (c *Cluster) URL() string {
	urls := make([]string, len(c.servers))
	for i, s := range c.servers {
		urls[i] = s.URL()
	}
	return strings.Join(urls, ",")
}

// StartStopped starts every server that does not run and returns when the
// cluster is ready.
func (c *Cluster) StartStopped(ctx context.Context) error {
	for _, s := range c.servers {
		if s.Running() {
			continue
		}
		// Not one after the other: two alone may wait for each other.
		if err := s.begin(); err != nil {
			return fmt.Errorf("starting broker %s: %w", s.Name(), err)
		}
	}
	return c.Ready(ctx)
}

// Ready returns when all running servers agree on who leads JetStream and each of
// their streams and consumers, all of these answer, and JetStream does through
// each server, which reports that it is healthy.
func (c *Cluster) Ready(ctx context.Context) error {
	if err := await(ctx, nil, c.agree); err != nil {
		return fmt.Errorf("waiting for the cluster: %w", err)
	}
	for _, s := range c.servers {
		if !s.Running() {
			continue
		}
		if err := s.await(ctx, s.healthy); err != nil {
			return fmt.Errorf("waiting for broker %s: %w", s.Name(), err)
		}
		if err := s.await(ctx, s.answers); err != nil {
			return fmt.Errorf("waiting for JetStream through broker %s: %w", s.Name(), err)
		}
	}
	return nil
}

// agree tries whether all running servers follow the same leaders, and whether
// these answer. While a stream has no leader, questions about it get no answer at
// all; while it has two, they may get an old one.
func (c *Cluster) agree(ctx context.Context) error {
	agreed := leaders{}
	for _, s := range c.servers {
		if !s.Running() {
			continue
		}
		known, err := s.leaders(ctx)
		if err != nil {
			return err
		}
		if err := agreed.join(known); err != nil {
			return err
		}
	}
	return agreed.answer(ctx, c.URL())
}

// Leader is the server that leads a stream; it waits for one to be elected.
func (c *Cluster) Leader(ctx context.Context, stream string) (*Server, error) {
	var leader *Server
	err := await(ctx, nil, func(ctx context.Context) error {
		return ask(ctx, c.URL(), func(ctx context.Context, js jetstream.JetStream) error {
			s, err := js.Stream(ctx, stream)
			if err != nil {
				return err
			}
			leader, err = c.named(s.CachedInfo())
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("finding the leader of stream %s: %w", stream, err)
	}
	return leader, nil
}

func (c *Cluster) named(info *jetstream.StreamInfo) (*Server, error) {
	if info.Cluster != nil {
		for _, s := range c.servers {
			if s.Name() == info.Cluster.Leader {
				return s, nil
			}
		}
	}
	return nil, ErrNoLeader
}

// KillLeader kills the server that leads a stream. StartStopped brings it back.
func (c *Cluster) KillLeader(ctx context.Context, stream string) (*Server, error) {
	leader, err := c.Leader(ctx, stream)
	if err != nil {
		return nil, err
	}
	return leader, leader.Kill()
}

// KillTwo kills the server that leads a stream and one more: no quorum is left.
// StartStopped brings them back.
func (c *Cluster) KillTwo(ctx context.Context, stream string) ([]*Server, error) {
	leader, err := c.Leader(ctx, stream)
	if err != nil {
		return nil, err
	}
	killed := []*Server{leader}
	for _, s := range c.servers {
		if s != leader && len(killed) < 2 {
			killed = append(killed, s)
		}
	}
	return killed, killAll(killed)
}

// PowerCut takes the power from all servers and their Disks at once.
// StartStopped brings them back.
func (c *Cluster) PowerCut() ([]disk.Loss, error) {
	err := killAll(c.servers)
	var losses []disk.Loss
	for _, s := range c.servers {
		loss, errCut := s.PowerCut()
		losses, err = append(losses, loss), errors.Join(err, errCut)
	}
	return losses, err
}

func killAll(servers []*Server) error {
	failed := make(chan error)
	for _, s := range servers {
		go func() { failed <- s.Kill() }()
	}
	var err error
	for range servers {
		err = errors.Join(err, <-failed)
	}
	return err
}

// RollingRestart restarts each server in order, and the next one only when the
// cluster is ready again, as an upgrade would.
func (c *Cluster) RollingRestart(ctx context.Context) error {
	for _, s := range c.servers {
		if _, err := s.Stop(drain); err != nil {
			return fmt.Errorf("restarting broker %s: %w", s.Name(), err)
		}
		if err := c.StartStopped(ctx); err != nil {
			return fmt.Errorf("restarting broker %s: %w", s.Name(), err)
		}
	}
	return nil
}

// Isolate puts a server behind a partition: nothing passes between it and the
// others any more, and nobody is told. Its clients still reach it.
func (c *Cluster) Isolate(s *Server) error {
	var err error
	for ends, route := range c.routes {
		if c.servers[ends[0]] == s || c.servers[ends[1]] == s {
			err = errors.Join(err, route.Hang())
		}
	}
	return err
}

// Heal ends all partitions and returns when the cluster is ready.
func (c *Cluster) Heal(ctx context.Context) error {
	for _, route := range c.routes {
		if err := route.Heal(ctx); err != nil {
			return err
		}
	}
	return c.Ready(ctx)
}

// DeleteStream deletes a stream with its consumers behind everybody's back.
func (c *Cluster) DeleteStream(ctx context.Context, stream string) error {
	return deleteStream(ctx, c.URL(), stream)
}

// DeleteConsumer deletes a consumer behind everybody's back.
func (c *Cluster) DeleteConsumer(ctx context.Context, stream, consumer string) error {
	return deleteConsumer(ctx, c.URL(), stream, consumer)
}

// Close ends all servers and routes and unmounts the Disks. The stores stay.
func (c *Cluster) Close() error {
	err := killAll(c.servers)
	for _, s := range c.servers {
		err = errors.Join(err, s.Close())
	}
	for _, route := range c.routes {
		route.Close()
	}
	return err
}
