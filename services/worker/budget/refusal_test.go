package budget

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func banned(d time.Duration) *exchange.Error {
	return &exchange.Error{Class: exchange.Banned, Message: "access too frequent", RetryAt: time.Now().Add(d)}
}

// A ban stops every process of the address, what is leased already included,
// and no other address.
func TestABanStopsTheAddressAndNoOther(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	met, _ := start(t, db, Config{})
	mate, _ := start(t, db, Config{})
	stranger, _ := start(t, db, Config{Egress: "cellar"})
	for _, p := range []*process{met, mate, stranger} {
		require.NoError(t, p.Take(t.Context(), use("1")), "and more is leased than taken")
	}
	met.Report(use("1"), banned(time.Hour))
	fault := refused(t, met.Take(t.Context(), use("1")), exchange.Banned)
	require.WithinDuration(t, time.Now().Add(time.Hour), fault.RetryAt, 5*time.Second)
	require.Eventually(t, func() bool {
		_, err := mate.address(use("1")).check(&waiter{}, time.Now())
		return exchange.ClassOf(err) == exchange.Banned
	}, patience, time.Millisecond, "it is notified, without a lease")
	fault = refused(t, mate.Take(t.Context(), use("2")), exchange.Banned)
	require.Contains(t, fault.Message, "access too frequent")
	require.NoError(t, stranger.Take(t.Context(), use("1")))
	other := use("1")
	other.Venue = "another exchange"
	require.NoError(t, met.Take(t.Context(), other))
}

// A worker that was not there finds the ban before its first request, also after
// a crash of the database emptied what is unlogged.
func TestABanIsFoundByWhoComesLater(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	met, end := start(t, db, Config{})
	met.Report(use("1"), banned(time.Hour))
	end()
	pool := db.Open(t)
	_, err := pool.Exec(t.Context(), `TRUNCATE alphapulse.address_budgets, alphapulse.account_budgets`)
	require.NoError(t, err)
	late, err := New(pool, Config{Egress: "office", Log: queuetest.Discard()}) // not running: nothing but the lease tells it
	require.NoError(t, err)
	_ = refused(t, late.Take(t.Context(), use("1")), exchange.Banned)
	_, err = pool.Exec(t.Context(), `UPDATE alphapulse.egress_bans SET banned_until = clock_timestamp()`)
	require.NoError(t, err)
	again, err := New(pool, Config{Egress: "office", Log: queuetest.Discard()})
	require.NoError(t, err)
	require.NoError(t, again.Take(t.Context(), use("1")), "the ban is over")
}

// Who waits when a ban comes is refused then and not later.
func TestABanRefusesWhoWaits(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 0.1, LiveWait: time.Hour})
	require.NoError(t, p.Take(t.Context(), use("1")))
	waited := make(chan error, 1)
	go func() { waited <- p.Take(t.Context(), use("1")) }()
	awaitQueue(t, p, 1)
	p.Report(use("1"), banned(time.Hour))
	_ = refused(t, <-waited, exchange.Banned)
}

func TestABanIsNeverShortened(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{})
	p.Report(use("1"), banned(time.Hour))
	p.Report(use("1"), banned(time.Minute))
	fault := refused(t, p.Take(t.Context(), use("1")), exchange.Banned)
	require.Greater(t, time.Until(fault.RetryAt), 50*time.Minute)
	require.True(t, one[bool](t, p.db, `SELECT banned_until > clock_timestamp() + interval '50 minutes' FROM alphapulse.egress_bans`))
}

// 10006 stops the endpoint of the account for every process until the exchange's
// reset, and halves what it is asked then. Others go on.
func TestARateLimitStopsOneAccountForAll(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	met, _ := start(t, db, Config{})
	mate, _ := start(t, db, Config{})
	require.NoError(t, met.Take(t.Context(), use("1")))
	limited := &exchange.Error{Class: exchange.RateLimited, RetryAt: time.Now().Add(time.Minute)}
	for range 5 {
		met.Report(use("1"), limited)
	}
	_ = refused(t, met.Take(t.Context(), use("1")), exchange.RateLimited)
	fault := refused(t, mate.Take(t.Context(), use("1")), exchange.RateLimited)
	require.WithinDuration(t, limited.RetryAt, fault.RetryAt, time.Second)
	require.NoError(t, met.Take(t.Context(), use("2")), "another account")
	other := use("1")
	other.Endpoint = "/positions"
	require.NoError(t, met.Take(t.Context(), other), "another endpoint")
	require.InDelta(t, 0.5, one[float64](t, met.db, `SELECT share FROM alphapulse.account_budgets WHERE uid = '1' AND endpoint = '/orders'`),
		0.001, "halved once, however many answers say so at once")
}

// The share that a 10006 leaves grows back by a tenth a second.
func TestAHalvedAccountRegrows(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{})
	for secondsAgo, want := range map[int]int{0: 25, 2: 35, 60: 50} {
		began := time.Now()
		_, err := p.db.Exec(t.Context(), `
INSERT INTO alphapulse.account_budgets (venue, uid, endpoint, share, share_at)
VALUES ('venue', '1', '/orders', 0.5, (extract(epoch FROM clock_timestamp()) - $1::integer) * 1000000)
ON CONFLICT (venue, uid, endpoint) DO UPDATE SET sent = '{}', share_at = excluded.share_at`, secondsAgo)
		require.NoError(t, err)
		got := granted(t, idle(t, p), slow("1", 50))
		grown := 5 * time.Since(began).Seconds() // meanwhile
		require.GreaterOrEqual(t, got, want-2, "after %d s", secondsAgo)
		require.LessOrEqual(t, float64(got), float64(want)+2+grown, "after %d s", secondsAgo)
	}
}

// A limit without a UID, as of public data, slows the address down.
func TestARateLimitWithoutAnAccountSlowsTheAddress(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{})
	require.NoError(t, p.Take(t.Context(), use("")))
	p.Report(use(""), &exchange.Error{Class: exchange.RateLimited})
	require.InDelta(t, 0.5, one[float64](t, p.db, `SELECT share FROM alphapulse.address_budgets`), 0.001)
	require.NoError(t, p.Take(t.Context(), use("")))
	require.Zero(t, one[int](t, p.db, `SELECT count(*) FROM alphapulse.account_budgets`))
}

// Without the database there is no budget, and without a budget no request.
func TestWithoutTheDatabaseNothingIsSent(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), postgres.Config{
		URL: "postgres://nobody@127.0.0.1:1/none", Name: "claims", AcquireTimeout: 200 * time.Millisecond,
	})
	require.NoError(t, err)
	defer db.Close()
	fleet, err := New(db, Config{Egress: "office", LiveWait: 300 * time.Millisecond, Log: queuetest.Discard()})
	require.NoError(t, err)
	fault := refused(t, fleet.Take(t.Context(), use("1")), exchange.Transient)
	require.Contains(t, fault.Message, "without it no request is sent")
	require.False(t, fault.RetryAt.IsZero())
	fleet.Report(use("1"), banned(time.Hour))
	_ = refused(t, fleet.Take(t.Context(), use("1")), exchange.Banned)
	require.Len(t, fleet.address(use("1")).unsaid, 1, "it is told before the next lease")
}

// A database that comes back in time costs the request a wait and no more.
func TestAShortOutageOfTheDatabaseIsWaitedOut(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, nil)
	require.NoError(t, postgres.Migrate(t.Context(), server.URL(), nil))
	p, _ := start(t, server.DB(), Config{LiveWait: patience})
	require.NoError(t, p.Take(t.Context(), use("1")))
	server.Stop()
	taken := make(chan error, 1)
	go func() { taken <- p.Take(t.Context(), use("2")) }()
	require.Eventually(t, func() bool {
		a := p.address(use("2"))
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.unleased != nil
	}, patience, time.Millisecond)
	server.Start()
	require.NoError(t, <-taken)
}

func TestConfigNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := New(nil, Config{RequestsPerSecond: -1, LiveWait: -1})
	for _, part := range []string{"egress", "requests per second", "waits", "log"} {
		require.ErrorContains(t, err, part)
	}
}
