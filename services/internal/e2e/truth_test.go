package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Accounts of different margin modes: cross, isolated and portfolio.
func TestEveryRowEqualsTheTruthAtItsScopesAsOf(t *testing.T) {
	t.Parallel()
	f := fleettest.New(t, exchangesim.Config{Accounts: 6})
	f.Start()
	for index := range 6 {
		account := f.Active(index)
		f.Quiet()
		run, jobs := f.Sync(account.ID)
		require.Equal(t, syncjob.RunSucceeded, run.Status, "%+v", jobs)
		require.Len(t, jobs, 4)
		require.Empty(t, f.Drift(account), "account %d", index)
		run, _ = f.Sync(account.ID) // the world has moved on
		require.Equal(t, syncjob.RunSucceeded, run.Status)
		require.Empty(t, f.Drift(account), "account %d, second run", index)
	}
}
