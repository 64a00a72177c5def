package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/services/alphapulse/bench"
	"github.com/alphapulse/alphapulse/shared/daemon"
)

const benchLong = `Measure this program against the limits of this machine: what the same reading and
writing of the same rows costs in a plain loop, without a queue, in turns with it.

It starts what it needs: a private Postgres (unless DATABASE_URL is set), a broker
(unless NATS_URL is set), a stand-in exchange, a scheduler, an aggregator and workers.
A database of yours must be empty; its tables are emptied, and what is in them then is
left behind. Let nothing else run meanwhile. docs/benchmarks.md says what each figure
means.

Scenarios (all, if none is named):
  burn_down      queued jobs, one of each account, whose rows change
  unchanged      the same, and nothing has changed
  history        a week of orders and fills of each account, page by page
  paced          jobs asked for at half of that rate: how soon each starts and ends
  latency_bound  one worker with many slots, an exchange that takes 100 ms
  planning       schedules of very many accounts, whose jobs end at once

The answer in JSON is an object with a member for each scenario:
  jobs_per_second, plain_loop_jobs_per_second, ratio_to_plain_loop
  figures[{name, process, value, unit, goal{at_least|at_most, met}}]   process and goal where there is one
  rounds{NAME: [a value for each round]}                               what the medians are of
  settings{jobs, accounts, rows, changing, latency_ms, workers, slots, sync_always, rounds, …}

A goal that is missed is no failure. Exit codes: 0 measured, 1 not, 2 wrong settings.`

const benchExamples = `  alphapulse bench
  alphapulse bench burn_down unchanged --rounds 3
  alphapulse bench burn_down --jobs 2000 --latency 20ms --workers 2 --slots 64
  alphapulse bench planning --planned-accounts 10000 --duration 1m --json`

// benchCommand is `alphapulse bench`.
func (p *program) benchCommand(env *daemon.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "bench [SCENARIO…]", Short: "Measure this program against the limits of this machine",
		Long: benchLong, Example: benchExamples, GroupID: "use", Args: cobra.ArbitraryArgs, DisableFlagsInUseLine: true,
	}
	cfg, asJSON := bench.Defaults(), false
	s := settingsOf(cmd, env)
	s.prefix = settingsPrefix + "BENCH_"
	benchFlags(s, &cfg)
	s.truth(&asJSON, "json", "answer in JSON, as described above")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := p.completeBench(&cfg, s, args); err != nil {
			return err
		}
		return p.runBench(cmd, cfg, asJSON)
	}
	return cmd
}

// benchFlags declares how much is measured.
func benchFlags(s *settings, cfg *bench.Config) {
	s.repeated("scenario", "measure this one, as if it were an argument; several separated by commas (repeatable)",
		func(text string) error { return addScenarios(cfg, strings.Split(text, ",")) })
	s.whole(&cfg.Jobs, "jobs", cfg.Jobs, 1, 1_000_000, "jobs of a pass, each of an account of its own")
	s.whole(&cfg.Accounts, "accounts", 0, 0, 1_000_000, "accounts that there are (0: as many as jobs)")
	s.whole(&cfg.Rows, "rows", cfg.Rows, 2, 2_000, "rows of a job, half in each of the account's two wallets")
	s.share(&cfg.Changing, "changing", cfg.Changing, "share of the rows that change from one reading to the next")
	s.pause(&cfg.Latency, "latency", "what the exchange takes to answer; 0s is 100ms for latency_bound, and nothing for others")
	s.whole(&cfg.Workers, "workers", cfg.Workers, 1, 32, "worker processes")
	s.whole(&cfg.Slots, "slots", cfg.Slots, 1, 1024, "jobs that a worker has at once")
	s.whole(&cfg.BoundSlots, "bound-slots", cfg.BoundSlots, 1, 1024, "slots of the one worker of latency_bound")
	s.whole(&cfg.Rounds, "rounds", cfg.Rounds, 1, 100, "how often each pass is repeated; medians are shown")
	s.duration(&cfg.Duration, "duration", cfg.Duration, "of planning, and of all rounds of paced together")
	s.whole(&cfg.PlannedAccounts, "planned-accounts", cfg.PlannedAccounts, 10, 1_000_000, "accounts with schedules in planning")
	s.whole(&cfg.HistoryAccounts, "history-accounts", cfg.HistoryAccounts, 1, 1_000, "accounts whose week is read in history")
	s.whole(&cfg.HistoryFills, "history-fills", cfg.HistoryFills, 1, 50_000, "fills of each of them on a day")
	s.truth(&cfg.SyncAlways, "sync-always", "let the embedded broker write each message to its disk before it confirms it")
	s.text(&cfg.LogLevel, "log-level", cfg.LogLevel, "of all processes: what they log is a part of what they cost")
	s.text(&cfg.Dir, "dir", "", "where a directory for everything is made, and removed (default the one for temporary files)")
}

// pause is a duration that may be zero.
func (s *settings) pause(into *time.Duration, flag, usage string) {
	s.add(flag, "duration", "0s", usage, func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return errors.New("want a duration such as 20ms, or 0s")
		}
		*into = d
		return nil
	})
}

func addScenarios(cfg *bench.Config, names []string) error {
	for _, name := range names {
		scenario, err := bench.ParseScenario(strings.TrimSpace(name))
		if err != nil {
			return err
		}
		if !slices.Contains(cfg.Scenarios, scenario) {
			cfg.Scenarios = append(cfg.Scenarios, scenario)
		}
	}
	return nil
}

// completeBench reads the settings, and names every mistake at once.
func (p *program) completeBench(cfg *bench.Config, s *settings, args []string) error {
	env := s.env
	cfg.DatabaseURL, cfg.NATSURL = env.GetSecret(databaseSetting), env.GetSecret(natsSetting)
	cfg.Environ = p.environ
	s.read()
	env.Check(addScenarios(cfg, args))
	env.Check(cfg.Validate())
	if err := env.Err(); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program, which processes are started from: %w", err)
	}
	cfg.Program = program
	return nil
}

// runBench measures, and shows what was measured also if something then failed.
func (p *program) runBench(cmd *cobra.Command, cfg bench.Config, asJSON bool) error {
	ctx, end := interruptible(cmd.Context(), 0)
	defer end()
	progress := p.benchProgress(asJSON)
	cfg.Progress, cfg.Heap = progress.show, p.heap.Raise
	report, err := bench.Run(ctx, cfg)
	progress.end()
	if len(report) == 0 && err != nil {
		return err
	}
	if asJSON {
		return errors.Join(err, p.writeJSON(report))
	}
	return errors.Join(err, p.showBench(report))
}
