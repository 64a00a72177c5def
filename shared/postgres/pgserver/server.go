package pgserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Server is a running Postgres.
type Server struct {
	cfg     Config
	bin     binaries
	port    int
	sockets string
	proc    *process
	lock    *dirLock
	done    chan error
	cleanup func()
	// password of the superuser; "": none is demanded.
	password string

	mu       sync.Mutex
	stopping bool
}

// Start makes the data directory if there is none, starts Postgres on it and
// returns when it answers. The server lives until Stop or this process ends,
// not until ctx does.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, cancel := cfg.startContext(ctx)
	defer cancel()
	if err := makeParent(cfg.DataDir); err != nil {
		return nil, err
	}
	lock, err := lockDir(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	s, err := startLocked(ctx, cfg)
	if err != nil {
		lock.release()
		return nil, err
	}
	s.lock = lock
	go s.watch()
	return s, nil
}

func startLocked(ctx context.Context, cfg Config) (*Server, error) {
	bin, as, password, err := prepare(ctx, cfg)
	if err != nil {
		return nil, err
	}
	sockets, temporary, err := socketDir(cfg.DataDir, as)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, bin: bin, sockets: sockets, done: make(chan error, 1), cleanup: func() {}, password: password,
	}
	if temporary {
		s.cleanup = func() { _ = os.RemoveAll(sockets) }
	}
	if err := s.launch(ctx, as); err != nil {
		s.cleanup()
		return nil, err
	}
	if err := s.demandPassword(ctx, as); err != nil {
		s.end(2 * time.Second)
		s.cleanup()
		return nil, err
	}
	return s, nil
}

// prepare chooses the programs and the user, and leaves a data directory that
// they can use and nobody serves, with the password of its superuser.
func prepare(ctx context.Context, cfg Config) (bin binaries, as account, password string, err error) {
	version, err := dataVersion(cfg.DataDir)
	if err != nil {
		return bin, as, "", err
	}
	bin, err = findBinaries(ctx, cfg.BinDir, version)
	if err != nil {
		return bin, as, "", err
	}
	if version != "" && version != bin.major {
		return bin, as, "", &VersionError{
			DataDir: cfg.DataDir, DataVersion: version, BinDir: bin.dir, BinaryVersion: bin.major,
		}
	}
	as, err = serverAccount(cfg.DataDir)
	if err != nil {
		return bin, as, "", err
	}
	if err := checkEnterable(cfg.DataDir, as); err != nil {
		return bin, as, "", err
	}
	password, err = readPassword(cfg, version)
	if err != nil {
		return bin, as, "", err
	}
	if version == "" {
		return bin, as, password, initialize(ctx, cfg, bin, as, password)
	}
	if err := awaitPredecessor(ctx, cfg.DataDir); err != nil {
		return bin, as, "", err
	}
	return bin, as, password, as.adopt(cfg.DataDir)
}

// maxPorts bounds how often another port is picked after losing one.
const maxPorts = 5

func (s *Server) launch(ctx context.Context, as account) error {
	if s.cfg.Port != 0 {
		if err := checkPort(s.cfg.Port); err != nil {
			return err
		}
		return s.launchOn(ctx, as, s.cfg.Port)
	}
	var err error
	for range maxPorts {
		var port int
		if port, err = s.cfg.pickPort(); err != nil {
			return err
		}
		if err = s.launchOn(ctx, as, port); !errors.Is(err, ErrPortTaken) {
			return err
		}
	}
	return err
}

func (s *Server) launchOn(ctx context.Context, as account, port int) error {
	s.port = port
	out := &output{log: s.cfg.Log}
	proc, err := spawn(as, s.cfg.DataDir, out, s.bin.postgres(), s.args()...)
	if err != nil {
		return err
	}
	s.proc = proc
	if err := s.awaitReady(ctx); err != nil {
		s.end(2 * time.Second)
		return s.explain(err)
	}
	return nil
}

func (s *Server) args() []string {
	settings := map[string]string{
		"listen_addresses":        loopback,
		"port":                    strconv.Itoa(s.port),
		"unix_socket_directories": s.sockets,
		"max_connections":         "200",
		"logging_collector":       "off",
		"log_destination":         "stderr",
		"log_line_prefix":         "[%p] ",
		"cluster_name":            "alphapulse",
	}
	maps.Copy(settings, s.cfg.Settings)
	args := []string{"-D", s.cfg.DataDir}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// explain turns a failed launch into its cause, with the server's last lines.
func (s *Server) explain(err error) error {
	tail := s.proc.out.tail()
	if errors.Is(err, ErrPortTaken) {
		return err
	}
	if strings.Contains(tail, "could not bind IPv4 address") {
		return fmt.Errorf("%w: %s:%d: %s", ErrPortTaken, loopback, s.port, tail)
	}
	return &ExitError{Program: s.bin.postgres(), Output: tail, cause: err}
}

// URL is where the server is reached, with the superuser, its password and
// Config.Database.
func (s *Server) URL() string { return s.urlOf(s.cfg.Database) }

func (s *Server) urlOf(database string) string {
	user := url.User("postgres")
	if s.password != "" {
		user = url.UserPassword("postgres", s.password)
	}
	u := url.URL{
		Scheme:   "postgres",
		User:     user,
		Host:     net.JoinHostPort(loopback, strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Port is the TCP port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// SocketDir is the directory of the Unix socket.
func (s *Server) SocketDir() string { return s.sockets }

// Pid is the process id of the server.
func (s *Server) Pid() int { return s.proc.cmd.Process.Pid }

// Done delivers one value when the server has ended: nil after Stop, and what
// became of it otherwise, with its last lines.
func (s *Server) Done() <-chan error { return s.done }

func (s *Server) watch() {
	<-s.proc.done
	s.mu.Lock()
	wanted := s.stopping
	s.mu.Unlock()
	s.cleanup()
	s.lock.release()
	if !wanted {
		s.done <- &ExitError{Program: s.bin.postgres(), Output: s.proc.out.tail(), cause: s.proc.exit()}
	}
	close(s.done)
}

// fastShutdown is how long Stop gives the fast shutdown, if ctx allows it.
const fastShutdown = 30 * time.Second

// Stop shuts the server down: it ends its sessions, writes a checkpoint and
// exits. When ctx ends before that, it is stopped at once and recovers at the
// next start. Further calls wait for the same end.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	s.proc.signal(syscall.SIGINT)
	timer := time.NewTimer(fastShutdown)
	defer timer.Stop()
	select {
	case <-s.proc.done:
		return s.proc.err
	case <-ctx.Done():
	case <-timer.C:
	}
	s.cfg.Log.Warn("Postgres did not shut down in time: stopping it at once")
	s.end(2 * time.Second)
	return nil
}

// end stops the server without a checkpoint, and if it ignores that kills it.
func (s *Server) end(grace time.Duration) {
	s.proc.signal(syscall.SIGQUIT)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-s.proc.done:
	case <-timer.C:
		s.proc.signal(syscall.SIGKILL)
		<-s.proc.done
	}
}
