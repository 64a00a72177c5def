package databases

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// ErrNoReplica: the installation has no pg_basebackup, as some have that bring
// the server alone.
var ErrNoReplica = errors.New("a replica needs pg_basebackup, which this Postgres installation does not have " +
	"(Debian, Ubuntu: package postgresql-client)")

// Replica is a server that follows another one until it is promoted. In all else
// it is a Server: it can be killed and started again.
type Replica struct {
	*Server
	slot string
}

// ReplicaAvailable names what is missing for Replicate (ErrNoReplica).
func (s *Server) ReplicaAvailable() error {
	if _, err := os.Stat(s.basebackup()); err != nil {
		return fmt.Errorf("%w: %w", ErrNoReplica, err)
	}
	return nil
}

func (s *Server) basebackup() string { return s.programs.Path("pg_basebackup") }

// Replicate copies the server into cfg.Dir, which must not exist, and starts the
// copy as a replica that streams from a slot of its own, called cfg.Name. via is
// the address that it streams from: "" is the server's own, and that of a Link
// in between lets the stream suffer. A tablespace's copy is beside the copy.
func (s *Server) Replicate(ctx context.Context, cfg Config, via string) (*Replica, error) {
	cfg, err := s.replicaConfig(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.ReplicaAvailable(); err != nil {
		return nil, err
	}
	if via == "" {
		via = s.Address()
	}
	copied := &Server{cfg: cfg, programs: s.programs}
	if err := copied.emptyDir(); err != nil {
		return nil, err
	}
	if err := s.copyTo(ctx, cfg, via); err != nil {
		return nil, fmt.Errorf("copying database %s to %s: %w", s.cfg.Name, cfg.Name, err)
	}
	if err := copied.Start(ctx); err != nil {
		return nil, errors.Join(err, copied.Kill(context.WithoutCancel(ctx)))
	}
	return &Replica{Server: copied, slot: cfg.Name}, nil
}

// replicaConfig gives the replica what it may not have less of.
func (s *Server) replicaConfig(cfg Config) (Config, error) {
	if cfg.Name == "" {
		return cfg, errors.New("a replica needs a name: its slot has it")
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = s.cfg.MaxConnections
	}
	return cfg.withDefaults()
}

func (s *Server) emptyDir() error {
	if err := os.Mkdir(s.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("making a data directory: %w", err)
	}
	return s.own(s.cfg.Dir)
}
