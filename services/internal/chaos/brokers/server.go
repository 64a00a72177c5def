package brokers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/disk"
	"github.com/alphapulse/alphapulse/services/internal/chaos/link"
	"github.com/alphapulse/alphapulse/services/internal/process"
)

// DefaultMaxStore is how much JetStream may store if the config does not say;
// as much as in the product's own broker.
const DefaultMaxStore = 4 << 30

// Config of a server.
type Config struct {
	Name string // of the server and of its log; "broker" if empty
	Dir  string // a directory of its own, for the store
	Logs string // directory of the log; Dir if empty
	// Listen is the address for clients, the same over all lives; one that is
	// free if empty.
	Listen string
	// SyncAlways writes every message to the disk before it is acknowledged.
	// Without it a power cut takes up to two minutes of acknowledged messages.
	SyncAlways bool
	MaxStore   int64 // in bytes; DefaultMaxStore if 0
	// Disk, if set, keeps the store instead of Dir: it can lose its power.
	Disk *disk.Disk

	cluster *clusterOptions
}

// ErrNoDisk: only a server with a Config.Disk can lose its power.
var ErrNoDisk = errors.New("the broker's store is not on a disk of its own")

// Server is a nats-server with several lives, all on the same addresses and the
// same store. One goroutine at a time may change it.
type Server struct {
	cfg     Config
	monitor string

	mu      sync.Mutex
	process *process.Process // nil before the first life
	ceiling *uint64          // of files, while the disk is full and not a Disk
}

// Start runs a server of its own and returns when JetStream answers.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Kill())
	}
	return s, nil
}

func newServer(cfg Config) (*Server, error) {
	if cfg.Name == "" {
		cfg.Name = "broker"
	}
	if cfg.Logs == "" {
		cfg.Logs = cfg.Dir
	}
	if cfg.MaxStore == 0 {
		cfg.MaxStore = DefaultMaxStore
	}
	monitor, err := link.FreeAddress()
	if err == nil && cfg.Listen == "" {
		cfg.Listen, err = link.FreeAddress()
	}
	if err != nil {
		return nil, fmt.Errorf("making broker %s: %w", cfg.Name, err)
	}
	return &Server{cfg: cfg, monitor: monitor}, nil
}

// Start begins another life and returns when JetStream answers; a node of a
// cluster, when it takes connections. A server that ends instead is an error
// with its last words.
func (s *Server) Start(ctx context.Context) error {
	if err := s.begin(); err != nil {
		return fmt.Errorf("starting broker %s: %w", s.cfg.Name, err)
	}
	ready := s.answers
	if s.cfg.cluster != nil {
		ready = s.listens
	}
	if err := s.await(ctx, ready); err != nil {
		return fmt.Errorf("starting broker %s: %w", s.cfg.Name, err)
	}
	return nil
}

func (s *Server) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil && s.process.PID() != 0 {
		return process.ErrRunning
	}
	if s.cfg.Disk != nil && !s.cfg.Disk.Mounted() {
		if err := s.cfg.Disk.Mount(); err != nil {
			return err
		}
	}
	if s.cfg.Disk == nil {
		if err := os.MkdirAll(s.store(), 0o700); err != nil {
			return err
		}
	}
	if err := s.run(); err != nil {
		return err
	}
	if s.ceiling != nil {
		return limitFiles(s.process.PID(), s.ceiling)
	}
	return nil
}

// run starts the process, for the first time or again.
func (s *Server) run() error {
	if s.process != nil {
		return s.process.Start()
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(options{
		Name: s.cfg.Name, StoreDir: s.store(), Listen: s.cfg.Listen, Monitor: s.monitor,
		SyncAlways: s.cfg.SyncAlways, MaxStore: s.cfg.MaxStore, Cluster: s.cfg.cluster,
	})
	if err != nil {
		return err
	}
	s.process, err = process.Start(process.Spec{
		Name: s.cfg.Name, Argv: []string{program}, Env: []string{childVariable + "=" + string(text)}, Logs: s.cfg.Logs,
	})
	return err
}

// store is where the server keeps its streams.
func (s *Server) store() string {
	if s.cfg.Disk != nil {
		return s.cfg.Disk.Path()
	}
	return filepath.Join(s.cfg.Dir, "store")
}

// Name of the server.
func (s *Server) Name() string { return s.cfg.Name }

// Address is where clients connect, in all lives.
func (s *Server) Address() string { return s.cfg.Listen }

// URL is where clients connect, in all lives.
func (s *Server) URL() string { return "nats://" + s.cfg.Listen }

// MonitorURL is the base of the monitoring endpoints, in all lives.
func (s *Server) MonitorURL() string { return "http://" + s.monitor }

// Disk is the one of the config, nil if there is none.
func (s *Server) Disk() *disk.Disk { return s.cfg.Disk }

// Process is what runs; nil before the first start.
func (s *Server) Process() *process.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// Running reports whether the server lives.
func (s *Server) Running() bool {
	p := s.Process()
	return p != nil && p.PID() != 0
}

// Kill ends this life with SIGKILL. What the system has taken from the server
// is not lost, only what the server had not handed over.
func (s *Server) Kill() error {
	p := s.Process()
	if p == nil {
		return nil
	}
	return p.Kill()
}

// Stop ends this life in order, and by SIGKILL when the patience is over: then
// it reports false.
func (s *Server) Stop(patience time.Duration) (orderly bool, err error) {
	p := s.Process()
	if p == nil {
		return false, fmt.Errorf("stopping broker %s: %w", s.cfg.Name, process.ErrNotRunning)
	}
	return p.Stop(syscall.SIGTERM, patience)
}

// Pause stops the server where it is (SIGSTOP) and returns when it stands still.
func (s *Server) Pause(ctx context.Context) error {
	if err := s.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return s.await(ctx, func(ctx context.Context) error { return standsStill(ctx, s.Process().PID()) })
}

// Continue lets a paused server go on (SIGCONT).
func (s *Server) Continue() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) error {
	p := s.Process()
	if p == nil {
		return fmt.Errorf("signalling broker %s: %w", s.cfg.Name, process.ErrNotRunning)
	}
	return p.Signal(sig)
}

// PowerCut kills the server and takes the power from its Disk. Start gives both
// back, with what was durable.
func (s *Server) PowerCut() (disk.Loss, error) {
	if s.cfg.Disk == nil {
		return disk.Loss{}, fmt.Errorf("cutting the power of broker %s: %w", s.cfg.Name, ErrNoDisk)
	}
	// In this order: a server that sees its disk fail would say so, and may
	// acknowledge what it has just failed to write.
	if err := s.Kill(); err != nil {
		return disk.Loss{}, fmt.Errorf("cutting the power of broker %s: %w", s.cfg.Name, err)
	}
	return s.cfg.Disk.Cut()
}

// Close ends the server and unmounts its Disk. The store stays.
func (s *Server) Close() error {
	err := s.Kill()
	if s.cfg.Disk != nil && s.cfg.Disk.Mounted() {
		err = errors.Join(err, s.cfg.Disk.Unmount())
	}
	return err
}

// listens tries whether the server takes connections.
func (s *Server) listens(ctx context.Context) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return err
	}
	return conn.Close()
}
