package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDatesAreUTC(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"2025-01-31":                time.Date(2025, 1, 31, 0, 0, 0, 0, time.UTC),
		"2025-01-31T08:00:00Z":      time.Date(2025, 1, 31, 8, 0, 0, 0, time.UTC),
		"2025-01-31T08:00:00+02:00": time.Date(2025, 1, 31, 6, 0, 0, 0, time.UTC),
	} {
		var d dateFlag
		require.NoError(t, d.Set(text))
		require.Equal(t, want, d.at)
	}
	for _, text := range []string{"", "yesterday", "31.01.2025", "2025-13-01", "2025-01-31 08:00", "2025-01-31T08:00:00"} {
		require.ErrorContains(t, new(dateFlag).Set(text), "RFC 3339", text)
	}
}
