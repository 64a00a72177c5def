package main

import (
	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/services/aggregator"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// aggregatorCommand is `alphapulse aggregator`.
func (p *program) aggregatorCommand(env *daemon.Env) *cobra.Command {
	cmd := partCommand("aggregator", "Fold the outcomes of jobs into the status of their run",
		"Fold the outcomes of jobs into the status of their run, and announce runs, data and dead jobs.\n"+
			"Any number may run. Needs DATABASE_URL and NATS_URL (or …_FILE).")
	proc := newProcess(p, cmd, env)
	var cfg aggregator.Config
	proc.nats.add(proc.settings)
	proc.settings.whole(&cfg.Folders, "folders", 4, 1, 64, "results that are handled at once")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return proc.runAggregator(cmd, &cfg) }
	return cmd
}

func (p *process) runAggregator(cmd *cobra.Command, cfg *aggregator.Config) error {
	defer p.close()
	p.database.read(p.env)
	p.settings.read()
	p.nats.read(p.env)
	if err := p.open(); err != nil {
		return err
	}
	db, err := p.pool(cmd.Context(), postgres.Config{Name: "aggregator", MaxConns: int32(cfg.Folders) + 2, ByIndex: true})
	if err != nil {
		return err
	}
	q, err := p.connect(cmd.Context())
	if err != nil {
		return err
	}
	a, err := aggregator.New(*cfg, aggregator.Deps{DB: db, Queue: q, Log: p.log, Metrics: p.registry, Trace: p.trace})
	if err != nil {
		return err
	}
	return p.serve(cmd.Context(), part{db: db, queue: q, run: a.Run})
}
