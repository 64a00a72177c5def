//go:build cells

package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/faults"
)

// Each cell of the matrix on its own, by name: `make cells FAULTS=broker_killed`.
// They take minutes together, since a lease ends when it ends; so a tag keeps them
// out of `make test`, in which the matrix runs for a minute.
func TestCell(t *testing.T) {
	chosen, err := faults.Select(os.Getenv("FAULTS"))
	require.NoError(t, err)
	for _, f := range chosen {
		t.Run(f.Name, func(t *testing.T) {
			report := runMatrix(t, 1, time.Nanosecond, []*faults.Fault{f})
			require.Len(t, report.Faults, 1)
			require.Positive(t, report.Faults[0].Injected, "no job was in flight")
		})
	}
}
