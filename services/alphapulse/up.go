package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/services/alphapulse/up"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/tracing"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// maxWorkers bounds the processes per data type on one machine.
const maxWorkers = 64

// upCommand is `alphapulse up`.
func (p *program) upCommand(env *daemon.Env) *cobra.Command {
	cmd := partCommand("up", "Run everything on this machine",
		"Run everything on this machine: a private Postgres (unless DATABASE_URL is set), an embedded NATS server\n"+
			"(unless NATS_URL is set), scheduler, aggregator, api, and worker processes, one per data type.\n"+
			"--demo adds a stand-in exchange and an account on it. Ctrl-C stops everything.\n\n"+
			"Where each process shows its metrics is in metrics-targets.json in the data directory, for file_sd_configs\n"+
			"of Prometheus.")
	cmd.GroupID = "use"
	var cfg up.Config
	s := settingsOf(cmd, env)
	s.truth(&cfg.Demo, "demo", "add a stand-in exchange and an account on it")
	s.text(&cfg.DataDir, "data-dir", "", "where everything is kept (default $XDG_DATA_HOME/alphapulse, with --demo …-demo)")
	s.text(&cfg.HTTP, "http", api.DefaultListen, "serve the API on HOST:PORT")
	s.whole(&cfg.Workers, "workers", 1, 0, maxWorkers, "worker processes per data type; 0: none")
	s.number(&cfg.RequestsPerSecond, "requests-per-second", up.DefaultRequests,
		"budget of requests per exchange for this machine's address, all its workers together")
	s.truth(&cfg.MetricsAccounts, "metrics-accounts", "add metrics with the account as a label: freshness per account and type")
	s.text(&cfg.LogLevel, "log-level", "info", "trace, debug, info, warn or error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := p.completeUp(&cfg, s); err != nil {
			return err
		}
		return up.Run(cmd.Context(), cfg)
	}
	return cmd
}

// completeUp reads the settings and what else `up` has to know.
func (p *program) completeUp(cfg *up.Config, s *settings) error {
	env := s.env
	cfg.DatabaseURL = env.GetSecret(databaseSetting)
	cfg.NATSURL = env.GetSecret(natsSetting)
	cfg.NATSMonitorURL = env.Get("NATS_MONITOR_URL", "")
	cfg.Token = vault.NewSecret(env.GetSecret(api.TokenSetting))
	cfg.Keys = env.Lookup
	cfg.Notify = notifyTargets(env, false)
	cfg.Environ, cfg.Out, cfg.Version = p.environ, p.stdout, version
	traces, err := tracing.ReadSettings(env.Lookup)
	env.Check(err)
	cfg.Traces = traces
	s.read()
	env.Check(checkProxies(env.Lookup))
	env.Check(api.Config{Listen: cfg.HTTP, Token: cfg.Token}.Validate())
	if cfg.DataDir == "" {
		dir, why, err := up.DefaultDir(env.Lookup, cfg.Demo, os.Geteuid() == 0)
		env.Check(err)
		cfg.DataDir, cfg.DataDirWhy = dir, why
	}
	if err := env.Err(); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program, which worker processes are started from: %w", err)
	}
	cfg.Program = program
	return nil
}
