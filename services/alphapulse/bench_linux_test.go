package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/alphapulse/bench"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// benchEnviron is that of a person, whose program the test binary is.
func benchEnviron(extra ...string) []string {
	environ := []string{asProgram + "=1"}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "ALPHAPULSE_") && name != "DATABASE_URL" && name != "NATS_URL" {
			environ = append(environ, entry)
		}
	}
	return append(environ, extra...)
}

// handful is so little of everything that a scenario takes seconds.
func handful(dir string, args ...string) []string {
	return append(append([]string{"bench"}, args...),
		"--dir", dir, "--jobs", "8", "--rows", "6", "--slots", "4", "--bound-slots", "4", "--rounds", "1", "--duration", "2s",
		"--planned-accounts", "200", "--history-accounts", "2", "--history-fills", "60")
}

// figures are those of a scenario by process and name.
func figures(r bench.Result) map[string]float64 {
	found := map[string]float64{}
	for _, f := range r.Figures {
		found[strings.TrimSpace(f.Process+" "+f.Name)] = f.Value
	}
	return found
}

// Every scenario runs to its end, counts what it has done, and leaves nothing behind.
// How fast anything was is nobody's business here.
func TestBenchMeasuresEveryScenario(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	code, out, errs := invoke(t.Context(), benchEnviron(), handful(dir, "--json", "--workers", "2", "--changing", "0.5")...)
	require.Zero(t, code, errs)
	report := decode[bench.Report](t, outcome{stdout: out})
	require.Len(t, report, len(bench.Scenarios()))
	for scenario, r := range report {
		require.Positive(t, r.JobsPerSecond, scenario)
		require.NotNil(t, r.PlainLoop, scenario)
		require.Positive(t, *r.PlainLoop, scenario)
		require.Positive(t, *r.Ratio, scenario)
		require.Equal(t, 8, r.Settings.Jobs)
		require.Len(t, r.Rounds["jobs_per_second"], 1, scenario)
		found := figures(r)
		for _, name := range []string{
			"cpu_seconds_per_1000_jobs", "wal_bytes_per_job", "wal_image_bytes_per_job", "wal_syncs_per_job",
			"scheduler allocated_bytes_per_job", "scheduler peak_memory_bytes", "postgres cpu_seconds_per_1000_jobs",
		} {
			require.Contains(t, found, name, scenario)
		}
		if scenario != bench.Planning {
			require.Positive(t, found["worker peak_memory_bytes"], scenario)
		}
	}
	burned, silent := figures(report[bench.BurnDown]), figures(report[bench.Unchanged])
	require.Positive(t, burned["data_rows_written_per_job"])
	require.Zero(t, silent["data_rows_written_per_job"], "nothing had changed")
	for _, name := range []string{"grouped_loop_jobs_per_second", "read_and_decode_jobs_per_second"} {
		require.Positive(t, burned[name])
	}
	require.Positive(t, figures(report[bench.History])["copy_and_merge_rows_per_second"])
	require.Contains(t, figures(report[bench.Paced]), "start_p99")
	require.Contains(t, figures(report[bench.LatencyBound]), "idle_worker_memory_bytes")
	require.Positive(t, figures(report[bench.Planning])["slots_due_per_second"])
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "its directory is gone")
}

func TestBenchPrintsATable(t *testing.T) {
	t.Parallel()
	code, out, errs := invoke(t.Context(), benchEnviron(), handful(newDir(t), "silent")...)
	require.Zero(t, code, errs)
	require.Contains(t, errs, "making accounts\n", "it says what it does")
	lines := strings.Split(out, "\n")
	require.Equal(t, []string{"SCENARIO", "FIGURE", "OF", "VALUE", "GOAL"}, strings.Fields(lines[0]))
	for _, text := range []string{
		"ratio to plain loop", "at least 1.30: ", "wal bytes per job", "at most 1,500 B: ", "worker  ", "peak memory bytes",
	} {
		require.Contains(t, out, text)
	}
	require.NotContains(t, out, "burn_down", "only what was asked for")
}

func TestBenchNamesEveryMistake(t *testing.T) {
	t.Parallel()
	code, _, errs := invoke(t.Context(), benchEnviron(),
		"bench", "everything", "--rows", "3", "--jobs", "5", "--accounts", "4", "--latency", "soon", "--changing", "2", "--rounds", "0")
	require.Equal(t, exitUsage, code)
	for _, text := range []string{
		`unknown scenario "everything"`, "an even number, not 3", "5 jobs need as many accounts, not 4", "--latency", "--changing", "--rounds",
	} {
		require.Contains(t, errs, text)
	}
	_, out, _ := invoke(t.Context(), benchEnviron(), "bench", "--help")
	require.Contains(t, out, "alphapulse bench burn_down unchanged --rounds 3")
	require.Contains(t, out, "Exit codes: 0 measured, 1 not, 2 wrong settings.")
}

// The bench empties tables: it must not touch a database that somebody uses.
func TestBenchLeavesForeignDataAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	pool := db.Open(t)
	_, _, err := ledger.New(pool, ledger.Settings{}).AddAccount(t.Context(), ledger.NewAccount{
		Name: "main", Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: "http://127.0.0.1:1"},
		Seal: func(string, int) ([]byte, error) { return []byte("sealed"), nil },
	})
	require.NoError(t, err)
	code, _, errs := invoke(t.Context(), benchEnviron("DATABASE_URL="+db.URL), handful(newDir(t), "burn_down")...)
	require.Equal(t, exitFailure, code)
	require.Contains(t, errs, "give it an empty one")
	var accounts int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM alphapulse.accounts`).Scan(&accounts))
	require.Equal(t, 1, accounts)
}
