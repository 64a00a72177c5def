package syncjob_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestOpenAndTerminalStates(t *testing.T) {
	t.Parallel()
	var open []syncjob.Status
	for _, s := range syncjob.Statuses() {
		if s.Open() {
			open = append(open, s)
		}
	}
	require.Equal(t, []syncjob.Status{syncjob.Queued, syncjob.Running, syncjob.Waiting}, open)
	require.Len(t, syncjob.Statuses(), 9)
	require.Len(t, syncjob.RunStatuses(), 6)
}

func TestRule22ExhaustedEndings(t *testing.T) {
	t.Parallel()
	require.Equal(t, syncjob.Partial, syncjob.Exhausted(syncjob.Schedule, syncjob.Live, true))
	require.Equal(t, syncjob.Partial, syncjob.Exhausted(syncjob.Manual, syncjob.Live, true))
	require.Equal(t, syncjob.Failed, syncjob.Exhausted(syncjob.Schedule, syncjob.Live, false))
	for _, trigger := range []syncjob.Trigger{
		syncjob.Manual, syncjob.Initial, syncjob.TriggerBackfill, syncjob.Replay, syncjob.Repair, syncjob.TriggerProbe,
	} {
		require.Equal(t, syncjob.Dead, syncjob.Exhausted(trigger, syncjob.Live, false), trigger)
	}
	require.Equal(t, syncjob.Dead, syncjob.Exhausted(syncjob.Schedule, syncjob.Backfill, false))
}

func TestNumbersOfTheProtocol(t *testing.T) {
	t.Parallel()
	require.Equal(t, 3, syncjob.MaxAttempts(syncjob.Live, syncjob.Replay))
	require.Equal(t, 12, syncjob.MaxAttempts(syncjob.Backfill, syncjob.TriggerBackfill))
	require.Equal(t, time.Minute, syncjob.JobTimeout(syncjob.Live))
	require.Equal(t, 10*time.Minute, syncjob.JobTimeout(syncjob.Backfill))
	require.Equal(t, time.Minute, syncjob.RunDeadline(syncjob.Schedule, 15*time.Second))
	require.Equal(t, 2*time.Minute, syncjob.RunDeadline(syncjob.Schedule, time.Minute))
	for trigger, want := range map[syncjob.Trigger]time.Duration{
		syncjob.Manual: 5 * time.Minute, syncjob.TriggerProbe: 30 * time.Second,
		syncjob.Initial: 15 * time.Minute, syncjob.Replay: 15 * time.Minute, syncjob.Repair: 15 * time.Minute,
		syncjob.TriggerBackfill: 30 * time.Minute,
	} {
		require.Equal(t, want, syncjob.RunDeadline(trigger, time.Hour), trigger)
	}
}

func TestBackoffHasFullJitterBelowItsCeiling(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.IntRange(-5, 1000).Draw(t, "attempt")
		random := rapid.Float64Range(0, 0.999).Draw(t, "random")
		for lane, ceiling := range map[syncjob.Lane]time.Duration{
			syncjob.Live: 15 * time.Second, syncjob.Backfill: 5 * time.Minute,
		} {
			pause := syncjob.Backoff(lane, attempt, random)
			require.GreaterOrEqual(t, pause, time.Duration(0))
			require.Less(t, pause, ceiling)
			require.GreaterOrEqual(t, syncjob.Backoff(lane, attempt+1, random), pause, "later attempts wait longer")
		}
	})
	require.Zero(t, syncjob.Backoff(syncjob.Live, 1, 0))
	require.Equal(t, time.Second, syncjob.Backoff(syncjob.Live, 1, 0.5))
	require.Equal(t, 7500*time.Millisecond, syncjob.Backoff(syncjob.Live, 9, 0.5))
}

func TestClassesThatCountAndThatRetry(t *testing.T) {
	t.Parallel()
	for class, want := range map[syncjob.Class]struct{ counts, retries bool }{
		syncjob.Transient:   {true, true},
		syncjob.RateLimited: {false, true},
		syncjob.Banned:      {false, true},
		syncjob.Maintenance: {false, true},
		syncjob.ClockSkew:   {true, true},
		syncjob.Lost:        {true, true},
		syncjob.Internal:    {true, true},
		syncjob.Database:    {true, true},
		syncjob.Auth:        {true, false},
		syncjob.Permission:  {true, false},
		syncjob.Unsupported: {true, false},
		syncjob.BadRequest:  {true, false},
		syncjob.Decode:      {true, false},
		syncjob.Incomplete:  {true, false},
	} {
		require.Equal(t, want.counts, class.Counts(), class)
		require.Equal(t, want.retries, class.Retries(), class)
	}
}

func TestParseTypes(t *testing.T) {
	t.Parallel()
	types, err := syncjob.ParseTypes("prices, balances,prices")
	require.NoError(t, err)
	require.Equal(t, []syncjob.DataType{syncjob.Balances, syncjob.Prices}, types)
	types, err = syncjob.ParseTypes("all,orders")
	require.NoError(t, err)
	require.Equal(t, syncjob.All(), types)
	require.Equal(t, "balances,positions,orders,prices", syncjob.JoinTypes(types))
	types, err = syncjob.ParseTypes("candles,fills,all")
	require.NoError(t, err)
	require.Equal(t, append(syncjob.All(), syncjob.Fills, syncjob.Candles), types)
	for _, wrong := range []string{"", "probe", "trades", "balances,,orders", "Balances"} {
		_, err = syncjob.ParseTypes(wrong)
		require.ErrorContains(t, err, "known are balances,positions,orders,prices,fills,ledger,closed_pnl,candles,instruments, and all", wrong)
	}
	_, err = syncjob.ParseTypes("a,balances,b")
	require.ErrorContains(t, err, `"a", "b"`)
}

func TestSharedTypesAndCadences(t *testing.T) {
	t.Parallel()
	shared := []syncjob.DataType{syncjob.Prices, syncjob.Candles, syncjob.Instruments}
	for _, dataType := range syncjob.Known() {
		require.Equal(t, slices.Contains(shared, dataType), dataType.Shared(), dataType)
		require.Positive(t, dataType.Cadence(), dataType)
	}
	require.Zero(t, syncjob.DataType("unknown").Cadence())
	require.True(t, syncjob.Orders.History())
	require.False(t, syncjob.Balances.History())
	require.False(t, syncjob.Schedule.Compares())
	require.False(t, syncjob.TriggerProbe.Compares())
	require.True(t, syncjob.Manual.Compares())
	require.Equal(t, []syncjob.DataType{syncjob.Orders, syncjob.Probe},
		syncjob.Normalize([]syncjob.DataType{syncjob.Probe, "unknown", syncjob.Orders, syncjob.Orders}))
}
