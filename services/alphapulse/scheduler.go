package main

import (
	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/services/scheduler"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// schedulerCommand is `alphapulse scheduler`.
func (p *program) schedulerCommand(env *daemon.Env) *cobra.Command {
	cmd := partCommand("scheduler", "Plan what is due, publish it, bring back what was lost",
		"Plan what is due, publish it to NATS JetStream and bring back what was lost.\n"+
			"Any number may run. Needs DATABASE_URL and NATS_URL (or …_FILE).")
	proc := newProcess(p, cmd, env)
	cfg := scheduler.DefaultConfig()
	proc.nats.add(proc.settings)
	proc.nats.addLimits(proc.settings)
	proc.settings.number(&cfg.Budget, "budget", cfg.Budget,
		"requests per second that the schedules of one market may plan before they are stretched; 0: no limit")
	proc.settings.truth(&cfg.MetricsAccounts, "metrics-accounts", "add metrics with the account as a label: freshness per account and type")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return proc.runScheduler(cmd, &cfg) }
	return cmd
}

// schedulerHeap is what the heap of a busy scheduler may grow to before it is
// collected. There are few of them, and one that plans 8,000 jobs a second makes 100 MB
// of waste in it.
const schedulerHeap = 96 << 20

func (p *process) runScheduler(cmd *cobra.Command, cfg *scheduler.Config) error {
	defer p.close()
	p.database.read(p.env)
	p.settings.read()
	p.nats.read(p.env)
	if err := p.open(); err != nil {
		return err
	}
	p.program.heap.Raise(schedulerHeap)
	db, err := p.pool(cmd.Context(), postgres.Config{Name: "scheduler", MaxConns: 6})
	if err != nil {
		return err
	}
	lookups, err := p.pool(cmd.Context(), postgres.Config{Name: "scheduler-lookups", MaxConns: 6, ByIndex: true})
	if err != nil {
		return err
	}
	q, err := p.connect(cmd.Context())
	if err != nil {
		return err
	}
	s, err := scheduler.New(*cfg, scheduler.Deps{
		DB: db, Lookups: lookups, Queue: q, Log: p.log, Metrics: p.registry, Trace: p.trace,
	})
	if err != nil {
		return err
	}
	return p.serve(cmd.Context(), part{db: db, queue: q, run: s.Run})
}
