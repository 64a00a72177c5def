package budget

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// readAll reads accounts from several goroutines of each process until n
// requests of each have been answered; every fault ends the test.
func readAll(t *testing.T, ctx context.Context, processes []*process, sim *exchangesimtest.Server, accounts, walkers, n int) {
	t.Helper()
	var reading sync.WaitGroup
	for _, p := range processes {
		for w := range walkers {
			reading.Go(func() {
				for i := range n {
					snap := p.reader(t, sim, (w+i)%accounts).Balances(ctx, "unified")
					if snap.Err != nil {
						t.Errorf("a request was refused: %v", snap.Err)
						return
					}
				}
			})
		}
	}
	reading.Wait()
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
			began := time.Now()
			readAll(t, backfill(t), processes, sim, c.accounts, 3, c.requests)
			took := time.Since(began)
			stats := sim.Stats()
			for uid, tally := range stats.UIDs {
				require.Equal(t, map[string]int{"ok": tally.Requests}, tally.Results, uid)
			}
			t.Logf("%d requests in %s: %.1f a second", stats.Requests, took, float64(stats.Requests)/took.Seconds())
		})
	}
}

// What is granted to all processes never exceeds the limit in any second, to the
// request: the stand-in is not asked here, which may be lenient by chance.
func TestNoSecondSeesMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var mu sync.Mutex
	var sent []time.Time
	var taking sync.WaitGroup
	for range 3 {
		p, _ := start(t, db, Config{RequestsPerSecond: 10000, BackfillWait: patience})
		for range 4 {
			taking.Go(func() {
				for range 15 {
					if err := p.Take(backfill(t), use("1")); err != nil {
						t.Errorf("refused: %v", err)
						return
					}
					mu.Lock()
					sent = append(sent, time.Now())
					mu.Unlock()
				}
			})
		}
	}
	taking.Wait()
	require.Len(t, sent, 180)
	for i := 50; i < len(sent); i++ {
		require.Greater(t, sent[i].Sub(sent[i-50]), time.Second, "51 requests within a second, the last of them number %d", i)
	}
}

// An account that asks for much takes turns with one that asks for little.
func TestAccountsTakeTurns(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 20, BackfillWait: patience})
	ctx := backfill(t)
	takeAll(t, ctx, p, use("busy"), 2) // the burst is gone
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
	takeAll(t, t.Context(), p, use("1"), 6) // the burst is gone
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
	takeAll(t, backfill(t), first, use("1"), 30) // as fast as they are granted
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
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 1, LiveWait: 200 * time.Millisecond})
	require.NoError(t, p.Take(t.Context(), use("1")))
	fault := refused(t, p.Take(t.Context(), use("1")), exchange.RateLimited)
	require.Contains(t, fault.Message, "this address for venue, one request in 1s,")
	require.WithinDuration(t, time.Now().Add(time.Second), fault.RetryAt, 500*time.Millisecond)

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
