package budget

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// A limit below the published one is learnt from the first answer, by everyone.
func TestALowerLimitIsLearntFromTheAnswers(t *testing.T) {
	t.Parallel()
	const path = "/v5/account/wallet-balance"
	db := pgtest.New(t)
	sim := exchangesimtest.Start(t, exchangesim.Config{
		Accounts: 1, Limits: true, LimitSizes: exchangesim.LimitSizes{PerUID: map[string]int{path: 10}},
	})
	first, _ := start(t, db, Config{LiveWait: patience})
	second, _ := start(t, db, Config{LiveWait: patience})
	require.Nil(t, first.reader(t, sim, 0).Balances(t.Context(), "unified").Err)
	require.Eventually(t, func() bool {
		return one[int](t, first.db, `SELECT coalesce(max(size), 0) FROM alphapulse.account_budgets`) == 10
	}, patience, 5*time.Millisecond, "the fleet knows, although nobody asks for a lease")
	readAll(t, t.Context(), []*process{first, second}, sim, 1, 3, 5)
	tally := sim.Stats().Endpoints[path]
	require.Equal(t, map[string]int{"ok": 31}, tally.Results)
}

// A limit above the published one is used.
func TestAHigherLimitIsUsed(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 10000})
	require.NoError(t, p.Take(t.Context(), slow("1", 50)))
	p.Learn(slow("1", 50), exchange.Allowance{Limit: 80, Remaining: 79, At: time.Now()})
	require.Equal(t, 79, granted(t, p.Fleet, slow("1", 50)))
}

// What somebody else uses of an account's limit is missing to us: the exchange
// counts it, and tells.
func TestWhatOthersUseIsCounted(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 10000})
	p.Learn(slow("1", 50), exchange.Allowance{Limit: 50, Remaining: 9, At: time.Now()})
	n := granted(t, p.Fleet, slow("1", 50))
	require.Equal(t, 11, n, "41 of 50, less two that may be a matter of timing")
	p.Learn(slow("2", 50), exchange.Allowance{Limit: 50, Remaining: 0, At: time.Now()})
	require.Zero(t, granted(t, p.Fleet, slow("2", 50)), "at the limit each counts")
}

// Two clients use up one account's limit, of which one is not ours: ours stays
// within what is left, most of the time.
func TestAnotherClientOfTheSameAccount(t *testing.T) {
	t.Parallel()
	sim := exchangesimtest.Start(t, exchangesim.Config{Accounts: 1, Limits: true})
	p, _ := start(t, pgtest.New(t), Config{LiveWait: patience, BackfillWait: patience})
	stop := make(chan struct{})
	var other sync.WaitGroup
	other.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				sim.Client(0).Get(t, "/v5/account/wallet-balance", "accountType=UNIFIED")
			}
		}
	})
	reader := p.reader(t, sim, 0)
	limited := 0
	for range 120 {
		if snap := reader.Balances(backfill(t), "unified"); exchange.ClassOf(asError(snap.Err)) == exchange.RateLimited {
			limited++
		}
	}
	close(stop)
	other.Wait()
	require.LessOrEqual(t, limited, 6)
}

func asError(fault *exchange.Error) error {
	if fault == nil {
		return nil
	}
	return fault
}

// A request that was sent later than it was granted counts from then on, and one
// that was never sent does not count.
func TestLateAndUnusedGrantsAreCorrected(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := newMeter(use("1"))
	m.tokens = tokens{
		{at: now, until: now.Add(time.Second), charge: 1_000_000, start: now},
		{at: now, until: now.Add(50 * time.Millisecond), charge: 2_000_000, start: now},
	}
	m.expire(now.Add(60 * time.Millisecond))
	m.spend(now.Add(70 * time.Millisecond))
	require.Equal(t, []move{{from: 2_000_000}, {from: 1_000_000, to: 1_070_000}}, m.moves)
	require.False(t, m.urgent.IsZero(), "others must know of the late one")

	p, end := start(t, pgtest.New(t), Config{})
	end()
	o := &order{meters: []*metered{{meter: newMeter(use("1")), want: [2]int{2, 0}, used: -1}}, held: 10}
	rows, err := p.ask(t.Context(), "venue", p.cfg.pace(use("1").PerAddress), o)
	require.NoError(t, err)
	leased := rows[1].Live
	require.Len(t, leased, 2)
	o.meters[0].want = [2]int{}
	o.meters[0].moves = []move{{from: leased[0]}, {from: leased[1], to: leased[1] + 7}}
	_, err = p.ask(t.Context(), "venue", p.cfg.pace(use("1").PerAddress), o)
	require.NoError(t, err)
	require.Equal(t, []int64{leased[1] + 7}, one[[]int64](t, p.db, `SELECT sent FROM alphapulse.account_budgets`))
}

// Rows and meters of who is not asked for any more are forgotten.
func TestOldBudgetsAreForgotten(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 10000})
	require.NoError(t, p.Take(t.Context(), use("1")))
	_, err := p.db.Exec(t.Context(), `UPDATE alphapulse.account_budgets SET used_at = clock_timestamp() - interval '2 hours'`)
	require.NoError(t, err)
	p.prune(t.Context())
	require.Zero(t, one[int](t, p.db, `SELECT count(*) FROM alphapulse.account_budgets`))
	require.Equal(t, 1, one[int](t, p.db, `SELECT count(*) FROM alphapulse.address_budgets`))
	a := p.address(use("1"))
	require.Eventually(t, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.sweep(time.Now().Add(time.Minute))
		return len(a.meters) == 0
	}, patience, time.Millisecond)
}
