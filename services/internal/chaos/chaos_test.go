package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/brokers"
	"github.com/alphapulse/alphapulse/services/internal/chaos/faults"
	"github.com/alphapulse/alphapulse/services/internal/chaos/matrix"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

func TestMain(m *testing.M) {
	if brokers.RunIfChild() {
		return
	}
	os.Exit(m.Run())
}

// shared is a directory that the database's user can enter, which t.TempDir is not.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "alphapulse-chaos-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) //nolint:gosec // see above
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("databases and logs are kept in %s", dir)
			return
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	return dir
}

// slowMachine multiplies the times to recover: other tests run beside these.
const slowMachine = 4

// runMatrix runs the matrix in a test, and fails it with everything that did not hold.
func runMatrix(t *testing.T, seed int64, duration time.Duration, chosen []*faults.Fault) *matrix.Report {
	t.Helper()
	dir := shared(t)
	binary, err := world.Build(t.Context(), dir)
	require.NoError(t, err)
	report, err := matrix.Run(context.WithoutCancel(t.Context()), matrix.Config{
		Seed: seed, Duration: duration, Faults: chosen, Dir: dir, Binary: binary, Out: t.Output(), Lenient: slowMachine,
	})
	require.NoError(t, err)
	require.NoError(t, report.WriteTable(t.Output()))
	require.False(t, report.Failed(os.Getenv("STRICT") != ""), "see the table")
	return report
}

// Sixty seconds of the matrix with a fixed seed: what a crash, a broker, a
// database, a network and an exchange do most.
func TestSixtySecondsOfFaults(t *testing.T) {
	t.Parallel()
	chosen, err := faults.Select(strings.Join([]string{
		"killed@worker.written", "killed@worker.committed", "killed@scheduler.published", "killed@aggregator.folded",
		"broker_killed", "broker_store_wiped", "broker_link_answers_lost", "database_killed", "database_sessions_ended",
		"database_link_commit_answer_lost", "messages_duplicated", "exchange_reset", "exchange_rate_limited",
	}, ","))
	require.NoError(t, err)
	report := runMatrix(t, 1, time.Minute, chosen)
	injected := 0
	for _, f := range report.Faults {
		injected += f.Injected
	}
	require.Greater(t, injected, 5, "faults that met a job in flight")
	require.NotEmpty(t, report.Invariants)
	for _, inv := range report.Invariants {
		require.Positive(t, inv.Checked, inv.Name)
	}
}

func TestFaultsAreSelectedByName(t *testing.T) {
	t.Parallel()
	all := faults.All()
	names := map[string]bool{}
	for _, f := range all {
		require.False(t, names[f.Name], "%s is there twice", f.Name)
		names[f.Name] = true
		require.NotEmpty(t, f.On, f.Name)
		require.Positive(t, f.Within, f.Name)
		require.NotEmpty(t, f.Does, f.Name)
		if f.Available != nil {
			require.NotEmpty(t, f.Instead, "%s has no nearest fault", f.Name)
		}
	}
	for _, f := range all {
		require.True(t, f.Instead == "" || names[f.Instead], "%s: there is no %s", f.Name, f.Instead)
	}
	some, err := faults.Select("broker_killed, cluster_*")
	require.NoError(t, err)
	require.Len(t, some, 5)
	_, err = faults.Select("broker_kiled")
	require.ErrorContains(t, err, `no fault "broker_kiled"`)
}

func TestWrongUseIsNamed(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--faults", "nothing"}, {"--duration", "0s"}, {"--seed", "x"}, {"more"}} {
		var out, errs strings.Builder
		require.Equal(t, 2, run(append(args, "--json", filepath.Join(t.TempDir(), "x.json")), &out, &errs), args)
		require.NotEmpty(t, errs.String(), args)
	}
}
