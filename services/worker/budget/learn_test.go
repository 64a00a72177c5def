package budget

import (
	"slices"
	"strconv"
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
	readAll(t, exchange.Live, []*process{first, second}, sim, 1, 3, 5)
	fewRefusals(t, path, sim.Stats().Endpoints[path])
}

// What was leased under a larger limit is not used under a smaller one, whoever
// learns of it.
func TestASmallerLimitTakesBackWhatIsLeased(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	first, _ := start(t, db, Config{RequestsPerSecond: 10000})
	second, _ := start(t, db, Config{RequestsPerSecond: 10000})
	takeAll(t, first, exchange.Live, slow("1", 50), 1) // twelve more are leased
	takeAll(t, second, exchange.Live, slow("1", 50), 1)
	first.Learn(slow("1", 50), exchange.Allowance{Limit: 10, Remaining: 8, Sent: time.Now(), At: time.Now()})
	n := granted(t, first.Fleet, slow("1", 50))
	a := second.address(slow("1", 50))
	a.mu.Lock()
	a.meter(slow("1", 50)).hurry(time.Now()) // a new one if it was idle and is forgotten
	a.work()
	a.mu.Unlock()
	require.Eventually(t, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		m := a.meters[meterName{"1", "/orders"}]
		return m == nil || len(m.tokens) == 0
	}, patience, time.Millisecond)
	require.LessOrEqual(t, n+granted(t, second.Fleet, slow("1", 50)), 8)
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

// Close to the limit nothing is sent until there is room again.
func TestCloseToTheLimitNothingIsSent(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := newMeter(use("1"), meterSet{}, &lag{})
	m.tokens = tokens{{at: now, until: now.Add(time.Second)}}
	m.learn(exchange.Allowance{Limit: 50, Remaining: 2, At: now}, now)
	require.Zero(t, m.usable(now))
	m.learn(exchange.Allowance{Limit: 50, Remaining: 0, At: now}, now)
	require.Negative(t, m.usable(now.Add(39*time.Millisecond)))
	require.Zero(t, m.usable(now.Add(40*time.Millisecond)))
}

// A request that was sent later than it was granted counts from then on, and one
// that was never sent does not count.
func TestLateAndUnusedGrantsAreCorrected(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := newMeter(use("1"), meterSet{}, &lag{})
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
	o := &order{meters: []*metered{{meter: newMeter(use("1"), meterSet{}, &lag{}), want: [2]int{2, 0}, used: -1}}, held: 10}
	rows, err := p.ask(t.Context(), "venue", p.cfg.pace(use("1").PerAddress), o)
	require.NoError(t, err)
	leased := rows[1].Live
	require.Len(t, leased, 2)
	o.meters[0].want = [2]int{}
	o.meters[0].moves = []move{{from: leased[0]}, {from: leased[1], to: leased[1] + 7}}
	_, err = p.ask(t.Context(), "venue", p.cfg.pace(use("1").PerAddress), o)
	require.NoError(t, err)
	require.Equal(t, []int64{leased[1] + 7}, one[[]int64](t, p.db, `SELECT sent FROM alphapulse.account_budgets`))

	// Of two that count as sent at the same moment, one is moved.
	_, err = p.db.Exec(t.Context(), `UPDATE alphapulse.account_budgets SET sent = sent || sent`)
	require.NoError(t, err)
	o.meters[0].moves = []move{{from: leased[1] + 7, to: leased[1] + 9}}
	_, err = p.ask(t.Context(), "venue", p.cfg.pace(use("1").PerAddress), o)
	require.NoError(t, err)
	require.Equal(t, []int64{leased[1] + 7, leased[1] + 9}, one[[]int64](t, p.db, `SELECT sent FROM alphapulse.account_budgets`))
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

// A request that was long on its way counts from when the exchange counted it;
// what every request to the host takes is not long.
func TestWhatWasLongOnItsWayCountsFromItsArrival(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := newMeter(use("1"), meterSet{}, &lag{})
	for i := range 3 {
		m.tokens = append(m.tokens, token{at: now, until: now.Add(time.Second), charge: int64(1000 * (i + 1)), start: now})
	}
	var d delay
	for range 3 {
		m.spend(now)
	}
	for i, way := range []time.Duration{80 * time.Millisecond, 85 * time.Millisecond, 200 * time.Millisecond} {
		counted := now.Add(way).Add(-d.usual(way, now))
		m.arrived(now, counted, now)
		require.Len(t, m.spent, 2-i)
	}
	require.Equal(t, []move{{from: 1000, to: 121_000}}, m.moves)
	require.False(t, m.urgent.IsZero())

	d = delay{}
	require.Equal(t, 50*time.Millisecond, d.usual(50*time.Millisecond, now))
	require.Equal(t, 50*time.Millisecond, d.usual(90*time.Millisecond, now.Add(31*time.Second)))
	require.Equal(t, 90*time.Millisecond, d.usual(95*time.Millisecond, now.Add(62*time.Second)), "a new way is learnt within a minute")
}

// Two corrections of one grant between two leases are one.
func TestCorrectionsOfOneGrantAreOne(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := newMeter(use("1"), meterSet{}, &lag{})
	m.tokens = tokens{{at: now, until: now.Add(time.Second), charge: 1_000_000, start: now}}
	m.spend(now.Add(20 * time.Millisecond))
	m.arrived(now.Add(20*time.Millisecond), now.Add(90*time.Millisecond), now.Add(100*time.Millisecond))
	require.Equal(t, []move{{from: 1_000_000, to: 1_090_000}}, m.moves)
}

// A request that has no answer for long may yet be counted, so it is not
// forgotten while it may.
func TestWhatIsUnderWayForLongIsNotForgotten(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := newMeter(use("1"), meterSet{}, &lag{})
	m.tokens = tokens{{at: now, until: now.Add(time.Second), charge: 1_000_000, start: now}}
	m.spend(now)
	m.underWay(now.Add(longWay + time.Millisecond))
	require.Empty(t, m.moves, "an exchange that never tells is not waited for")
	m.heard = true
	m.underWay(now.Add(400 * time.Millisecond))
	require.Equal(t, []move{{from: 1_000_000, to: 1_400_000}}, m.moves)
	m.arrived(now, now.Add(100*time.Millisecond), now.Add(500*time.Millisecond))
	require.Equal(t, []move{{from: 1_000_000, to: 1_100_000}}, m.moves, "now it is known")
	m.spent = []spent{{charge: 1, start: now, at: now}}
	m.underWay(now.Add(lostAfter + time.Second))
	require.Empty(t, m.spent)
}

// A caller that wakes up long after its grant has lost its turn.
func TestACallerThatWakesUpLateHasLostItsTurn(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{})
	a := p.address(use("1"))
	w := a.enter(use("1"), exchange.Live, time.Now())
	require.NoError(t, <-w.done)
	onTime, err := a.check(w, w.granted.Add(tooLate))
	require.NoError(t, err)
	require.True(t, onTime)
	onTime, err = a.check(w, w.granted.Add(tooLate+time.Millisecond))
	require.NoError(t, err)
	require.False(t, onTime)
	a.mu.Lock()
	defer a.mu.Unlock()
	require.True(t, slices.ContainsFunc(w.meter.moves, func(m move) bool {
		return m.to == 0 // from what it counts as, or from before it was corrected
	}), "it did not count")
	require.Empty(t, w.meter.spent)
}

// A process whose requests get away late says so beforehand: they count from when
// they will be sent, and need not be moved.
func TestWhatIsUsuallyLateCountsLaterFromTheStart(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var usual lag
	usual.note(time.Time{}, now)
	require.Zero(t, usual.usual, "a spare grant is never late")
	for range 40 {
		usual.note(now, now.Add(20*time.Millisecond))
	}
	require.InDelta(t, 20*time.Millisecond, usual.usual, float64(time.Millisecond))
	usual.note(now, now.Add(4*time.Millisecond))
	require.InDelta(t, 19*time.Millisecond, usual.usual, float64(time.Millisecond), "one that is early changes little")
	for range 40 {
		usual.note(now, now.Add(time.Second))
	}
	require.InDelta(t, mostLag, usual.usual, float64(time.Millisecond), "no more than the budget bears")

	p, end := start(t, pgtest.New(t), Config{})
	end()
	m := newMeter(use("1"), meterSet{}, &lag{})
	o := &order{meters: []*metered{{meter: m, want: [2]int{1, 1}, spare: 1, used: -1}}, held: 10, late: 7 * time.Millisecond}
	before := time.Now()
	rows, err := p.ask(t.Context(), "venue", p.cfg.pace(use("1").PerAddress), o)
	require.NoError(t, err)
	grant := rows[1]
	require.Equal(t, []int64{grant.Live[0] + 7000, grant.Backfill[0] + 7000, grant.Spare[0]},
		one[[]int64](t, p.db, `SELECT sent FROM alphapulse.account_budgets`))
	receiveMeter(o.meters[0], grant, translation{moment: grant.Moment, before: before, after: before}, o.late)
	require.Equal(t, grant.Live[0]+7000, m.spend(before.Add(time.Millisecond)))
	require.Empty(t, m.moves, "it is 6 ms early")
	m.spend(before.Add(18 * time.Millisecond))
	require.Len(t, m.moves, 1, "it is 11 ms late")
}

// Grants that were moved, and those that the exchange has counted, stay in the order
// of their times, whichever order they come in.
func TestWhatIsSentStaysInOrder(t *testing.T) {
	t.Parallel()
	p, end := start(t, pgtest.New(t), Config{})
	end()
	o := &order{held: 100}
	for _, uid := range []string{"1", "2"} {
		o.meters = append(o.meters, &metered{meter: newMeter(use(uid), meterSet{}, &lag{}), want: [2]int{4, 0}, spare: 2, used: -1})
	}
	rows, err := p.ask(t.Context(), "venue", p.cfg.pace(use("1").PerAddress), o)
	require.NoError(t, err)
	for i, m := range o.meters {
		live, spare := rows[i+1].Live, rows[i+1].Spare
		require.Len(t, live, 4)
		require.Len(t, spare, 2)
		m.want, m.used, m.age = [2]int{2, 0}, 9, 0
		m.moves = []move{
			{from: live[2], to: spare[1] + 5}, {from: live[0], to: live[0] - 5}, {from: spare[0]}, {from: 1, to: live[1] + 1},
		}
	}
	_, err = p.ask(t.Context(), "venue", p.cfg.pace(use("1").PerAddress), o)
	require.NoError(t, err)
	for _, uid := range []string{"1", "2"} {
		sent := one[[]int64](t, p.db, `SELECT sent FROM alphapulse.account_budgets WHERE uid = '`+uid+`'`)
		require.True(t, slices.IsSorted(sent), "%v", sent)
		require.Len(t, sent, 4+2-1+1+3+2+2, "leased, spare, given back, unknown, counted by the exchange alone, leased, spare")
	}
}

// A walk takes more and more pages with each lease; a snapshot of one page leases
// little that it does not use. What was only told leaves it as it was.
func TestAsMuchIsLeasedAheadAsWasUsed(t *testing.T) {
	t.Parallel()
	m := newMeter(use("1"), meterSet{}, &lag{})
	require.Equal(t, fewestSpare, m.spareFor())
	now := time.Now()
	for _, want := range []int{2, 4, 6, 8, 10, 12, 12} {
		m.tokens = tokens{{at: now, until: now.Add(time.Second), charge: 1, start: now}}
		m.spend(now)
		require.Equal(t, want, m.spareFor())
	}
	m.reported()
	require.Equal(t, mostSpare, m.spareFor())
}

// However fast new accounts come, leases are apart, so that one serves several.
func TestLeasesRest(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 10000})
	began := time.Now()
	for i := range 40 {
		require.NoError(t, p.Take(t.Context(), use(strconv.Itoa(i))))
	}
	require.LessOrEqual(t, p.Leases(), int64(time.Since(began)/leaseRest)+1)
}
