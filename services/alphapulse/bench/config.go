package bench

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Scenario is one thing that is measured.
type Scenario string

// The scenarios.
const (
	// BurnDown: queued jobs, one for each account, rows of which change.
	BurnDown Scenario = "burn_down"
	// Unchanged is BurnDown with nothing changed since the last pass.
	Unchanged Scenario = "unchanged"
	// History: windows of orders and fills, page by page.
	History Scenario = "history"
	// Paced: jobs that come at half the rate of BurnDown, and how late each starts.
	Paced Scenario = "paced"
	// Planning: schedules of very many accounts, whose jobs end at once.
	Planning Scenario = "planning"
	// LatencyBound: one worker with many slots, and an exchange that takes its time.
	LatencyBound Scenario = "latency_bound"
)

// Scenarios lists all of them in the order in which they run.
func Scenarios() []Scenario {
	return []Scenario{BurnDown, Unchanged, History, Paced, LatencyBound, Planning}
}

// ParseScenario finds a scenario by its name, or by one that people say.
func ParseScenario(name string) (Scenario, error) {
	said := map[string]Scenario{
		"burndown": BurnDown, "silent": Unchanged, "latency": Paced, "schedule": Planning, "concurrency": LatencyBound,
	}
	if s, ok := said[name]; ok {
		return s, nil
	}
	if s := Scenario(name); slices.Contains(Scenarios(), s) {
		return s, nil
	}
	return "", fmt.Errorf("unknown scenario %q: there are %s", name, joinScenarios(Scenarios()))
}

func joinScenarios(list []Scenario) string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// Config says what to measure, and how much of it.
type Config struct {
	// Scenarios to run; empty: all.
	Scenarios []Scenario
	// Jobs of a pass, each of an account of its own; Accounts is how many there are.
	Jobs, Accounts int
	// Rows of a job, in the two wallets of an account; even.
	Rows int
	// Latency of each answer of the exchange.
	Latency time.Duration
	// Workers are the worker processes, Slots the jobs that each has at once.
	Workers, Slots int
	// Changing is the share of the rows that change from one reading to the next.
	Changing float64
	// SyncAlways makes the embedded broker write each message to its disk before it
	// confirms it.
	SyncAlways bool
	// Rounds is how often each pass is repeated; medians are reported.
	Rounds int
	// Duration of Planning, and of all rounds of Paced together.
	Duration time.Duration
	// PlannedAccounts have schedules in Planning.
	PlannedAccounts int
	// HistoryAccounts have a week of HistoryFills fills a day, and their orders, in
	// History.
	HistoryAccounts, HistoryFills int
	// BoundSlots are the slots of the worker in LatencyBound.
	BoundSlots int
	// LogLevel of all processes: what they log is a part of what they cost.
	LogLevel string

	// Dir is where a directory for everything is made; empty: the system's for
	// temporary files. It is removed unless something failed.
	Dir string
	// DatabaseURL and NATSURL, if set, are used instead of embedded parts.
	DatabaseURL, NATSURL string
	// Program is what processes are started from, and Environ what they inherit.
	Program string
	Environ []string
	// Progress, if set, is told what is being done, and how much of it.
	Progress func(what string, done, total int)
	// Heap raises what the heap of this process may grow to before it is collected; nil:
	// it stays as it is.
	Heap func(floor uint64) (back func())
}

// Defaults are the sizes that the goals are stated for.
func Defaults() Config {
	return Config{
		Jobs: 20_000, Rows: 20, Workers: 1, Slots: 256, Changing: 1, Rounds: 5, Duration: 5 * time.Minute,
		PlannedAccounts: 100_000, HistoryAccounts: 32, HistoryFills: 500, BoundSlots: 256, LogLevel: "info",
	}
}

const (
	maxJobs  = 1_000_000
	maxRows  = 2_000
	maxSlots = 1024
	// maxAtOnce bounds the jobs of all workers at once.
	maxAtOnce = 4096
	// mostConns bounds the connections of all workers: the private Postgres has 200.
	mostConns = 128
)

// complete fills in what depends on other settings.
func (c Config) complete() Config {
	if len(c.Scenarios) == 0 {
		c.Scenarios = Scenarios()
	}
	if c.Accounts == 0 {
		c.Accounts = c.Jobs
	}
	if c.Heap == nil {
		c.Heap = func(uint64) func() { return func() {} }
	}
	if c.Progress == nil {
		c.Progress = func(string, int, int) {}
	}
	return c
}

// Validate names every mistake at once.
func (c Config) Validate() error {
	c = c.complete()
	var faults []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	within := func(name string, n, low, high int) {
		wrong(n < low || n > high, "%s must be %d to %d, not %d", name, low, high, n)
	}
	within("jobs", c.Jobs, 1, maxJobs)
	within("accounts", c.Accounts, 1, maxJobs)
	wrong(c.Accounts < c.Jobs, "an account has one job of a type at a time: %d jobs need as many accounts, not %d", c.Jobs, c.Accounts)
	within("rows", c.Rows, 2, maxRows)
	wrong(c.Rows%2 != 0, "rows lie in the two wallets of an account, half in each: an even number, not %d", c.Rows)
	within("workers", c.Workers, 1, 32)
	within("slots", c.Slots, 1, maxSlots)
	wrong(c.Workers*c.Slots > maxAtOnce, "workers times slots must be at most %d, not %d: the loops have as many jobs at once",
		maxAtOnce, c.Workers*c.Slots)
	within("rounds", c.Rounds, 1, 100)
	within("planned accounts", c.PlannedAccounts, 10, maxJobs)
	within("history accounts", c.HistoryAccounts, 1, 1000)
	within("fills per day", c.HistoryFills, 1, 50_000)
	within("the slots of the latency-bound worker", c.BoundSlots, 1, maxSlots)
	wrong(!(c.Changing >= 0 && c.Changing <= 1), "the share of changing rows must be 0 to 1, not %g", c.Changing)
	wrong(c.Latency < 0 || c.Latency > 5*time.Second, "the exchange's latency must be 0 to 5s, not %s", c.Latency)
	wrong(c.Duration < time.Second, "the duration must be at least 1s, not %s", c.Duration)
	wrong(!slices.Contains([]string{"trace", "debug", "info", "warn", "error"}, c.LogLevel), "unknown log level %q", c.LogLevel)
	wrong(c.SyncAlways && c.NATSURL != "", "the durability of the broker at NATS_URL is its own: leave --sync-always out")
	return errors.Join(faults...)
}

// accountsNeeded is how many accounts the scenarios read.
func (c Config) accountsNeeded() int {
	n := 0
	for _, s := range c.Scenarios {
		switch s {
		case BurnDown, Unchanged, Paced, LatencyBound:
			n = max(n, c.Accounts)
		case History:
			n = max(n, c.HistoryAccounts)
		case Planning: // has its own, which nobody reads
		}
	}
	return n
}

// writeConns is how many connections a worker commits over.
func writeConns(workers, slots int) int {
	return max(1, min(slots, 32, mostConns/workers-claimConns))
}

// claimConns is how many a worker claims over.
const claimConns = 4
