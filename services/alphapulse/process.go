package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/services/alphapulse/dependency"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgmetrics"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuemetrics"
	"github.com/alphapulse/alphapulse/shared/tracing"
)

// process is what the long-lived commands have in common: who they are, where
// they log, how they show their health and how they stop.
type process struct {
	service  string
	program  *program
	env      *daemon.Env
	settings *settings

	name, level, format, file, health string
	grace                             time.Duration

	database databaseSettings
	nats     natsSettings

	log      *logrus.Entry
	registry *prometheus.Registry // of this process's metrics
	pools    *pgmetrics.Metrics
	trace    *tracing.Tracer // nil: nothing is recorded
	closes   []func()
}

// newProcess declares the common settings of a command.
func newProcess(p *program, cmd *cobra.Command, env *daemon.Env) *process {
	proc := &process{service: cmd.Name(), program: p, env: env, settings: settingsOf(cmd, env)}
	s := proc.settings
	s.text(&proc.name, "name", "", "name of this process in logs and in the database (default HOST-PID)")
	s.text(&proc.level, "log-level", "info", "trace, debug, info, warn or error")
	s.text(&proc.format, "log-format", daemon.FormatJSON, "json or text")
	s.text(&proc.file, "log-file", "", "log to this file, rotated, instead of standard error")
	s.text(&proc.health, "health", "", "serve /livez, /readyz and /metrics on HOST:PORT, or on fd:N, a listening socket that was handed down")
	s.duration(&proc.grace, "grace", daemon.DefaultGrace, "how long work in hand may take after a stop was asked for")
	return proc
}

// open ends the reading of settings: with every mistake, or with a log.
func (p *process) open() error {
	if p.name == "" {
		p.name = fmt.Sprintf("%s-%d", hostName(), os.Getpid())
	}
	logging := daemon.Log{
		Service: p.service, Worker: p.name, Level: p.level, Format: p.format, File: p.file, Out: p.program.stderr,
	}
	log, closer, err := logging.Open()
	p.env.Check(err)
	traces, err := tracing.ReadSettings(p.env.Lookup)
	p.env.Check(err)
	if err := p.env.Err(); err != nil {
		return err
	}
	p.log = log
	p.registry = daemon.NewRegistry()
	p.pools = pgmetrics.New(p.registry)
	p.later(func() { _ = closer.Close() }) // nobody is left to tell
	return p.openTrace(traces)
}

// openTrace prepares to record traces, if somebody is to get them.
func (p *process) openTrace(s tracing.Settings) error {
	trace, err := tracing.Open(s, tracing.Process{Service: p.service, Name: p.name, Version: version}, p.log)
	if err != nil {
		return err
	}
	p.trace = trace
	p.later(trace.Close)
	return nil
}

// hostName is the machine's, as far as it has one.
func hostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

// later runs a function when the process ends, last in, first out.
func (p *process) later(fn func()) { p.closes = append(p.closes, fn) }

func (p *process) close() {
	for i := len(p.closes) - 1; i >= 0; i-- {
		p.closes[i]()
	}
}

// pool opens a pool; the database may come up later.
func (p *process) pool(ctx context.Context, cfg postgres.Config) (*postgres.DB, error) {
	cfg.URL, cfg.Log = p.database.url, p.log
	cfg.ApplicationName = "alphapulse/" + p.service + "/" + p.name + "/" + cfg.Name
	db, err := postgres.Open(ctx, p.pools.Measure(cfg))
	if err != nil {
		return nil, err
	}
	p.later(db.Close)
	p.pools.Watch(db)
	return db, nil
}

// connect starts the connection to the broker, which may come up later.
func (p *process) connect(ctx context.Context) (*queue.Queue, error) {
	return p.connectBy(ctx, time.Now)
}

// connectBy does so with another clock than this machine's, by which messages
// expire.
func (p *process) connectBy(ctx context.Context, now func() time.Time) (*queue.Queue, error) {
	cfg := p.nats.config(p.service+"/"+p.name, p.log)
	cfg.Now = now
	q, err := queue.Connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	p.later(q.Close)
	queuemetrics.Register(p.registry, q)
	return q, nil
}

// part is what a process does once what it needs is there.
type part struct {
	db    *postgres.DB   // nil: it needs none
	more  []*postgres.DB // further pools on the same database
	queue *queue.Queue   // nil: it needs none
	run   func(take, work context.Context) error
	// beside runs from the start, whatever there is to wait for.
	beside []daemon.Component
	ready  []daemon.Check
}

// serve waits for what the part needs, runs it, and shows its health meanwhile.
func (p *process) serve(ctx context.Context, part part) error {
	components := part.beside
	if part.run != nil {
		components = append(components, daemon.Component{Name: p.service, Run: func(take, work context.Context) error {
			if err := p.await(take, part); err != nil {
				return err
			}
			p.log.Info("started")
			return part.run(take, work)
		}})
	}
	if p.health != "" {
		listener, err := daemon.Listen("--health", p.health)
		if err != nil {
			return err
		}
		components = append(components, p.endpoints(listener, part))
	}
	if watch := p.parent(); watch != nil {
		components = append(components, *watch)
	}
	return daemon.Daemon{Log: p.log, Components: components, Grace: p.grace}.Run(ctx)
}

func (p *process) await(ctx context.Context, part part) error {
	if part.db != nil {
		if err := p.awaitDatabase(ctx, part.db); err != nil {
			return err
		}
	}
	if part.queue != nil {
		return dependency.Await(ctx, p.log, p.nats.dependency(part.queue))
	}
	return nil
}

// awaitDatabase waits for a database with this program's schema. One that goes away
// in between is waited for anew: only a schema that is wrong is a reason to end.
func (p *process) awaitDatabase(ctx context.Context, db *postgres.DB) error {
	for {
		if err := dependency.Await(ctx, p.log, p.database.dependency(db)); err != nil {
			return err
		}
		err := checkSchema(ctx, db)
		if err == nil || ctx.Err() != nil || !postgres.IsConnection(err) && !postgres.NoConnection(err) {
			return err
		}
		p.log.WithError(err).Warn("the database went away while its schema was read; it is waited for")
	}
}

// checkSchema refuses a schema that is not this program's; the error says what
// to do.
func checkSchema(ctx context.Context, db *postgres.DB) error {
	err := db.CheckSchema(ctx)
	if errors.Is(err, context.Canceled) {
		return context.Cause(ctx)
	}
	return err
}

func (p *process) endpoints(listener net.Listener, part part) daemon.Component {
	ready := part.ready
	if part.db != nil {
		ready = append(ready,
			daemon.Check{Name: "postgres", Probe: part.db.Ready},
			daemon.Check{Name: "schema", Probe: part.db.CheckSchema})
	}
	for _, db := range part.more {
		ready = append(ready, daemon.Check{Name: "postgres-" + db.Name(), Probe: db.Ready})
	}
	if part.queue != nil {
		ready = append(ready, daemon.Check{Name: "jetstream", Probe: part.queue.Ready, Note: part.queue.DurabilityNote})
	}
	return daemon.ServeEndpoints(listener, daemon.Endpoints{Ready: ready, Metrics: p.registry}, p.log)
}
