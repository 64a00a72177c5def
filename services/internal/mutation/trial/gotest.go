package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	// testTimeout bounds the tests of one package. A guard that was taken away may
	// leave a test waiting; it is red when its time is up.
	testTimeout = 2 * time.Minute
	// endPatience is how long a test binary may take to end when it is told to.
	endPatience = 10 * time.Second
)

// buildError is what the compiler said.
type buildError struct{ output string }

func (e *buildError) Error() string { return "it does not compile:\n" + e.output }

// compile makes the test binary of a package.
func (t *Tree) compile(ctx context.Context, pkg string) (string, error) {
	binary := filepath.Join(t.binaries, strings.NewReplacer("/", "_", ".", "").Replace(pkg))
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w", "-o", binary, pkg)
	cmd.Dir = t.dir
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", &buildError{output: string(out)}
	}
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("package %s has no tests: %w", pkg, err)
	}
	return binary, nil
}

// run runs tests of a package and gives the names of those that did not fail,
// with what was printed.
func (t *Tree) run(ctx context.Context, binary, pkg string, names []string) (passed []string, output string, err error) {
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.count=1", //nolint:gosec // compiled above
		"-test.timeout="+testTimeout.String(), "-test.run=^("+strings.Join(names, "|")+")$")
	cmd.Dir = filepath.Join(t.dir, pkg)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endPatience
	err = cmd.Run()
	output = out.String()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	case err == nil: // those that were skipped did not fail either
		return names, output, nil
	case !errors.As(err, &exit):
		return nil, "", fmt.Errorf("running the tests of %s: %w", pkg, err)
	}
	return t.undecided(ctx, binary, pkg, names, output)
}

// undecided runs again, each alone, the tests of a run that failed before it had
// said what became of them: another one has ended the process.
func (t *Tree) undecided(
	ctx context.Context, binary, pkg string, names []string, output string,
) ([]string, string, error) {
	passed := append(verdicts(output, "PASS", names), verdicts(output, "SKIP", names)...)
	failed := verdicts(output, "FAIL", names)
	if len(names) == 1 {
		return passed, output, nil
	}
	for _, name := range names {
		if slices.Contains(passed, name) || slices.Contains(failed, name) {
			continue
		}
		alone, said, err := t.run(ctx, binary, pkg, []string{name})
		if err != nil {
			return nil, "", err
		}
		passed, output = append(passed, alone...), output+said
	}
	return passed, output, nil
}

// verdicts finds the tests that ended so: PASS, FAIL or SKIP.
func verdicts(output, verdict string, names []string) []string {
	var found []string
	for _, line := range regexp.MustCompile(`(?m)^--- `+verdict+`: (\w+) \(`).FindAllStringSubmatch(output, -1) {
		if slices.Contains(names, line[1]) {
			found = append(found, line[1])
		}
	}
	return found
}
