package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// room is how many more allocations than on record are taken for chance: reads of a
// socket that come in other pieces.
func room(before int) int { return 2 + before/20 }

// line is a line of a benchmark: its name, without the number of processors, and its
// allocations.
var line = regexp.MustCompile(`^(Benchmark\S+?)(?:-\d+)?\s.*\s(\d+) allocs/op`)

// parseBenchmarks reads the fewest allocations of each benchmark.
func parseBenchmarks(printed string) (map[string]int, error) {
	fewest := map[string]int{}
	for text := range strings.Lines(printed) {
		found := line.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		n, err := strconv.Atoi(found[2])
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", strings.TrimSpace(text), err)
		}
		if known, ok := fewest[found[1]]; !ok || n < known {
			fewest[found[1]] = n
		}
	}
	if len(fewest) == 0 {
		return nil, errors.New("no benchmark has told its allocations")
	}
	return fewest, nil
}

func parseRecord(text string) (map[string]int, error) {
	record := map[string]int{}
	for row := range strings.Lines(text) {
		var name string
		var n int
		if _, err := fmt.Sscanf(row, "%s %d", &name, &n); err != nil {
			return nil, fmt.Errorf("%q is no benchmark and number: %w", strings.TrimSpace(row), err)
		}
		record[name] = n
	}
	return record, nil
}

func formatRecord(measured map[string]int) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(measured)) {
		fmt.Fprintf(&text, "%s %d\n", name, measured[name])
	}
	return text.String()
}

// compare prints how each benchmark stands, and fails if one has grown, is gone, or is
// not on record.
func compare(before, measured map[string]int, out io.Writer) error {
	var faults []error
	names := maps.Clone(before)
	maps.Copy(names, measured)
	fmt.Fprintf(out, "\n%-32s %12s %12s\n", "allocations per operation", "on record", "now")
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, known := before[name]
		now, ran := measured[name]
		fmt.Fprintf(out, "%-32s %12d %12d\n", strings.TrimPrefix(name, "Benchmark"), was, now)
		switch {
		case !known:
			faults = append(faults, fmt.Errorf("%s is not on record: run with -update", name))
		case !ran:
			faults = append(faults, fmt.Errorf("%s is on record and was not run", name))
		case now > was+room(was):
			faults = append(faults, fmt.Errorf("%s allocates %d times an operation, %d on record: mend it, or run with -update and say why",
				name, now, was))
		}
	}
	return errors.Join(faults...)
}
