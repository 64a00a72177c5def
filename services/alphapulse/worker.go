package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/services/worker"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// workerSettings are a worker's own.
type workerSettings struct {
	cfg                         worker.Config
	writes, claims              int
	statement, lock, idle, slow time.Duration
}

// workerCommand is `alphapulse worker`.
func (p *program) workerCommand(env *daemon.Env) *cobra.Command {
	cmd := partCommand("worker", "Take jobs, read the exchange, write what it says",
		"Take jobs, read the exchange and write what it says, in one transaction each.\n"+
			"Any number may run. Needs DATABASE_URL, NATS_URL and ALPHAPULSE_VAULT_KEY (or …_FILE).")
	proc := newProcess(p, cmd, env)
	proc.nats.add(proc.settings)
	var w workerSettings
	s := proc.settings
	s.types(&w.cfg.Types, "types", "data types to serve, separated by commas; probes are served besides")
	s.lanes(&w.cfg.Lanes, "lanes", "lanes to serve: live, backfill")
	s.whole(&w.cfg.Slots, "slots", 8, 1, 4096, "jobs of one queue that are worked on at once")
	s.whole(&w.writes, "write-conns", 0, 0, 4096, "connections for commits (0: as many as slots)")
	s.whole(&w.claims, "claim-conns", 4, 1, 4096, "connections for claims and heartbeats")
	s.duration(&w.statement, "statement-timeout", 15*time.Second, "longest statement")
	s.duration(&w.lock, "lock-timeout", 5*time.Second, "longest wait for a lock")
	s.duration(&w.idle, "idle-timeout", ledger.DefaultSettings().Lease,
		"longest pause inside a transaction; longer than the lease, a worker that hangs in one would keep its job from others")
	s.duration(&w.slow, "slow-transaction", time.Second, "log transactions that take longer")
	s.number(&w.cfg.RequestsPerSecond, "requests-per-second", 0,
		"budget of requests per exchange for all workers of the egress together; give each the same (0: four fifths of what the exchange allows an address)")
	s.text(&w.cfg.Egress, "egress", "", "the address that the exchange's limits count, as a name (default the host name)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return proc.runWorker(cmd, &w) }
	return cmd
}

func (p *process) runWorker(cmd *cobra.Command, w *workerSettings) error {
	defer p.close()
	p.database.read(p.env)
	p.settings.read()
	p.nats.read(p.env)
	opener, err := vault.LoadOpener(p.env.Lookup)
	p.env.Check(err)
	p.env.Check(checkProxies(p.env.Lookup))
	if err := p.open(); err != nil {
		return err
	}
	w.complete(p.name)
	writes, err := p.pool(cmd.Context(), w.pool("writes", w.writes))
	if err != nil {
		return err
	}
	claims, err := p.pool(cmd.Context(), w.pool("claims", w.claims))
	if err != nil {
		return err
	}
	q, err := p.connectBy(cmd.Context(), claims.Now)
	if err != nil {
		return err
	}
	run, err := worker.New(w.cfg, worker.Deps{
		Writes: writes, Claims: claims, Queue: q, Opener: opener, Log: p.log, Metrics: p.registry, Trace: p.trace, Stuck: p.stuck,
	})
	if err != nil {
		return err
	}
	return p.serve(cmd.Context(), part{db: claims, more: []*postgres.DB{writes}, queue: q, run: run.Run})
}

// complete fills in what depends on other settings.
func (w *workerSettings) complete(name string) {
	w.cfg.Name = name
	if w.cfg.Egress == "" {
		w.cfg.Egress = hostName()
	}
	if w.writes == 0 {
		w.writes = w.cfg.Slots
	}
}

func (w *workerSettings) pool(name string, conns int) postgres.Config {
	return postgres.Config{
		Name: name, MaxConns: int32(conns), StatementTimeout: w.statement, LockTimeout: w.lock,
		IdleInTransactionTimeout: w.idle, SlowTransaction: w.slow, ByIndex: true,
	}
}

// stuck ends the process, because nothing else frees a slot that does not come
// back: its lease ends, and another worker takes the job.
func (p *process) stuck(what string) {
	p.log.WithField("stuck", what).Error("a slot does not come back from its job: ending this process")
	os.Exit(exitFailure)
}
