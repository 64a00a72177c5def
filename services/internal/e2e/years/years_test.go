package years

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const day = 24 * time.Hour

// year is a stand-in with a year of history of two symbols, 40 fills a day each,
// that ends so many days ago.
func year(quiet int) (exchangesim.Config, time.Time) {
	today := time.Now().UTC().Truncate(day)
	from := today.Add(-365 * day)
	return fleettest.Still(exchangesim.Config{
		Epoch: from.Add(-day), Rows: exchangesim.Rows{Assets: 3, Positions: 1, OpenOrders: 1},
		History: exchangesim.History{
			Symbols: []string{"BTCUSDT", "ETHUSDT"}, FillsPerDay: 40, From: from, Until: today.Add(-time.Duration(quiet) * day),
		},
	}), from
}

// checkYear compares every row of the year with the stand-in's truth, and the
// number of fills with what was asked of it.
func checkYear(t *testing.T, f *fleettest.Fleet, account ledger.Account, from time.Time, days int) {
	t.Helper()
	drift := f.RecordDrift(account, from, time.Now().UTC().Truncate(day))
	require.Empty(t, drift[:min(len(drift), 20)], "%d differences", len(drift))
	require.Equal(t, days*2*40, f.Count(`SELECT count(*) FROM alphapulse.fills WHERE account_id = $1 AND exec_type <> 'Funding'`, account.ID))
	require.Empty(t, f.Texts(`
SELECT concat_ws(' ', data_type, scope, 'horizon', horizon, 'covered', covered) FROM alphapulse.sync_coverage
WHERE account_id = $1 AND unreadable IS NULL
  AND NOT covered @> tstzrange(greatest($2, horizon + interval '1 minute'), $3)`,
		account.ID, from, time.Now().Add(-day-time.Hour)), "scopes that are not covered; withdrawals may be a day late")
}

func TestAYearOfHistoryIsWholeAndExact(t *testing.T) {
	t.Parallel()
	for name, quiet := range map[string]int{"busy to the end": 0, "the last ten days quiet": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, from := year(quiet)
			f := fleettest.New(t, cfg)
			effects := pgtest.InstallEffectLog(t, f.DB.URL)
			f.Start()
			account := f.Active(0)
			run := f.Backfill(account, from)
			require.Equal(t, syncjob.RunSucceeded, run.Status)
			checkYear(t, f, account, from, 365-quiet)
			effects.CheckEffects(t)

			before, covered := tuplesOf(t, f), coveredUntil(f, account)
			require.GreaterOrEqual(t, before.written, (365-quiet)*2*40, "the statistics lag behind the fills")
			_, jobs := f.Sync(account.ID, syncjob.Fills, syncjob.Ledger, syncjob.ClosedPnL, syncjob.Orders, syncjob.Balances, syncjob.Positions)
			for dataType, job := range jobs {
				require.Equal(t, syncjob.Succeeded, job.Status, "%s: %s", dataType, job.ErrorMessage)
				require.Zero(t, job.RowsChanged, dataType)
			}
			after := tuplesOf(t, f)
			require.Equal(t, before.written, after.written, "a second sync with nothing new writes no row")
			require.LessOrEqual(t, after.dead, before.dead, "nor leaves a dead one")
			require.Len(t, covered, 4)
			for dataType, until := range coveredUntil(f, account) {
				require.True(t, until.After(covered[dataType]), "%s is covered until %s, as before (%s)", dataType, until, covered[dataType])
			}
		})
	}
}

// tuples are what Postgres counted of the data tables: written since their
// creation, and dead at this moment.
type tuples struct{ written, dead int }

// tuplesOf reads the tables' statistics. A backend reports what it did seconds
// later, or when it ends: the workers' are ended first (their pools open others).
func tuplesOf(t *testing.T, f *fleettest.Fleet) tuples {
	t.Helper()
	const writers = `FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'alphapulse/worker%/writes'`
	ended := f.Texts(`SELECT pid::text ` + writers)
	require.NotEmpty(t, ended, "no worker has a connection")
	f.Eventually("the end of the workers' connections", func() bool {
		return f.Count(`SELECT count(*) FROM (SELECT pg_terminate_backend(pid) `+writers+` AND pid = ANY ($1::text[]::int[])) t`, ended) == 0
	})
	const of = ` FROM pg_stat_user_tables
WHERE schemaname = 'alphapulse' AND relname IN ('balances', 'positions', 'orders', 'orders_history', 'balances_history',
      'positions_history', 'fills', 'ledger', 'closed_pnl')`
	return tuples{
		written: f.Count(`SELECT (sum(n_tup_ins + n_tup_upd + n_tup_del))::bigint` + of),
		dead:    f.Count(`SELECT (sum(n_dead_tup))::bigint` + of),
	}
}

// coveredUntil is the end of what is covered of each history: the earliest of
// its scopes.
func coveredUntil(f *fleettest.Fleet, account ledger.Account) map[string]time.Time {
	until := map[string]time.Time{}
	for _, dataType := range []string{"orders", "fills", "ledger", "closed_pnl"} {
		micros := f.Count(`
SELECT (min(extract(epoch FROM upper(covered))) * 1000000)::bigint FROM alphapulse.sync_coverage
WHERE account_id = $1 AND data_type = $2 AND unreadable IS NULL`, account.ID, dataType)
		until[dataType] = time.UnixMicro(int64(micros)).UTC()
	}
	return until
}

func TestAYearOfHistoryThroughRateLimits(t *testing.T) {
	t.Parallel()
	cfg, from := year(0)
	for _, endpoint := range []string{"/v5/order/history", "/v5/execution/list", "/v5/account/transaction-log"} {
		cfg.Faults = append(cfg.Faults, exchangesim.Fault{Endpoint: endpoint, EveryN: 3, Kind: exchangesim.FaultRetCode, Value: "10006"})
	}
	f := fleettest.New(t, cfg)
	f.Start()
	account := f.Active(0)
	run := f.Backfill(account, from)
	require.Equal(t, syncjob.RunSucceeded, run.Status)
	checkYear(t, f, account, from, 365)
}

func TestAYearOfHistoryWithEveryWorkerKilledEveryTwoSeconds(t *testing.T) {
	t.Parallel()
	cfg, from := year(0)
	f := fleettest.New(t, cfg)
	effects := pgtest.InstallEffectLog(t, f.DB.URL)
	f.Scheduler()
	f.Aggregator()
	start := f.Processes(f.Broker.URL())
	var workers []*fleettest.Process
	for _, types := range []string{"balances,positions,prices,instruments", "orders,closed_pnl", "fills", "ledger"} {
		workers = append(workers, start("worker "+types, "worker", "--types", types, "--requests-per-second", "100000"))
	}
	account := f.Active(0)
	killing := time.NewTicker(2 * time.Second)
	defer killing.Stop()
	done := make(chan struct{})
	kills := 0
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		for {
			select {
			case <-done:
				return
			case <-killing.C:
				kills++
				for _, w := range workers {
					w.KillAndRestart()
				}
			}
		}
	}()
	run := f.Backfill(account, from)
	close(done)
	<-killed
	require.Positive(t, kills, "the backfill was done before the first kill")
	require.Equal(t, syncjob.RunSucceeded, run.Status)
	checkYear(t, f, account, from, 365)
	effects.CheckEffects(t)
}
