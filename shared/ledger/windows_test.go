package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever is cut: the windows join up to the span, none is longer than the
// exchange answers, and a part of the span is cut at the same instants.
func TestWindowsAreCutAtTheSameInstants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), 0).UTC()
		length := time.Duration(rapid.Int64Range(1, 90*24*3600).Draw(t, "seconds")) * time.Second
		whole := Window{From: from, To: from.Add(length)}
		windows := cutWindows([]Window{whole})
		at := whole.From
		for _, w := range windows {
			require.Equal(t, at, w.From)
			require.Positive(t, w.To.Sub(w.From))
			require.LessOrEqual(t, w.To.Sub(w.From), MaxWindow)
			at = w.To
		}
		require.Equal(t, whole.To, at)
		done := rapid.IntRange(0, len(windows)-1).Draw(t, "done")
		require.Equal(t, windows[done:], cutWindows([]Window{{From: windows[done].From, To: whole.To}}))
		cuts := map[time.Time]bool{}
		for _, w := range windows {
			cuts[w.To] = true
		}
		later := from.Add(time.Duration(rapid.Int64Range(0, int64(length/time.Second)-1).Draw(t, "later")) * time.Second)
		for _, w := range cutWindows([]Window{{From: later, To: whole.To}}) {
			require.True(t, cuts[w.To], "who asks for less has the same cuts")
		}
	})
	require.Empty(t, cutWindows(nil))
}
