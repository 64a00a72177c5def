// Package soak runs a fleet without faults and compares its first minute with its
// last: what grows meanwhile would grow for ever.
package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/audit"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

// Config is one soak.
type Config struct {
	Dir, Binary string
	Duration    time.Duration
	Out         io.Writer
}

const (
	sampleEvery = 2 * time.Second
	// warmUp is what caches and pools may take to fill; it is not compared.
	warmUp = time.Minute
	// compared is the length of the first and of the last stretch.
	compared = time.Minute
	// heapGrowth is by how much the live heap may differ.
	heapGrowth = 0.10
	// heapNoise is what a heap of a few megabytes may differ by for no reason: the
	// collector ran at another moment of the same work.
	heapNoise = 1 << 20
)

// Row is one figure of one process.
type Row struct {
	Process string  `json:"process"`
	What    string  `json:"what"`
	First   float64 `json:"first"`
	Last    float64 `json:"last"`
	Held    bool    `json:"held"`
}

// Report is what was measured.
type Report struct {
	Jobs       int               `json:"jobs"`
	Rows       []Row             `json:"rows"`
	Invariants []audit.Invariant `json:"invariants"`
}

// Failed reports whether something has grown or an invariant is broken.
func (r Report) Failed() bool {
	return slices.ContainsFunc(r.Rows, func(row Row) bool { return !row.Held }) ||
		slices.ContainsFunc(r.Invariants, func(i audit.Invariant) bool { return !i.Held })
}

// Run soaks a fleet under the usual load.
func Run(ctx context.Context, cfg Config) (report Report, err error) {
	if shortest := warmUp + 2*compared; cfg.Duration < shortest {
		return report, fmt.Errorf("a soak of %s compares nothing: it needs %s at least", cfg.Duration, shortest)
	}
	w, err := world.New(ctx, world.Config{Dir: cfg.Dir, Binary: cfg.Binary, Seed: 1})
	defer func() { err = errors.Join(err, w.Close()) }()
	if err != nil {
		return report, err
	}
	auditor, err := audit.New(ctx, w)
	if err != nil {
		return report, err
	}
	defer auditor.Close()
	fmt.Fprintf(cfg.Out, "a fleet under load for %s\n", cfg.Duration)
	if report.Rows, err = observe(ctx, w, cfg); err != nil {
		return report, err
	}
	sizes, err := growth(ctx, w)
	if err != nil {
		return report, err
	}
	report.Rows = append(report.Rows, sizes...)
	if report.Jobs, err = w.Count(ctx, `SELECT count(*) FROM alphapulse.sync_jobs WHERE finished_at IS NOT NULL`); err != nil {
		return report, err
	}
	err = auditor.Final(ctx)
	report.Invariants = auditor.Results()
	return report, err
}

// observe watches the fleet for the soak's time, after a while in which caches and
// pools fill, and looks at it at rest before and after.
func observe(ctx context.Context, w *world.World, cfg Config) ([]Row, error) {
	if _, err := sample(ctx, w, warmUp); err != nil {
		return nil, err
	}
	before, err := atRest(ctx, w)
	if err != nil {
		return nil, err
	}
	series, err := sample(ctx, w, cfg.Duration-warmUp)
	if err != nil {
		return nil, err
	}
	after, err := atRest(ctx, w)
	if err != nil {
		return nil, err
	}
	return append(series.compare(), compareRests(before, after)...), nil
}

// WriteTable writes the report for people.
func (r Report) WriteTable(out io.Writer) {
	fmt.Fprintf(out, "\n%d jobs\n%-16s %-28s %14s %14s\n", r.Jobs, "PROCESS", "FIGURE", "FIRST MINUTE", "LAST MINUTE")
	for _, row := range r.Rows {
		word := "held"
		if !row.Held {
			word = "GREW"
		}
		fmt.Fprintf(out, "%-16s %-28s %14.0f %14.0f  %s\n", row.Process, row.What, row.First, row.Last, word)
	}
	for _, i := range r.Invariants {
		word := "held"
		if !i.Held {
			word = "BROKEN"
		}
		fmt.Fprintf(out, "%-100s %s\n", i.Name, word)
		for _, d := range i.Details {
			fmt.Fprintln(out, "  ", d)
		}
	}
}
