package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	cfg := Defaults()
	require.NoError(t, cfg.Validate())
	cfg.Rows, cfg.Accounts, cfg.Changing, cfg.Latency, cfg.Rounds, cfg.LogLevel = 3, 4, 1.5, -time.Second, 0, "loud"
	cfg.SyncAlways, cfg.NATSURL, cfg.Workers, cfg.Slots = true, "nats://127.0.0.1:4222", 32, 1024
	err := cfg.Validate()
	for _, part := range []string{
		"an even number, not 3", "20000 jobs need as many accounts, not 4", "0 to 1, not 1.5", "not -1s", "rounds must be 1 to 100",
		`unknown log level "loud"`, "leave --sync-always out", "at most 4096, not 32768",
	} {
		require.ErrorContains(t, err, part)
	}
}

func TestScenariosHaveOtherNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Scenario{
		"burn_down": BurnDown, "burndown": BurnDown, "silent": Unchanged, "latency": Paced, "schedule": Planning,
		"concurrency": LatencyBound, "history": History,
	} {
		got, err := ParseScenario(name)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := ParseScenario("everything")
	require.ErrorContains(t, err, "there are burn_down, unchanged, history, paced, latency_bound, planning")
}

func TestWorkersShareTheConnectionsOfTheServer(t *testing.T) {
	t.Parallel()
	require.Equal(t, 8, writeConns(1, 8))
	require.Equal(t, 32, writeConns(1, 256))
	for workers := 1; workers <= 32; workers++ {
		conns := writeConns(workers, 64)
		require.Positive(t, conns)
		require.LessOrEqual(t, workers*(conns+claimConns), 32*(1+claimConns))
	}
}

func TestMediansAndGoals(t *testing.T) {
	t.Parallel()
	require.Zero(t, Samples(nil).median())
	require.InDelta(t, 2, Samples{9, 1, 2}.median(), 0)
	require.InDelta(t, 2.5, Samples{4, 1, 2, 3}.median(), 0)
	require.True(t, atLeast(1, 1).Met)
	require.False(t, atLeast(1, 0.99).Met)
	require.True(t, atMost(0, 0).Met)
	require.False(t, atMost(0, 0.01).Met)
}

// The ratio is the median of the rounds' ratios, not the ratio of medians: what
// disturbs a round disturbs both of its halves.
func TestAScenarioReportsTheMedianOfItsRounds(t *testing.T) {
	t.Parallel()
	tally := newTally()
	for _, round := range [][2]float64{{10, 20}, {100, 100}, {30, 40}} {
		tally.add(jobsSample, "jobs/s", round[0])
		tally.add(plainSample, "jobs/s", round[1])
		tally.ratio(ratioSample, round[0], round[1])
	}
	tally.ratio("ratio_to_nothing", 1, 0)
	tally.used(10, 2, logged{bytes: 5000, images: 3000, syncs: 20}, 2, map[string]spent{"worker": {cpu: 1, allocated: 100, peak: 7}})
	r := tally.result(func(name, process string, value float64) *Goal {
		if name == ratioSample && process == "" {
			return atLeast(1, value)
		}
		return nil
	})
	require.InDelta(t, 30, r.JobsPerSecond, 0)
	require.InDelta(t, 40, *r.PlainLoop, 0)
	require.InDelta(t, 0.75, *r.Ratio, 0)
	values := map[string]float64{}
	for _, f := range r.Figures {
		values[f.Process+" "+f.Name] = f.Value
		require.Equal(t, f.Name == ratioSample, f.Goal != nil, f.Name)
	}
	require.NotContains(t, values, " ratio_to_nothing")
	require.InDelta(t, 100, values[" cpu_seconds_per_1000_jobs"], 0)
	require.InDelta(t, 0.25, values[" processors_in_use"], 0)
	require.InDelta(t, 200, values[" wal_bytes_per_job"], 0)
	require.InDelta(t, 300, values[" wal_image_bytes_per_job"], 0)
	require.InDelta(t, 2, values[" wal_syncs_per_job"], 0)
	require.InDelta(t, 10, values["worker allocated_bytes_per_job"], 0)
	require.InDelta(t, 7, values["worker peak_memory_bytes"], 0)
}

func TestMetricsAreReadByName(t *testing.T) {
	t.Parallel()
	values, err := readMetrics(strings.NewReader(`# HELP process_cpu_seconds_total x
process_cpu_seconds_total 1.5
alphapulse_jobs_planned_total{data_type="balances"} 2
alphapulse_jobs_planned_total{data_type="orders"} 3
alphapulse_slot_lateness_seconds_bucket{data_type="balances",le="1"} 4
alphapulse_slot_lateness_seconds_bucket{data_type="orders",le="1"} 5
alphapulse_slot_lateness_seconds_bucket{data_type="orders",le="+Inf"} 6
`))
	require.NoError(t, err)
	require.Equal(t, map[string]float64{
		"process_cpu_seconds_total": 1.5, "alphapulse_jobs_planned_total": 5,
		"alphapulse_slot_lateness_seconds_bucket le=1": 9, "alphapulse_slot_lateness_seconds_bucket le=+Inf": 6,
	}, values)
	_, err = readMetrics(strings.NewReader("broken metric here\n"))
	require.ErrorContains(t, err, "is no number")
}

// A week is one window of a job, as the ledger cuts them, and so long ago that its
// pages do not change while they are read.
func TestTheWeekOfAHistoryIsOneWindow(t *testing.T) {
	t.Parallel()
	since, until := historyWeek(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)) // a Wednesday
	require.Equal(t, time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC), since)
	require.Equal(t, time.Date(2026, 2, 23, 0, 0, 0, 0, time.UTC), until)
}

// One account of twenty is asked for by hand, and no schedule has a cadence that it may
// not have.
func TestWhoIsPaced(t *testing.T) {
	t.Parallel()
	paced := func(jobs int, rate float64) pacing {
		b := &bench{machine: &machine{cfg: Config{Jobs: jobs}, accounts: make([]account, 2000)}}
		return b.pacing(rate)
	}
	p := paced(1000, 95)
	require.Len(t, p.asked, 50)
	require.Len(t, p.scheduled, 950)
	require.Equal(t, 10*time.Second, p.every)
	require.InDelta(t, 95, p.rate(), 1e-9)
	require.InDelta(t, 9, paced(10, 95).rate(), 1e-9, "once a second each")
	require.Len(t, paced(2, 95).asked, 1)
	require.Empty(t, paced(1, 95).asked)
}
