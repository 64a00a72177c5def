package budget

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/exchange/bybit"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// process is the budget of one worker process, with a pool of its own, and the
// exchange as this process sees it.
type process struct {
	*Fleet
	db      *postgres.DB
	adapter *bybit.Adapter
}

// start starts a process; it ends with the test or when the answer is called.
func start(t testing.TB, db *pgtest.DB, cfg Config) (p *process, end func()) {
	t.Helper()
	if cfg.Egress == "" {
		cfg.Egress = "office"
	}
	cfg.Log = queuetest.Discard()
	p = &process{db: db.Open(t)}
	var err error
	p.Fleet, err = New(p.db, cfg)
	require.NoError(t, err)
	p.adapter = adapter(t, p.Fleet)
	return p, running(t, p.Fleet)
}

// running runs a budget until the test ends or the answer is called.
func running(t testing.TB, f *Fleet) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	end = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(end)
	return end
}

// adapter is the exchange as a process with a budget sees it.
func adapter(t testing.TB, budget exchange.Budget) *bybit.Adapter {
	t.Helper()
	policies := exchange.DefaultPolicies()
	policies.MaxInFlight = 64
	hosts, err := exchange.NewHosts(policies, budget, queuetest.Discard())
	require.NoError(t, err)
	a, err := bybit.NewAdapter(hosts, bybit.Settings{})
	require.NoError(t, err)
	return a
}

// reader reads the balances of account i of the stand-in.
func (p *process) reader(t testing.TB, sim *exchangesimtest.Server, i int) exchange.BalanceReader {
	t.Helper()
	client := sim.Client(i)
	account, err := p.adapter.Account(
		exchange.Target{Environment: "testnet", BaseURL: sim.URL, UID: sim.UID(i)},
		exchange.NewCredentials(client.Key, []byte(client.Secret)))
	require.NoError(t, err)
	reader, ok := account.(exchange.BalanceReader)
	require.True(t, ok)
	return reader
}

// use is a request to an endpoint with 50 requests a second, of a venue with
// 600 in 5 s.
func use(uid string) exchange.Use {
	return exchange.Use{
		Host: "host", Venue: "venue", UID: uid, Endpoint: "/orders",
		PerAddress: exchange.Limit{Requests: 600, Window: 5 * time.Second},
		PerUID:     exchange.Limit{Requests: 50, Window: time.Second},
	}
}

// slow is a request to an endpoint with n requests a minute, which no test waits
// for.
func slow(uid string, n int) exchange.Use {
	u := use(uid)
	u.PerUID = exchange.Limit{Requests: n, Window: time.Minute}
	return u
}

// idle is the budget of a process that has asked for nothing yet.
func idle(t testing.TB, p *process) *Fleet {
	t.Helper()
	fleet, err := New(p.db, Config{Egress: "office", RequestsPerSecond: 10000, Log: queuetest.Discard()})
	require.NoError(t, err)
	return fleet
}

// granted counts the turns until one is refused.
func granted(t testing.TB, f *Fleet, u exchange.Use) int {
	t.Helper()
	n := 0
	for f.Take(t.Context(), u) == nil {
		n++
	}
	return n
}

func backfill(t testing.TB) context.Context {
	t.Helper()
	return exchange.WithPriority(t.Context(), exchange.Backfill)
}

// takeAll takes n turns, one after the other.
func takeAll(t testing.TB, p *process, as exchange.Priority, u exchange.Use, n int) {
	t.Helper()
	for range n {
		require.NoError(t, p.Take(exchange.WithPriority(t.Context(), as), u))
	}
}

// one reads one value.
func one[T any](t testing.TB, db *postgres.DB, sql string, args ...any) T {
	t.Helper()
	var value T
	require.NoError(t, db.QueryRow(t.Context(), sql, args...).Scan(&value))
	return value
}

// refused asserts that a turn is refused, and gives the error.
func refused(t testing.TB, err error, class exchange.Class) *exchange.Error {
	t.Helper()
	var fault *exchange.Error
	require.ErrorAs(t, err, &fault)
	require.Equal(t, class, fault.Class, fault)
	return fault
}
