package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// mostSeries is how large a process's page may become.
const mostSeries = 2000

// targets reads where each process shows its metrics, by the process.
func (m *machine) targets() map[string]string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "metrics-targets.json"))
	require.NoError(m.t, err)
	var list []struct {
		Targets []string
		Labels  map[string]string
	}
	require.NoError(m.t, json.Unmarshal(text, &list))
	found := map[string]string{}
	for _, one := range list {
		require.Len(m.t, one.Targets, 1)
		found[one.Labels["process"]] = one.Targets[0]
	}
	return found
}

// scrape gives the series of a page, by name with labels.
func scrape(t *testing.T, address string) map[string]float64 {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	series := map[string]float64{}
	for line := range strings.Lines(string(page)) {
		if at := strings.LastIndex(line, " "); !strings.HasPrefix(line, "#") && at > 0 {
			series[line[:at]], err = strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
			require.NoError(t, err)
		}
	}
	return series
}

// TestUpWithAThousandAccountsShowsFewSeries: however many accounts there are,
// every process's page stays small.
func TestUpWithAThousandAccountsShowsFewSeries(t *testing.T) {
	t.Parallel()
	m := startUp(t, newDir(t), "--demo")
	at := m.awaitReady()
	db, err := pgx.Connect(t.Context(), at["DATABASE_URL"])
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close(context.Background())) }()
	const accounts = `
WITH a AS (INSERT INTO alphapulse.accounts (name, market_id, status, key_version)
           SELECT 'account-' || n, (SELECT id FROM alphapulse.markets LIMIT 1), 'active', 1 FROM generate_series(1, 1000) n
           RETURNING id, name)
INSERT INTO alphapulse.schedules (account_id, data_type, every, next_at)
SELECT id, t, interval '1 day', clock_timestamp() + CASE WHEN name < 'account-11' THEN interval '0' ELSE interval '1 day' END
FROM a, unnest($1::text[]) t`
	_, err = db.Exec(t.Context(), accounts, strings.Split(syncjob.JoinTypes(syncjob.Requestable()), ","))
	require.NoError(t, err)
	targets := m.targets()
	require.Len(t, targets, workerTypes+1)
	const told = `alphapulse_jobs_total{data_type="balances",environment="demo",exchange="bybit",lane="live",outcome="succeeded"}`
	m.await("a balances job to be counted", func() bool {
		return scrape(t, targets["worker-balances-1"])[told] > 0
	})
	m.await("the accounts to be counted", func() bool {
		return scrape(t, targets["up"])[`alphapulse_accounts{status="active"}`] > 900
	})
	const queue = `{data_type="balances",environment="demo",exchange="bybit",lane="live"`
	m.await("the queues to be measured", func() bool {
		series := scrape(t, targets["up"])
		_, jobs := series["alphapulse_queue_jobs"+queue+`,state="pending"}`]
		_, rate := series["alphapulse_queue_completion_per_second"+queue+"}"]
		return jobs && rate
	})
	for process, address := range targets {
		series := scrape(t, address)
		t.Log(process, len(series), "series")
		require.Less(t, len(series), mostSeries, process)
		for name := range series {
			require.NotContains(t, name, `"account-1`, process)
		}
	}
}

func TestUpKeepsTheAddressOfAWorkerThatIsStartedAgain(t *testing.T) {
	t.Parallel()
	m := startUp(t, newDir(t), "--metrics-accounts")
	m.awaitReady()
	address := m.targets()["worker-fills-1"]
	scrape(t, address) // it waits until the worker listens
	for pid, line := range m.family() {
		if strings.Contains(line, "worker --types fills") {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
	}
	m.awaitText("starting it again in")
	require.Contains(t, scrape(t, address), "alphapulse_broker_connected")
	up := scrape(t, m.targets()["up"])
	require.Contains(t, up, "alphapulse_pauses_in_force")
	require.Contains(t, up, `alphapulse_gate_open{service="scheduler"}`)
	require.Contains(t, up, `alphapulse_gate_open{service="aggregator"}`)
	m.signal(syscall.SIGINT)
	require.Zero(t, m.ends(stopTime))
	require.NoFileExists(t, filepath.Join(m.dir, "metrics-targets.json"))
}
