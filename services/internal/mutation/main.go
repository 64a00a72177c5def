package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// defaultDocument is where the result of a whole run is kept, from the root.
const defaultDocument = "docs/mutations.md"

// options are the command line.
type options struct {
	only, json, out string
	list            bool
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("mutation", flag.ContinueOnError)
	f.StringVar(&o.only, "only", "", "guards to take away, by name; patterns such as fence-* and several, with commas, are fine")
	f.StringVar(&o.json, "json", "", "write the result to this file as well, as JSON")
	f.StringVar(&o.out, "out", "", "write the result to this file, as a table; by default "+defaultDocument+", if all guards were tried")
	f.BoolVar(&o.list, "list", false, "list the guards and end")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("there are no arguments, only flags: %q", f.Args())
	}
	if o.out == "" && o.only == "" {
		o.out = defaultDocument
	}
	return o, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, o, os.Stdout)
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}
