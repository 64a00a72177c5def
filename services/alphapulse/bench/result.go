package bench

import (
	"runtime"
	"slices"
	"time"
)

// Report is what was measured, by scenario.
type Report map[Scenario]Result

// Result is what a scenario came to. Every figure is the median of the rounds.
type Result struct {
	// JobsPerSecond is the program's, PlainLoop that of a loop without a queue that
	// commits each job alone, measured in turns with it; Ratio the median of their
	// ratios round by round. What stands for the plain loop where a scenario has
	// none, its figures say.
	JobsPerSecond float64  `json:"jobs_per_second"`
	PlainLoop     *float64 `json:"plain_loop_jobs_per_second"`
	Ratio         *float64 `json:"ratio_to_plain_loop"`

	Figures  []Figure           `json:"figures"`
	Rounds   map[string]Samples `json:"rounds"` // what the medians are of
	Settings Settings           `json:"settings"`
}

// Samples are one figure's values, round by round.
type Samples []float64

// Figure is one of a scenario's.
type Figure struct {
	Name string `json:"name"`
	// Process is whose it is; empty if it is of all.
	Process string  `json:"process,omitempty"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Goal    *Goal   `json:"goal,omitempty"`
}

// Goal is what a figure should be. One of the bounds is set.
type Goal struct {
	AtLeast *float64 `json:"at_least,omitempty"`
	AtMost  *float64 `json:"at_most,omitempty"`
	Met     bool     `json:"met"`
}

// Settings say what was measured.
type Settings struct {
	Jobs       int     `json:"jobs"`
	Accounts   int     `json:"accounts"`
	Rows       int     `json:"rows"`
	Changing   float64 `json:"changing"`
	LatencyMS  float64 `json:"latency_ms"`
	Workers    int     `json:"workers"`
	Slots      int     `json:"slots"`
	SyncAlways bool    `json:"sync_always"`
	Rounds     int     `json:"rounds"`
	Seconds    float64 `json:"duration_seconds"`
	Planned    int     `json:"planned_accounts"`
	Histories  int     `json:"history_accounts"`
	Fills      int     `json:"history_fills_per_day"`
	Processors int     `json:"processors"`
	Private    bool    `json:"private_postgres"` // what Postgres used is known of a private one alone
	Broker     bool    `json:"embedded_broker"`
}

func (m *machine) settings(c Config) Settings {
	return Settings{
		Jobs: c.Jobs, Accounts: c.Accounts, Rows: c.Rows, Changing: c.Changing,
		LatencyMS: float64(c.Latency) / float64(time.Millisecond), Workers: c.Workers, Slots: c.Slots,
		SyncAlways: c.SyncAlways, Rounds: c.Rounds, Seconds: c.Duration.Seconds(), Planned: c.PlannedAccounts,
		Histories: c.HistoryAccounts, Fills: c.HistoryFills, Processors: runtime.NumCPU(),
		Private: m.server != nil, Broker: c.NATSURL == "",
	}
}

// median of the samples; 0 without any.
func (s Samples) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// atLeast and atMost judge a value.
func atLeast(bound, value float64) *Goal { return &Goal{AtLeast: &bound, Met: value >= bound} }

func atMost(bound, value float64) *Goal { return &Goal{AtMost: &bound, Met: value <= bound} }
