package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/outage"
	"github.com/alphapulse/alphapulse/services/internal/chaos/soak"
)

// measure runs one of the two measurements that no fault disturbs, and prints its
// report as a table and as one line of JSON.
func measure(what string, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("chaos "+what, flag.ContinueOnError)
	flags.SetOutput(stderr)
	duration := flags.Duration("duration", 10*time.Minute, "of a soak")
	accounts := flags.Int("accounts", 1000, "of an outage")
	jobs := flags.Int("jobs", 100_000, "of an outage: how many wait in lane backfill")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	dir, binary, err := place(ctx, stdout)
	failed := true
	if err == nil && what == "soak" {
		failed, err = soaked(ctx, soak.Config{Dir: dir, Binary: binary, Duration: *duration, Out: stdout})
	} else if err == nil {
		failed, err = drained(ctx, outage.Config{Dir: dir, Binary: binary, Accounts: *accounts, Jobs: *jobs, Out: stdout})
	}
	if err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
	}
	if failed || err != nil {
		fmt.Fprintln(stdout, "Databases and logs are kept in", dir)
		return 1
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
		return 1
	}
	return 0
}

func soaked(ctx context.Context, cfg soak.Config) (failed bool, err error) {
	report, err := soak.Run(ctx, cfg)
	report.WriteTable(cfg.Out)
	return report.Failed(), errors.Join(err, json.NewEncoder(cfg.Out).Encode(report))
}

// drained prints what was measured. How soon a live job starts is a measure and no
// test: it is compared with a second by whoever reads it.
func drained(ctx context.Context, cfg outage.Config) (failed bool, err error) {
	report, err := outage.Run(ctx, cfg)
	fmt.Fprintf(cfg.Out, "\n%d jobs of %d accounts in lane backfill drained in %.0f s (%.0f jobs/s)\n"+
		"%d live jobs started meanwhile after: median %.3f s, p99 %.3f s, at most %.3f s\n",
		report.BackfillJobs, report.Accounts, report.DrainSeconds, report.JobsPerSecond,
		report.LiveJobs, report.StartP50, report.StartP99, report.StartMax)
	fmt.Fprintf(cfg.Out, "the whole fleet, back after an hour: every account read again in %.0f s, %d requests, %d answered 10006, %d answered 403\n",
		report.ReturnSeconds, report.Requests, report.RateLimited, report.Banned)
	return len(report.Broken) > 0 || report.RateLimited+report.Banned > 0, errors.Join(err, json.NewEncoder(cfg.Out).Encode(report))
}
