package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A date is an instant that can be sent and shown, or it is refused with what to
// write instead.
func FuzzDate(f *testing.F) {
	for _, text := range []string{
		"2025-01-31", "2025-01-31T08:00:00Z", "2025-01-31T08:00:00.123456789+05:30", "2025-02-29", "2025-1-31", "", "now",
		"0000-01-01", "0001-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59-23:59", "2025-01-31 08:00", "2025-01-31T08:00:00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d dateFlag
		if err := d.Set(text); err != nil {
			require.ErrorContains(t, err, dateHelp)
			require.True(t, d.at.IsZero(), "a refused date leaves nothing behind")
			return
		}
		require.NoError(t, d.stamp().CheckValid())
		require.True(t, d.stamp().AsTime().Equal(d.at))
		var shown dateFlag
		require.NoError(t, shown.Set(d.String()))
		require.Equal(t, d.at.Unix(), shown.at.Unix())
	})
}
