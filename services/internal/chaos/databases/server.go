package databases

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/internal/process"
	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
)

// Server is a Postgres with several lives. All of them have the same data, port
// and log.
type Server struct {
	cfg      Config
	programs pgserver.Programs

	mu   sync.Mutex // one start or end at a time
	proc *process.Process
}

// Start makes the data directory if there is none, starts a server on it and
// returns when it takes connections. The server lives until it is stopped or
// killed, or this process ends; not until ctx does.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	programs, err := pgserver.Prepare(ctx, pgserver.Config{DataDir: cfg.Dir, Settings: cfg.Settings})
	if err != nil {
		return nil, fmt.Errorf("preparing database %s: %w", cfg.Name, err)
	}
	s := &Server{cfg: cfg, programs: programs}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Kill(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// Start begins another life and returns when the server takes connections,
// which after a kill is when it has recovered. Running already: ErrRunning of
// package process. When ctx ends before, the server runs on.
func (s *Server) Start(ctx context.Context) error {
	if err := s.launch(); err != nil {
		return fmt.Errorf("starting database %s: %w", s.cfg.Name, err)
	}
	return s.awaitReady(ctx)
}

func (s *Server) launch() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		return s.proc.Start()
	}
	proc, err := process.Start(process.Spec{
		Name: s.cfg.Name,
		Argv: append([]string{s.programs.Path("postgres")}, s.cfg.args()...),
		Env:  []string{"LC_ALL=C", "TZ=UTC"},
		Dir:  s.cfg.Dir, Logs: s.cfg.Logs,
		Credential: s.programs.Credential,
	})
	if err == nil {
		s.proc = proc
	}
	return err
}

// Name of the server.
func (s *Server) Name() string { return s.cfg.Name }

// Address is host and port, the same in every life.
func (s *Server) Address() string { return net.JoinHostPort(loopback, strconv.Itoa(s.cfg.Port)) }

// URL of a database as a user, who needs no password. An empty user is the
// superuser.
func (s *Server) URL(user, database string) string {
	if user == "" {
		user = superuser
	}
	u := url.URL{
		Scheme: "postgres", User: url.User(user), Host: s.Address(),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// PID of the postmaster; 0 when it is not running.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return 0
	}
	return s.proc.PID()
}

// Lives is how often the server was started.
func (s *Server) Lives() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return 0
	}
	return s.proc.Lives()
}

// Exec runs one statement as superuser, outside any transaction of others.
func (s *Server) Exec(ctx context.Context, database, sql string) error {
	conn, err := s.session(ctx, database, "exec")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the statement has ended
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("database %s: %w", s.cfg.Name, err)
	}
	return nil
}

// session opens a side session.
func (s *Server) session(ctx context.Context, database, role string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(s.URL(superuser, database))
	if err != nil {
		return nil, fmt.Errorf("a side session of database %s: %w", s.cfg.Name, err)
	}
	cfg.RuntimeParams["application_name"] = side + role
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("a side session of database %s: %w", s.cfg.Name, err)
	}
	return conn, nil
}

// signal sends one to the postmaster.
func (s *Server) signal(sig syscall.Signal) error {
	if s.proc == nil {
		return process.ErrNotRunning
	}
	return s.proc.Signal(sig)
}
