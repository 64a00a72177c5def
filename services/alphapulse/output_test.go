package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDurationsForPeople(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0ms", 250 * time.Millisecond: "250ms", 3200 * time.Millisecond: "3.2s", 9990 * time.Millisecond: "9.9s",
		59900 * time.Millisecond: "59s", time.Minute: "1m00s", 61 * time.Minute: "1h01m", 49 * time.Hour: "2d01h", -time.Minute: "-1m00s",
	} {
		require.Equal(t, want, span(d))
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", -100: "-100"} {
		require.Equal(t, want, count(n))
	}
}

// What an exchange writes into a message must not move a person's cursor.
func TestTextFromElsewhereIsPlain(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a b[2Jc", plain("a\nb\x1b[2J\x00c"))
}
