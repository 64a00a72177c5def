package pgtest

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSweepRemovesOnlyWhatWasAbandoned(t *testing.T) {
	t.Parallel()
	old := time.Now().Add(-time.Hour)
	used, err := makeScratch()
	require.NoError(t, err)
	defer used.remove() //nolint:errcheck // the test is over
	left, err := makeScratch()
	require.NoError(t, err)
	young, err := makeScratch()
	require.NoError(t, err)
	defer young.remove() //nolint:errcheck // the test is over
	require.NoError(t, left.owner.Close())
	require.NoError(t, young.owner.Close())
	for _, s := range []*scratch{used, left} {
		require.NoError(t, os.Chtimes(s.dir, old, old))
	}
	// Another test's sweep may be about to remove it, and a server that is being
	// started holds a copy of the lock until its exec: either is over at once.
	require.Eventually(t, func() bool {
		sweepAbandoned()
		_, err := os.Stat(left.dir)
		return os.IsNotExist(err)
	}, 10*time.Second, time.Millisecond)
	require.DirExists(t, used.dir)
	require.DirExists(t, young.dir)
}
