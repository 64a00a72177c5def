package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func (b bundle) set(c ScheduleChange) []TypeSchedule {
	b.t.Helper()
	set, err := b.SetSchedules(b.ctx(), c)
	require.NoError(b.t, err)
	return set
}

// Whatever changes, a subject's next slot is one of its own: subjects that change
// together stay spread, and a schedule that was off makes up for nothing.
func TestAChangedScheduleGoesOnAtItsOwnNextSlot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main := b.active("main")
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		b.pending(name)
	}
	every, off, on := 10*time.Hour, false, true
	set := b.set(ScheduleChange{Exchange: "bybit", Types: []syncjob.DataType{syncjob.Balances}, Every: &every})
	require.Len(t, set, 6)
	next := map[time.Time]bool{}
	for _, s := range set {
		require.Equal(t, every, s.Every)
		require.True(t, s.Enabled, "left as it is")
		require.True(t, s.NextAt.After(time.Now().Add(-time.Minute)))
		require.True(t, s.NextAt.Before(time.Now().Add(every+time.Minute)))
		next[s.NextAt] = true
	}
	require.Len(t, next, 6, "each at its own")
	first := b.set(ScheduleChange{AccountID: main.ID, Types: []syncjob.DataType{syncjob.Balances}, Every: &every})[0].NextAt
	require.Equal(t, first, b.set(ScheduleChange{AccountID: main.ID, Types: []syncjob.DataType{syncjob.Balances}, Enabled: &off})[0].NextAt)
	b.exec(`UPDATE alphapulse.schedules SET next_at = next_at - interval '100 days' WHERE data_type = 'balances'`)
	again := b.set(ScheduleChange{AccountID: main.ID, Types: []syncjob.DataType{syncjob.Balances}, Enabled: &on})
	require.Equal(t, first, again[0].NextAt)
	require.Equal(t, every, again[0].Every)
}

func TestSchedulesOfAnAccountAreItsOwnAndItsMarkets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main := b.active("main")
	b.active("other")
	every := time.Second
	set := b.set(ScheduleChange{AccountID: main.ID, Types: []syncjob.DataType{syncjob.Orders, syncjob.Prices}, Every: &every})
	require.Len(t, set, 2)
	require.Equal(t, []string{"main", "orders", "", "prices"}, []string{set[0].Account, set[0].DataType, set[1].Account, set[1].DataType})
	b.pause(PauseScope{Types: []syncjob.DataType{syncjob.Fills}})
	list, err := b.Schedules(t.Context(), main.ID)
	require.NoError(t, err)
	for _, s := range list {
		require.NotEqual(t, "other", s.Account)
		require.Equal(t, s.DataType == "fills", s.Paused)
	}
	off := false
	b.set(ScheduleChange{AccountID: main.ID, Types: []syncjob.DataType{syncjob.Orders}, Enabled: &off})
	disabled, err := b.DisabledSchedules(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, disabled, 1)
	require.NotContains(t, b.planAll()[main.ID], "orders")
	for _, c := range []ScheduleChange{
		{MarketID: main.MarketID, Types: []syncjob.DataType{syncjob.Candles}, Every: &every},
		{Environment: "demo", Types: []syncjob.DataType{syncjob.Orders}, Every: &every},
	} {
		_, err := b.SetSchedules(t.Context(), c)
		require.ErrorIs(t, err, ErrNotFound)
	}
}
