package up

import (
	"context"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/aggregator"
	"github.com/alphapulse/alphapulse/services/alphapulse/exchanges"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/notifier"
	"github.com/alphapulse/alphapulse/services/scheduler"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/postgres/pgmetrics"
)

const (
	// workersTime is how long workers have to stop; then the parts that serve
	// them have lateTime, and are abandoned shortly after.
	workersTime = killAfter + 200*time.Millisecond
	lateTime    = 600 * time.Millisecond
	abandonTime = 900 * time.Millisecond
)

// Run starts everything, and stops it in order when a signal comes or a part
// fails. It returns nil after a stop that was asked for.
func Run(ctx context.Context, cfg Config) error {
	registry := daemon.NewRegistry()
	m := &machine{cfg: cfg, term: &terminal{out: cfg.Out}, registry: registry, pools: pgmetrics.New(registry)}
	ctx, signals := catchSignals(ctx, m.exitAtOnce)
	defer signals.end()
	defer m.close()
	if err := m.build(ctx); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return quiet(err)
	}
	err := daemon.Daemon{
		Log: m.log, Components: m.components, Signals: signals.first, Grace: workersTime, Abandon: abandonTime,
	}.Run(context.WithoutCancel(ctx))
	m.removeConnection()
	return quiet(err)
}

// build starts what others stand on and binds every address, so that whatever is
// in the way is found before any work begins.
func (m *machine) build(ctx context.Context) error {
	if err := m.openDir(); err != nil {
		return err
	}
	if err := m.openTrace(); err != nil {
		return err
	}
	if err := m.openVault(); err != nil {
		return err
	}
	server, err := m.bindAPI()
	if err != nil {
		return err
	}
	if err := m.openDatabase(ctx); err != nil {
		return err
	}
	if err := m.openBroker(ctx); err != nil {
		return err
	}
	if err := m.openDemo(ctx); err != nil {
		return err
	}
	if err := m.addParts(server); err != nil {
		return err
	}
	if err := m.addWorkers(); err != nil {
		return err
	}
	m.later(m.removeConnection)
	if err := m.addEndpoints(m.ready()); err != nil {
		return err
	}
	if err := m.dir.writeConnection(m.at); err != nil {
		return err
	}
	m.addGuide()
	return ctx.Err()
}

func (m *machine) removeConnection() {
	if err := m.dir.removeConnection(); err != nil {
		m.log.WithError(err).Warn("removing " + ConnectionFile)
	}
}

// addParts adds scheduler, aggregator and api. They stop after the workers, since
// they carry on what those finish last.
func (m *machine) addParts(bound *boundAPI) error {
	s, err := scheduler.New(scheduler.Config{
		Budget: m.cfg.requests(), MetricsAccounts: m.cfg.MetricsAccounts,
	}, scheduler.Deps{
		Metrics: m.registry, Trace: m.trace, DB: m.db, Queue: m.queue, Log: m.log.WithField("service", "scheduler"),
	})
	if err != nil {
		return err
	}
	a, err := aggregator.New(aggregator.Config{}, aggregator.Deps{
		Metrics: m.registry, Trace: m.trace, DB: m.db, Queue: m.queue, Log: m.log.WithField("service", "aggregator"),
	})
	if err != nil {
		return err
	}
	server, err := api.New(bound.cfg, api.Deps{
		Metrics: m.registry, DB: m.db, Broker: m.queue, Past: m.queue, Queues: m.queue, Sealer: m.sealer, BaseURL: exchanges.BaseURL,
		Ready: m.demo.checks(),
		Log:   m.log.WithField("service", "api"),
	})
	if err != nil {
		return err
	}
	m.addLate(daemon.Component{Name: "scheduler", Run: s.Run}, daemon.Component{Name: "aggregator", Run: a.Run})
	m.addLate(server.Components(bound.listener)...)
	m.term.step("api", "%s", m.at.api)
	return m.addNotifier()
}

// addNotifier adds the notifier if there is somebody to tell.
func (m *machine) addNotifier() error {
	if len(m.cfg.Notify) == 0 {
		return nil
	}
	n, err := notifier.New(notifier.Config{Targets: m.cfg.Notify}, notifier.Deps{
		DB: m.db, Broker: m.queue, Log: m.log.WithField("service", "notifier"),
	})
	if err != nil {
		return err
	}
	m.addLate(daemon.Component{Name: "notifier", Run: n.Run})
	names := make([]string, len(m.cfg.Notify))
	for i, target := range m.cfg.Notify {
		names[i] = target.Name
	}
	m.term.step("notifier", "tells %s", strings.Join(names, ", "))
	return nil
}

// ready are the checks of this process.
func (m *machine) ready() []daemon.Check {
	return []daemon.Check{
		{Name: "postgres", Probe: m.db.Ready}, {Name: "schema", Probe: m.db.CheckSchema}, {Name: "jetstream", Probe: m.queue.Ready},
	}
}

// addLate adds components that take work until the workers have ended, and then
// have a moment to finish.
func (m *machine) addLate(components ...daemon.Component) {
	for _, c := range components {
		run := c.Run
		c.Background = true
		c.Run = func(_, work context.Context) error {
			end, cancel := context.WithCancel(context.WithoutCancel(work))
			defer cancel()
			stop := context.AfterFunc(work, func() { time.AfterFunc(lateTime, cancel) })
			defer stop()
			return run(work, end)
		}
		m.components = append(m.components, c)
	}
}

func (m *machine) addWorkers() error {
	children, err := newWorkers(m.cfg, m.at, m.keyFile, m.dir, m.term, m.log)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.children = children
	m.mu.Unlock()
	m.components = append(m.components, daemon.Component{Name: "workers", Run: children.run})
	switch m.cfg.Workers {
	case 0:
		m.term.step("workers", "none: jobs wait until `alphapulse worker` runs")
	case 1:
		m.term.step("workers", "one process per data type")
	default:
		m.term.step("workers", "%d processes per data type", m.cfg.Workers)
	}
	return nil
}
