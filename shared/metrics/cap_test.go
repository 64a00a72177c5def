package metrics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/metrics"
)

func TestCapKeepsTheFirst(t *testing.T) {
	t.Parallel()
	c := metrics.NewCap(2)
	require.Equal(t, "a", c.Value("a"))
	require.Equal(t, "b", c.Value("b"))
	require.Equal(t, metrics.Other, c.Value("c"))
	require.Equal(t, "a", c.Value("a"), "what was known stays known")
	require.Equal(t, metrics.Other, c.Value("d"))
}

func TestKnownValueAllocatesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts what others allocate
	c := metrics.NewCap(2)
	c.Value("a")
	require.Zero(t, testing.AllocsPerRun(100, func() { c.Value("a") }))
}
