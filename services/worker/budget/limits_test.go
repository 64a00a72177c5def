package budget

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// readAll reads accounts from several goroutines of each process until each of
// these has n answers; a fault other than a rate limit fails the test.
func readAll(t *testing.T, as exchange.Priority, processes []*process, sim *exchangesimtest.Server, accounts, walkers, n int) {
	t.Helper()
	ctx := exchange.WithPriority(t.Context(), as)
	var reading sync.WaitGroup
	for _, p := range processes {
		for w := range walkers {
			reading.Go(func() {
				for i := 0; i < n; {
					switch snap := p.reader(t, sim, (w+i)%accounts).Balances(ctx, "unified"); {
					case snap.Err == nil:
						i++
					case snap.Err.Class != exchange.RateLimited:
						t.Errorf("reading: %v", snap.Err)
						return
					}
				}
			})
		}
	}
	reading.Wait()
}

// fewRefusals asserts that hardly anything was refused: one in twenty, since the
// machine of a test may stop for longer than there is room for. Without a budget
// it would be four in five. TestNoSecondSeesMoreThanTheLimit is exact.
func fewRefusals(t *testing.T, what string, tally *exchangesim.Tally) {
	t.Helper()
	require.LessOrEqual(t, tally.Results["10006"], tally.Requests/20, "%s: %v", what, tally.Results)
	require.Zero(t, tally.Results["http 403"], what)
}

// Processes that share one account's limit, and a limit for their address, stay
// below both although each could use them up alone.
func TestProcessesTogetherKeepTheLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ accounts, requests int }{
		"of one account":         {1, 20}, // 4 x 3 x 20 = 240, nearly five times a second's limit
		"of address and account": {6, 40}, // 480
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, sim := pgtest.New(t), exchangesimtest.Start(t, exchangesim.Config{Accounts: c.accounts, Limits: true})
			var processes []*process
			for range 4 {
				p, _ := start(t, db, Config{LiveWait: patience, BackfillWait: patience})
				processes = append(processes, p)
			}
			readAll(t, exchange.Backfill, processes, sim, c.accounts, 3, c.requests)
			for uid, tally := range sim.Stats().UIDs {
				fewRefusals(t, uid, tally)
			}
		})
	}
}

// What is granted to all processes never exceeds the limit in any second, to the
// request, whoever asks when for what.
func TestNoSecondSeesMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var mu sync.Mutex
	var granted []int64
	var asking sync.WaitGroup
	for i := range 4 {
		p, end := start(t, db, Config{RequestsPerSecond: 10000})
		end()
		asking.Go(func() {
			began := time.Now()
			for n := 0; time.Since(began) < 2500*time.Millisecond; n++ {
				o := &order{held: 100, meters: []*metered{{
					meter: newMeter(use("1"), meterSet{}, &lag{}), want: [2]int{(n + i) % 2, (n*i)%3 + 1}, spare: n % 4, used: -1,
				}}}
				rows, err := p.ask(t.Context(), "venue", p.cfg.pace(use("1").PerAddress), o)
				if err != nil {
					t.Errorf("asking: %v", err)
					return
				}
				mu.Lock()
				granted = slices.Concat(granted, rows[1].Live, rows[1].Backfill, rows[1].Spare)
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	slices.Sort(granted)
	require.Greater(t, len(granted), 100)
	for i := 50; i < len(granted); i++ {
		require.Greater(t, granted[i]-granted[i-50], time.Second.Microseconds(), "51 requests within a second, the last of them number %d", i)
	}
}

// An account that asks for much takes turns with one that asks for little.
func TestAccountsTakeTurns(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 20, BackfillWait: patience})
	ctx := backfill(t)
	takeAll(t, p, exchange.Backfill, use("busy"), 2) // the burst is gone
	var mu sync.Mutex
	var order []string
	var taking sync.WaitGroup
	take := func(uid string) {
		taking.Go(func() {
			if err := p.Take(ctx, use(uid)); err != nil {
				t.Errorf("refused: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			order = append(order, uid)
		})
	}
	for range 20 {
		take("busy")
	}
	awaitQueue(t, p, 10)
	take("calm")
	taking.Wait()
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, order, 21)
	place := 0
	for i, uid := range order {
		if uid == "calm" {
			place = i
		}
	}
	require.Less(t, place, 18, "the calm account waited behind all of the busy one's: %v", order)
}

// awaitQueue returns when at least n turns are waited for.
func awaitQueue(t *testing.T, p *process, n int) {
	t.Helper()
	a := p.address(use(""))
	require.Eventually(t, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.queue.waiting >= n
	}, patience, time.Millisecond)
}

// Live requests go before backfill that has waited for long.
func TestLiveGoesBeforeBackfill(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 20, BackfillWait: patience})
	takeAll(t, p, exchange.Live, use("1"), 6) // the burst is gone
	var waiting sync.WaitGroup
	ctx, giveUp := context.WithCancel(backfill(t))
	defer waiting.Wait()
	defer giveUp()
	for range 40 {
		waiting.Go(func() { _ = p.Take(ctx, use("1")) })
	}
	awaitQueue(t, p, 30)
	require.NoError(t, p.Take(t.Context(), use("1")))
	a := p.address(use(""))
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Greater(t, a.queue.waiting, 20, "a live request waited for backfill to end")
}

// Backfill leaves a part of the burst to live requests, also those of another
// process.
func TestBackfillLeavesTheBurstToLive(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	first, _ := start(t, db, Config{BackfillWait: patience})
	second, _ := start(t, db, Config{})
	takeAll(t, first, exchange.Backfill, use("1"), 30) // as fast as they are granted
	for range 5 {
		u := use("2")
		a := second.address(u)
		w := a.enter(u, exchange.Live, time.Now())
		require.NoError(t, <-w.done)
	}
	at := one[float64](t, first.db, `SELECT next_at - extract(epoch FROM clock_timestamp()) * 1000000 FROM alphapulse.address_budgets`)
	require.Less(t, at, float64(addressAhead.Microseconds()), "five live requests did not have to queue up behind backfill")
}

// A turn that is too far off is refused at once, and says when to come back.
func TestWhatCannotBeGrantedSoonIsRefused(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 0.1})
	require.NoError(t, p.Take(t.Context(), use("1")))
	fault := refused(t, p.Take(t.Context(), use("1")), exchange.RateLimited)
	require.Contains(t, fault.Message, "this address for venue, one request in 10s,")
	require.WithinDuration(t, time.Now().Add(10*time.Second), fault.RetryAt, 5*time.Second)

	p, _ = start(t, pgtest.New(t), Config{})
	require.NoError(t, p.Take(t.Context(), slow("1", 1)))
	fault = refused(t, p.Take(t.Context(), slow("1", 1)), exchange.RateLimited)
	require.Contains(t, fault.Message, "/orders, 1 requests in 1m0s,")
	require.Greater(t, time.Until(fault.RetryAt), 50*time.Second)
}

func TestACallerThatLeavesFreesItsPlace(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 0.1, LiveWait: time.Hour})
	require.NoError(t, p.Take(t.Context(), use("1")))
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { left <- p.Take(ctx, use("1")) }()
	awaitQueue(t, p, 1)
	leave()
	require.ErrorIs(t, <-left, context.Canceled)
	require.ErrorIs(t, p.Take(ctx, use("1")), context.Canceled)
	a := p.address(use("1"))
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Zero(t, a.queue.waiting)
	require.Empty(t, a.queue.turns)
}
