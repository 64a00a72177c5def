package scheduler

import (
	"errors"
	"fmt"
	"time"
)

// DefaultBudget is how many requests per second the schedules of one market may
// plan: a fifth below the 120 per second that Bybit allows one address.
const DefaultBudget = 96

// Config says how often a scheduler looks. The zero value has the intervals of
// docs/protocol.md and no budget; DefaultConfig has the default budget as well.
type Config struct {
	// Budget is the planned load that one market may reach, in requests per
	// second, before its cadences are stretched; 0 is no limit.
	Budget float64

	// Poll is the longest pause between two looks for due slots and due jobs (1 s).
	Poll time.Duration
	// Receipts is how long the broker's receipt of a job waits for the job's claim to
	// store the same (1 s).
	Receipts time.Duration
	// Sweep is the pause between two sweeps (1 s).
	Sweep time.Duration
	// Held is the pause between two looks for windows that are held back and need
	// not be (5 s).
	Held time.Duration
	// Steward is the pause between two looks for holes, for accounts to verify and
	// for keys that expire (1 min).
	Steward time.Duration
	// Topology is the pause between two checks of streams and consumers (5 s).
	Topology time.Duration
	// Stretch is the pause between two weighings of the planned load (10 s).
	Stretch time.Duration
	// Purge is the pause between two looks at the size of the job stream (1 min).
	Purge time.Duration
	// Prune is the pause between two removals of what is past its retention (1 h).
	Prune time.Duration

	// MetricsAccounts adds metrics with the account as a label. There are as many
	// of them as accounts and types.
	MetricsAccounts bool

	// Batch is how many subjects are planned, jobs published or rows swept in one
	// statement (500).
	Batch int
}

// DefaultConfig is a scheduler for one exchange address.
func DefaultConfig() Config { return Config{Budget: DefaultBudget}.withDefaults() }

// maxBatch bounds a statement: its rows are held in memory and sent to the
// broker before the first answer is awaited.
const maxBatch = 5000

// Validate names every mistake at once.
func (c Config) Validate() error {
	var errs []error
	if c.Budget < 0 {
		errs = append(errs, fmt.Errorf("the budget must be a number of requests per second, or 0 for none, not %v", c.Budget))
	}
	if c.Batch < 0 || c.Batch > maxBatch {
		errs = append(errs, fmt.Errorf("the batch must be 1 to %d, not %d", maxBatch, c.Batch))
	}
	for _, d := range []time.Duration{c.Poll, c.Receipts, c.Sweep, c.Held, c.Steward, c.Topology, c.Stretch, c.Purge, c.Prune} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("an interval must be positive, not %s", d))
		}
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	for _, interval := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.Poll, time.Second},
		{&c.Receipts, time.Second},
		{&c.Sweep, time.Second},
		{&c.Held, 5 * time.Second},
		{&c.Steward, time.Minute},
		{&c.Topology, 5 * time.Second},
		{&c.Stretch, 10 * time.Second},
		{&c.Purge, time.Minute},
		{&c.Prune, time.Hour},
	} {
		if *interval.value == 0 {
			*interval.value = interval.fallback
		}
	}
	if c.Batch == 0 {
		c.Batch = 500
	}
	return c
}
