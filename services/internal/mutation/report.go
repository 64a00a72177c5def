package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/mutation/guard"
	"github.com/alphapulse/alphapulse/services/internal/mutation/trial"
)

// report is what came of all guards.
type report struct {
	Began   time.Time
	Took    time.Duration
	Results []trial.Result
}

// conclude prints the summary; the error names how many guards were not caught.
func (r report) conclude(out io.Writer) error {
	counts := map[trial.Verdict]int{}
	for _, result := range r.Results {
		counts[result.Verdict]++
	}
	fmt.Fprintf(out, "%d of %d caught in %s\n", counts[trial.Caught], len(r.Results), r.Took.Round(time.Second))
	if missed := len(r.Results) - counts[trial.Caught]; missed > 0 {
		return fmt.Errorf("%d not caught: %d survived, %d stale, %d broken", missed,
			counts[trial.Survived], counts[trial.Stale], counts[trial.Broken])
	}
	return nil
}

// line prints what came of one guard.
func line(out io.Writer, n, of int, r trial.Result) {
	fmt.Fprintf(out, "%3d/%d  %-8s %5.1f s  %-36s %s\n", n, of, r.Verdict, r.Took.Seconds(), r.Guard.Name,
		strings.Join(r.Guard.Rules, "; "))
	for _, test := range r.Passed {
		fmt.Fprintf(out, "         still passes: %s\n", test)
	}
	if r.Why != "" {
		fmt.Fprintf(out, "         %s\n", strings.ReplaceAll(strings.TrimSpace(r.Why), "\n", "\n         "))
	}
}

// listed prints the guards and their tests.
func listed(out io.Writer, guards []guard.Guard) {
	for _, g := range guards {
		fmt.Fprintf(out, "%-36s %s\n    %s: without it %s\n", g.Name, strings.Join(g.Rules, "; "), g.File, g.Without)
		for _, test := range g.Tests {
			fmt.Fprintf(out, "    %s\n", test)
		}
	}
}

// write leaves the report where it was asked for.
func (r report) write(ctx context.Context, root string, o options) error {
	var faults []error
	if o.json != "" {
		text, err := json.MarshalIndent(r.lines(), "", "  ")
		faults = append(faults, err, os.WriteFile(o.json, append(text, '\n'), 0o644)) //nolint:gosec // not secret
	}
	if o.out != "" {
		commit, err := commitOf(ctx, root)
		file := o.out
		if file == defaultDocument {
			file = filepath.Join(root, file)
		}
		faults = append(faults, err, os.WriteFile(file, []byte(r.document(commit)), 0o644)) //nolint:gosec // not secret
	}
	return errors.Join(faults...)
}

// jsonLine is one guard in the JSON.
type jsonLine struct {
	Guard   string   `json:"guard"`
	Rules   []string `json:"rules"`
	File    string   `json:"file"`
	Tests   []string `json:"tests"`
	Verdict string   `json:"verdict"`
	Passed  []string `json:"passed,omitempty"`
	Why     string   `json:"why,omitempty"`
	Seconds float64  `json:"seconds"`
}

func (r report) lines() []jsonLine {
	lines := make([]jsonLine, 0, len(r.Results))
	for _, result := range r.Results {
		lines = append(lines, jsonLine{
			Guard: result.Guard.Name, Rules: result.Guard.Rules, File: result.Guard.File,
			Tests: texts(result.Guard.Tests), Verdict: string(result.Verdict), Passed: texts(result.Passed),
			Why: result.Why, Seconds: result.Took.Seconds(),
		})
	}
	return lines
}

func texts(tests []guard.Test) []string {
	var all []string
	for _, test := range tests {
		all = append(all, test.String())
	}
	return all
}

// commitOf names what was tried: the commit, and whether the working tree had
// more than it. The report itself does not count.
func commitOf(ctx context.Context, root string) (string, error) {
	head, err := exec.CommandContext(ctx, "git", "-C", root, "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "", fmt.Errorf("reading the commit: %w", err)
	}
	status := exec.CommandContext(ctx, "git", "-C", root, "status", "--porcelain", "--", ".", ":!"+defaultDocument)
	changes, err := status.Output()
	if err != nil {
		return "", fmt.Errorf("reading what is not committed: %w", err)
	}
	commit := strings.TrimSpace(string(head))
	if len(changes) > 0 {
		commit += " with changes"
	}
	return commit, nil
}
