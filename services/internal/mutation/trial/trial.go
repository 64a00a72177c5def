package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/mutation/guard"
)

// Verdict is what came of taking a guard away.
type Verdict string

const (
	// Caught: every test that was named failed.
	Caught Verdict = "caught"
	// Survived: at least one of them passed.
	Survived Verdict = "SURVIVED"
	// Stale: the code is not what the list says any more.
	Stale Verdict = "STALE"
	// Broken: the code does not compile without it, so that nothing was shown.
	Broken Verdict = "BROKEN"
)

// Result is what came of one guard.
type Result struct {
	Guard   guard.Guard
	Verdict Verdict
	Passed  []guard.Test // those that should have failed
	Why     string       // of Stale and Broken
	Took    time.Duration
}

// Try takes a guard away, runs its tests and puts it back. The error is not
// about the guard: the trial could not be made.
func (t *Tree) Try(ctx context.Context, g guard.Guard) (Result, error) {
	began := time.Now()
	result, err := t.try(ctx, g)
	result.Guard, result.Took = g, time.Since(began)
	return result, err
}

func (t *Tree) try(ctx context.Context, g guard.Guard) (result Result, err error) {
	file := filepath.Join(t.dir, g.File)
	source, err := os.ReadFile(file)
	if err != nil {
		return Result{Verdict: Stale, Why: err.Error()}, nil //nolint:nilerr // it is the guard's fault
	}
	changed, err := g.Remove(string(source))
	if err != nil {
		return Result{Verdict: Stale, Why: err.Error()}, nil //nolint:nilerr // it is the guard's fault
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, os.WriteFile(file, source, 0o600)) }()
	passed, _, err := t.tests(ctx, g.Tests)
	var broken *buildError
	switch {
	case errors.As(err, &broken):
		return Result{Verdict: Broken, Why: err.Error()}, nil
	case err != nil:
		return Result{}, err
	case len(passed) > 0:
		return Result{Verdict: Survived, Passed: passed}, nil
	}
	return Result{Verdict: Caught}, nil
}

// Baseline runs the tests with every guard in place. All of them must pass, and
// none may be skipped: what did not run shows nothing.
func (t *Tree) Baseline(ctx context.Context, tests []guard.Test) error {
	passed, output, err := t.tests(ctx, tests)
	if err != nil {
		return err
	}
	var faults []error
	for _, test := range tests {
		ran := slices.Contains(verdicts(output, "PASS", []string{test.Name}), test.Name)
		if !ran || !slices.Contains(passed, test) {
			faults = append(faults, fmt.Errorf("%s does not pass with every guard in place", test))
		}
	}
	if len(faults) > 0 {
		faults = append(faults, errors.New(tail(output)))
	}
	return errors.Join(faults...)
}

// tests runs tests, one package after the other, and gives those that passed.
func (t *Tree) tests(ctx context.Context, tests []guard.Test) (passed []guard.Test, output string, err error) {
	names := map[string][]string{}
	var packages []string
	for _, test := range tests {
		if names[test.Package] == nil {
			packages = append(packages, test.Package)
		}
		if !slices.Contains(names[test.Package], test.Name) {
			names[test.Package] = append(names[test.Package], test.Name)
		}
	}
	for _, pkg := range packages {
		binary, err := t.compile(ctx, pkg)
		if err != nil {
			return nil, "", err
		}
		good, said, err := t.run(ctx, binary, pkg, names[pkg])
		if err != nil {
			return nil, "", err
		}
		output += said
		for _, name := range good {
			passed = append(passed, guard.Test{Package: pkg, Name: name})
		}
	}
	return passed, output, nil
}

// tail is the end of what was printed, where the reason is.
func tail(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(lines[max(0, len(lines)-80):], "\n")
}
