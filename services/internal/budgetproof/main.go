package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// settings of a proof; the same for the parent and its processes.
type settings struct {
	processes, accounts, walkers, live int
	rate                               float64
	warm, during                       time.Duration

	// Of a process only.
	child              int
	database, exchange string
}

func parse(args []string) (settings, error) {
	var s settings
	f := flag.NewFlagSet("budgetproof", flag.ContinueOnError)
	f.IntVar(&s.processes, "processes", 8, "worker processes")
	f.IntVar(&s.accounts, "accounts", 200, "accounts, spread over the processes; with fewer than processes all read all")
	f.IntVar(&s.walkers, "walkers", 12, "backfill requests that each process has under way at once")
	f.IntVar(&s.live, "live", 1, "live requests that each process has under way at once, ten times a second at most")
	f.Float64Var(&s.rate, "requests-per-second", 0, "the address's budget; 0: four fifths of the published limit")
	f.DurationVar(&s.warm, "warm", 10*time.Second, "time before the counting")
	f.DurationVar(&s.during, "for", 5*time.Minute, "time of the counting")
	f.IntVar(&s.child, "child", -1, "the number of this process (set by the parent)")
	f.StringVar(&s.database, "database", "", "the database of the parent")
	f.StringVar(&s.exchange, "exchange", "", "the stand-in of the parent")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if s.processes < 1 || s.accounts < 1 || s.walkers < 1 {
		return s, errors.New("processes, accounts and walkers must be at least 1")
	}
	return s, nil
}

func run(ctx context.Context) error {
	s, err := parse(os.Args[1:])
	if err != nil {
		return err
	}
	if s.child >= 0 {
		return s.work(ctx)
	}
	return s.prove(ctx)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "budgetproof:", err)
		os.Exit(1)
	}
}
