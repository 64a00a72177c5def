package budget

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/exchange/bybit"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// process is one worker process: a pool, a budget, hosts and an HTTP client of
// its own.
type process struct {
	*Fleet
	adapter *bybit.Adapter
}

func start(t testing.TB, db *pgtest.DB, cfg Config) *process {
	t.Helper()
	if cfg.Egress == "" {
		cfg.Egress = "office"
	}
	cfg.Log = queuetest.Discard()
	fleet, err := New(db.Open(t), cfg)
	require.NoError(t, err)
	hosts, err := exchange.NewHosts(exchange.DefaultPolicies(), fleet, cfg.Log)
	require.NoError(t, err)
	adapter, err := bybit.NewAdapter(hosts, bybit.Settings{HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}})
	require.NoError(t, err)
	return &process{Fleet: fleet, adapter: adapter}
}

func account(t testing.TB, p *process, sim *exchangesimtest.Server, i int) exchange.Prober {
	t.Helper()
	c := sim.Client(i)
	prober, err := p.adapter.Account(
		exchange.Target{Environment: "testnet", BaseURL: sim.URL, UID: sim.UID(i)},
		exchange.NewCredentials(c.Key, []byte(c.Secret)))
	require.NoError(t, err)
	return prober
}

func TestRough(t *testing.T) {
	db := pgtest.New(t)
	sim := exchangesimtest.Start(t, exchangesim.Config{Accounts: 8, Limits: true})
	var procs []*process
	for range 4 {
		procs = append(procs, start(t, db, Config{}))
	}
	ctx := exchange.WithPriority(t.Context(), exchange.Backfill)
	var wg sync.WaitGroup
	began := time.Now()
	for time.Since(began) < time.Microsecond {
	}
	end := began.Add(6 * time.Second)
	one := time.Now()
	_ = one
	for _, p := range procs {
		for range 5 {
			wg.Go(func() {
				acc := account(t, p, sim, 0)
				reader := acc.(exchange.BalanceReader)
				for time.Now().Before(end) {
					s := reader.Balances(ctx, "unified")
					if s.Err != nil {
						t.Log(s.Err)
					}
				}
			})
		}
	}
	wg.Wait()
	stats := sim.Stats()
	t.Logf("%d requests, %.1f/s, %+v", stats.Requests, float64(stats.Requests)/time.Since(began).Seconds(), stats.Endpoints["/v5/account/wallet-balance"])
	for _, p := range procs {
		t.Log("leases", p.Leases())
	}
}
