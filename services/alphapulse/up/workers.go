package up

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/alphapulse/child"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/vault"
)

const (
	// workerGrace is how long a worker may finish what it holds. What it has not
	// finished by then it gives back, for which killAfter leaves it time.
	workerGrace = 1200 * time.Millisecond
	killAfter   = 2200 * time.Millisecond

	// A worker that ends is started again, at once the first time and then ever
	// later, until it has lived for steadyLife.
	minRestart = 500 * time.Millisecond
	maxRestart = 30 * time.Second
	steadyLife = time.Minute
)

// workers keeps the worker processes running.
type workers struct {
	program string
	environ []string
	budget  float64 // requests per second of all of them together
	level   string
	logs    string // directory
	perType int
	term    *terminal
	log     *logrus.Entry

	pipe, held *os.File          // the children's end, and ours
	sockets    map[string]socket // by the worker's name

	mu      sync.Mutex
	running map[string]*worker
}

// newWorkers prepares as many processes per data type as asked for. All of them
// share one address, and so one budget.
func newWorkers(cfg Config, at connection, keyFile string, dir *dataDir, term *terminal, log *logrus.Entry) (*workers, error) {
	pipe, held, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making the pipe that tells workers of our end: %w", err)
	}
	environ := childEnviron(cfg.Environ)
	environ = append(environ, "DATABASE_URL="+at.database, "NATS_URL="+at.nats)
	if keyFile != "" {
		environ = append(environ, vault.PrivateKeySetting+"_FILE="+keyFile)
	} else {
		environ = append(environ, keysOf(cfg.Environ)...)
	}
	w := &workers{
		program: cfg.Program, environ: environ, level: cfg.LogLevel, perType: cfg.Workers,
		budget: cfg.requests(),
		logs:   dir.file("logs"), term: term, log: log, pipe: pipe, held: held, running: map[string]*worker{},
		sockets: map[string]socket{},
	}
	return w, w.bind()
}

// bind takes an address for each worker.
func (w *workers) bind() error {
	for name := range w.names() {
		s, err := newSocket()
		if err != nil {
			return err
		}
		w.sockets[name] = s
	}
	return nil
}

// names gives each worker's name and the type it serves.
func (w *workers) names() map[string]syncjob.DataType {
	names := map[string]syncjob.DataType{}
	for _, t := range syncjob.Requestable() {
		for n := range w.perType {
			names[fmt.Sprintf("%s-%d", t, n+1)] = t
		}
	}
	return names
}

// DefaultRequests is what all worker processes together may ask of one exchange
// in a second: a fifth below what Bybit allows one address (600 requests in 5 s),
// and what the stand-in allows.
const DefaultRequests = 96

func (c Config) requests() float64 { return cmp.Or(c.RequestsPerSecond, DefaultRequests) }

// childEnviron is our own environment without what is not meant for workers: the
// settings of ours that would change them, and secrets that they do not need.
func childEnviron(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		drop := strings.HasPrefix(name, "BYBIT_API_") || strings.HasPrefix(name, "DATABASE_") || name == "NATS_URL" ||
			name == "NATS_URL_FILE" || (strings.HasPrefix(name, "ALPHAPULSE_") && name != "ALPHAPULSE_EGRESS")
		if !drop {
			kept = append(kept, entry)
		}
	}
	return kept
}

// keysOf are the variables that hold the vault's private key.
func keysOf(environ []string) []string {
	var keys []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if name == vault.PrivateKeySetting || name == vault.PrivateKeySetting+"_FILE" {
			keys = append(keys, entry)
		}
	}
	return keys
}

// run keeps every worker running until take ends, then lets them finish, and
// kills those that have not when their time is over.
func (w *workers) run(take, work context.Context) error {
	defer w.closePipe()
	var all sync.WaitGroup
	for name, t := range w.names() {
		all.Go(func() { w.keep(take, work, name, t) })
	}
	<-take.Done()
	all.Wait()
	return nil
}

func (w *workers) closePipe() {
	_ = w.pipe.Close()
	_ = w.held.Close()
	for _, s := range w.sockets {
		_ = s.file.Close()
	}
}

// keep runs one worker, again and again until take ends.
func (w *workers) keep(take, work context.Context, name string, t syncjob.DataType) {
	pause := minRestart
	for take.Err() == nil {
		began := time.Now()
		reason := w.once(take, work, name, t)
		if take.Err() != nil {
			return
		}
		if time.Since(began) > steadyLife {
			pause = minRestart
		}
		w.term.step("worker", "%s: %s; starting it again in %s (its log: %s)", name, reason, pause, w.logFile(name))
		w.log.WithFields(logrus.Fields{"worker": name, "reason": reason, "pause": pause.String()}).
			Error("a worker has ended and is started again")
		timer := time.NewTimer(pause)
		select {
		case <-take.Done():
		case <-timer.C:
		}
		timer.Stop()
		pause = min(2*pause, maxRestart)
	}
}

// once runs a worker to its end and says how it ended.
func (w *workers) once(take, work context.Context, name string, t syncjob.DataType) string {
	c, err := w.start(name, t)
	if err != nil {
		return err.Error()
	}
	w.note(name, c)
	defer w.note(name, nil)
	w.log.WithFields(logrus.Fields{"worker": name, "worker_pid": c.PID()}).Info("worker started")
	select {
	case <-c.Done():
	case <-take.Done():
		w.stop(work, name, c)
	}
	if text := c.tail.String(); c.Err() != nil && text != "" {
		w.log.WithFields(logrus.Fields{"worker": name, "output": text}).Warn("the worker's last words")
	}
	return c.reason()
}

func (w *workers) start(name string, t syncjob.DataType) (*worker, error) {
	words := &tail{}
	process, err := child.Start(child.Spec{
		Program: w.program, Args: w.args(name, t), Environ: w.environ, Out: words,
		Pipe: w.pipe, Sockets: []*os.File{w.sockets[name].file},
	})
	if err != nil {
		return nil, err
	}
	return &worker{process, words}, nil
}

func (w *workers) stop(work context.Context, name string, c *worker) {
	log := w.log.WithField("worker", name)
	if err := c.Signal(syscall.SIGTERM); err != nil {
		log.WithError(err).Warn("the worker cannot be told to stop")
	}
	timer := time.NewTimer(killAfter)
	defer timer.Stop()
	select {
	case <-c.Done():
		return
	case <-timer.C:
	case <-work.Done():
	}
	log.Warn("the worker did not stop in time; its jobs come back when their leases end")
	if err := c.Signal(syscall.SIGKILL); err != nil {
		log.WithError(err).Warn("the worker cannot be killed")
		return
	}
	<-c.Done()
}

func (w *workers) args(name string, t syncjob.DataType) []string {
	return []string{
		"worker", "--types", string(t), "--name", name, "--log-file", w.logFile(name), "--log-level", w.level, "--health", child.FirstSocket,
		"--grace", workerGrace.String(), "--requests-per-second", strconv.FormatFloat(w.budget, 'f', -1, 64),
	}
}

func (w *workers) logFile(name string) string { return filepath.Join(w.logs, "worker-"+name+".log") }

func (w *workers) note(name string, c *worker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c == nil {
		delete(w.running, name)
		return
	}
	w.running[name] = c
}

// kill ends every worker now.
func (w *workers) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.running {
		_ = c.Signal(syscall.SIGKILL) // the pipe ends it otherwise
	}
}
