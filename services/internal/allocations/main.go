// Command allocations runs the benchmarks of what every job does and compares their
// allocations with those on record:
//
//	go run ./services/internal/allocations            # fails if one has grown
//	go run ./services/internal/allocations -update    # records what is measured now
//
// Allocations, unlike times, say the same on every machine. What the benchmarks print
// goes through unchanged, for benchstat. The record is allocations.txt beside this file.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed allocations.txt
var recorded string

const (
	recordFile = "services/internal/allocations/allocations.txt"
	benchmarks = "^Benchmark(Decode|Plan|Publish|Claim|Commit|Fold)$"
	// times is how often each is run: what is made once, such as a plan, must not
	// count.
	times = "1024x"
)

// packages have the benchmarks.
func packages() []string {
	return []string{"./services/worker/exchange/bybit", "./shared/ledger", "./shared/queue"}
}

func main() {
	update := flag.Bool("update", false, "record what is measured now")
	flag.Parse()
	if err := run(context.Background(), *update, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "allocations:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(ctx context.Context, update bool, out io.Writer) error {
	before, err := parseRecord(recorded)
	if err != nil {
		return fmt.Errorf("%s: %w", recordFile, err)
	}
	var printed bytes.Buffer
	args := append([]string{"test", "-run", "^$", "-bench", benchmarks, "-benchmem", "-benchtime", times, "-count", "3"}, packages()...)
	command := exec.CommandContext(ctx, "go", args...)
	command.Stdout, command.Stderr = io.MultiWriter(out, &printed), os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("running the benchmarks: %w", err)
	}
	measured, err := parseBenchmarks(printed.String())
	if err != nil {
		return err
	}
	if update {
		return os.WriteFile(filepath.FromSlash(recordFile), []byte(formatRecord(measured)), 0o600)
	}
	return compare(before, measured, out)
}
