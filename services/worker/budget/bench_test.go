package budget

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// jobs makes n queued jobs of one account, each to be claimed once.
func jobs(b *testing.B, db *postgres.DB, n int) []string {
	b.Helper()
	l := ledger.New(db, ledger.Settings{})
	account, _, err := l.AddAccount(b.Context(), ledger.NewAccount{
		Name: "one", Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: "http://127.0.0.1:1"},
		Seal: func(string, int) ([]byte, error) { return []byte("sealed"), nil },
	})
	require.NoError(b, err)
	rows, err := db.Query(b.Context(), `
WITH account AS (UPDATE alphapulse.accounts SET status = 'active' WHERE id = $1),
run AS (INSERT INTO alphapulse.sync_runs (account_id, requested_types, trigger, jobs_total, started_at)
        VALUES ($1, '{orders}', 'backfill', $2, clock_timestamp()) RETURNING id)
INSERT INTO alphapulse.sync_jobs (run_id, account_id, data_type, lane, trigger, consumer, max_attempts, publishes, published_at)
SELECT run.id, $1, 'orders', 'backfill', 'backfill', 'bybit-testnet-orders-backfill', 5, 1, clock_timestamp()
FROM run, generate_series(1, $2) RETURNING id::text`, account.ID, n)
	require.NoError(b, err)
	var ids []string
	for rows.Next() {
		var id string
		require.NoError(b, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(b, rows.Err())
	return ids
}

// benchSlots is how many jobs a worker process has at once.
const benchSlots = 8

// BenchmarkLease compares, in one run, the time that a process takes for jobs
// with and without a budget: their claim and their commit, which write no data
// here and, on a test's server, wait for no disk, so that a real job costs more.
// The requests of a job follow each other and go to one endpoint, and every job
// is of another account, whose budget nobody has asked for before.
func BenchmarkLease(b *testing.B) {
	for _, requests := range []int{1, 4, 13} {
		b.Run(strconv.Itoa(requests)+"-requests", func(b *testing.B) {
			db := pgtest.New(b)
			p, _ := start(b, db, Config{RequestsPerSecond: 1_000_000})
			pool := db.Open(b, func(c *postgres.Config) { c.MaxConns = benchSlots })
			ids := jobs(b, pool, 2*b.N)
			var with, without time.Duration
			b.ResetTimer()
			// In turns, so that what else the machine does is shared.
			for part := range slices.Chunk(ids, 16*benchSlots) {
				half := len(part) / 2
				without += work(b, pool, part[:half], func(string) {})
				with += work(b, pool, part[half:], func(id string) { takeAll(b, p, exchange.Live, use(id), requests) })
			}
			b.ReportMetric(float64(without.Microseconds())/float64(b.N), "claim+commit-µs/job")
			b.ReportMetric(float64((with-without).Microseconds())/float64(b.N), "lease-µs/job")
			b.ReportMetric(float64(with-without)/float64(without), "lease/job")
			b.ReportMetric(float64(p.Leases())/float64(b.N), "statements/job")
		})
	}
}

// BenchmarkLeaseOfARead compares, in one run, the time of whole jobs, claim, the
// reading of a wallet over HTTP and commit, whose process asks the fleet's budget
// and whose process does not. The stand-in is on this machine and answers at
// once: the exchange takes a hundred times as long.
func BenchmarkLeaseOfARead(b *testing.B) {
	const accounts = 64
	db := pgtest.New(b)
	sim := exchangesimtest.Start(b, exchangesim.Config{Accounts: accounts})
	asking, _ := start(b, db, Config{RequestsPerSecond: 1_000_000})
	alone, err := exchange.NewProcessBudget(exchange.BudgetConfig{Rate: 1e6, Burst: 1e6, MaxWait: time.Second})
	require.NoError(b, err)
	free := &process{Fleet: asking.Fleet, adapter: adapter(b, alone)}
	pool := db.Open(b, func(c *postgres.Config) { c.MaxConns = benchSlots })
	ids := jobs(b, pool, 2*b.N)
	reads := func(p *process) func(string) {
		var readers []exchange.BalanceReader
		for i := range accounts {
			readers = append(readers, p.reader(b, sim, i))
		}
		return func(id string) {
			at, err := strconv.ParseUint(id[:4], 16, 64)
			require.NoError(b, err)
			snap := readers[at%accounts].Balances(b.Context(), "unified")
			if snap.Err != nil {
				b.Error(snap.Err)
			}
		}
	}
	withLease, withoutLease := reads(asking), reads(free)
	var with, without time.Duration
	leases := asking.Leases()
	b.ResetTimer()
	for part := range slices.Chunk(ids, 16*benchSlots) {
		half := len(part) / 2
		without += work(b, pool, part[:half], withoutLease)
		with += work(b, pool, part[half:], withLease)
	}
	b.ReportMetric(float64(without.Microseconds())/float64(b.N), "job-µs")
	b.ReportMetric(float64((with-without).Microseconds())/float64(b.N), "lease-µs/job")
	b.ReportMetric(float64(with-without)/float64(without), "lease/job")
	b.ReportMetric(float64(asking.Leases()-leases)/float64(b.N), "statements/job")
}

// work claims and commits jobs in benchSlots slots, and does something before.
func work(b *testing.B, db *postgres.DB, ids []string, before func(id string)) time.Duration {
	b.Helper()
	l := ledger.New(db, ledger.Settings{})
	line := make(chan string, len(ids))
	for _, id := range ids {
		line <- id
	}
	close(line)
	began := time.Now()
	var slots sync.WaitGroup
	for range benchSlots {
		slots.Go(func() {
			for id := range line {
				before(id)
				job, _, err := l.Claim(b.Context(), ledger.ClaimRequest{JobID: id, Claim: uuid.NewString(), Owner: "bench", Publishes: 1})
				if err != nil || job == nil {
					b.Errorf("claiming %s: %v", id, err)
					return
				}
				if _, err := l.Commit(b.Context(), job, ledger.Outcome{Status: syncjob.Succeeded}, nil); err != nil {
					b.Errorf("committing %s: %v", id, err)
				}
			}
		})
	}
	slots.Wait()
	return time.Since(began)
}
