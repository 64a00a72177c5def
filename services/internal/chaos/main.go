// Command chaos runs the fault matrix against AlphaPulse: `make chaos`.
//
// Exit codes: 0 everything held, 1 something did not, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/brokers"
	"github.com/alphapulse/alphapulse/services/internal/chaos/faults"
	"github.com/alphapulse/alphapulse/services/internal/chaos/matrix"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

func main() {
	if brokers.RunIfChild() {
		return
	}
	if len(os.Args) > 1 && (os.Args[1] == "outage" || os.Args[1] == "soak") {
		os.Exit(measure(os.Args[1], os.Args[2:], os.Stdout, os.Stderr))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

type options struct {
	seed     int64
	duration time.Duration
	faults   string
	json     string
	keep     bool
	strict   bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Int64Var(&o.seed, "seed", 1, "decides which fault comes when, and whom it meets")
	flags.DurationVar(&o.duration, "duration", 10*time.Minute, "how long faults are injected")
	flags.StringVar(&o.faults, "faults", "all", "names, separated by commas; name* selects by the beginning; list names them all")
	flags.StringVar(&o.json, "json", "chaos.json", "file for the report as JSON; empty: none")
	flags.BoolVar(&o.keep, "keep", false, "keep databases and logs also when everything held")
	flags.BoolVar(&o.strict, "strict", os.Getenv("STRICT") != "", "fail if this machine cannot do a fault [STRICT]")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if o.duration <= 0 {
		return o, fmt.Errorf("the duration must be positive, not %s", o.duration)
	}
	return o, nil
}

func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "chaos:", err)
		return 2
	case o.faults == "list":
		list(stdout)
		return 0
	}
	chosen, err := faults.Select(o.faults)
	if err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	failed, err := o.run(ctx, chosen, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
		return 1
	}
	if failed {
		return 1
	}
	return 0
}

func list(out io.Writer) {
	for _, f := range faults.All() {
		fmt.Fprintf(out, "%-32s %s\n", f.Name, f.Does)
	}
}

// place makes a directory that the database's user can enter, and builds alphapulse
// into it.
func place(ctx context.Context, out io.Writer) (dir, binary string, err error) {
	dir, err = os.MkdirTemp("", "alphapulse-chaos-")
	if err != nil {
		return dir, "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the database runs as another user
		return dir, "", err
	}
	fmt.Fprintln(out, "building alphapulse with failpoints")
	binary, err = world.Build(ctx, dir)
	return dir, binary, err
}

// run makes the matrix and reports it. What the processes wrote is kept if
// something failed.
func (o options) run(ctx context.Context, chosen []*faults.Fault, out io.Writer) (failed bool, err error) {
	dir, binary, err := place(ctx, out)
	if err != nil {
		return true, err
	}
	report, err := matrix.Run(ctx, matrix.Config{
		Seed: o.seed, Duration: o.duration, Faults: chosen, Dir: dir, Binary: binary, Out: out,
	})
	report.Ended = time.Now().UTC()
	fmt.Fprintln(out)
	err = errors.Join(err, report.WriteTable(out), o.writeJSON(report))
	failed = err != nil || report.Failed(o.strict)
	if failed || o.keep {
		fmt.Fprintln(out, "\nDatabases and logs are kept in", dir)
		return failed, err
	}
	return failed, os.RemoveAll(dir)
}

func (o options) writeJSON(report *matrix.Report) error {
	if o.json == "" {
		return nil
	}
	file, err := os.Create(filepath.Clean(o.json))
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return errors.Join(report.WriteJSON(file), file.Close())
}
