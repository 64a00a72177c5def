package budget

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// at is a request of an account to an endpoint.
func at(uid, endpoint string) exchange.Use {
	u := use(uid)
	u.Endpoint = endpoint
	return u
}

// learning are sequences at a time of their own.
type learning struct {
	sequences
	now time.Time
}

func newLearning() *learning { return &learning{newSequences(), time.Now()} }

// let lets so many accounts ask for endpoints, one so much later than the other.
func (l *learning) let(accounts int, later time.Duration, endpoints ...string) {
	for i := range accounts {
		uid := fmt.Sprint(i, l.now.UnixNano())
		for n, endpoint := range endpoints {
			l.note(at(uid, endpoint), l.now.Add(time.Duration(n)*later))
		}
		l.now = l.now.Add(time.Second)
	}
	l.forget(l.now)
}

func (l *learning) followers(endpoint string) (found []string) {
	for _, use := range l.after(meterName{"anybody", endpoint}) {
		if use.UID != "anybody" || use.PerUID.Requests != 50 {
			found = append(found, "of somebody else")
		}
		found = append(found, use.Endpoint)
	}
	return found
}

func TestWhatUsuallyFollowsIsForeseen(t *testing.T) {
	t.Parallel()
	l := newLearning()
	l.let(3, time.Millisecond, "/first", "/second")
	require.Empty(t, l.followers("/first"), "three times may be chance")
	l.let(1, time.Millisecond, "/first", "/second")
	require.Equal(t, []string{"/second"}, l.followers("/first"))
	require.Empty(t, l.followers("/second"))
	l.let(1, time.Millisecond, "/first", "/other")
	require.Equal(t, []string{"/second"}, l.followers("/first"), "four of five")
	l.let(1, time.Millisecond, "/first")
	require.Empty(t, l.followers("/first"), "four of six")
	require.Empty(t, l.last, "nobody is remembered for long")

	l.let(200, time.Millisecond, "/first", "/second")
	require.Equal(t, []string{"/second"}, l.followers("/first"))
	l.let(mostAsked, time.Millisecond, "/first", "/other")
	require.NotContains(t, l.followers("/first"), "/second", "what was long ago is forgotten")
	require.LessOrEqual(t, l.by["/first"].asked, mostAsked)
}

func TestWhatFollowsLateOrIsTheNextPageIsNotForeseen(t *testing.T) {
	t.Parallel()
	l := newLearning()
	l.let(20, followsWithin+1, "/first", "/second")
	require.Empty(t, l.followers("/first"))
	l.let(20, time.Millisecond, "/pages", "/pages", "/pages")
	require.Empty(t, l.followers("/pages"))
	require.Equal(t, 20, l.by["/pages"].asked, "a walk is one step")
}

// Jobs of several types of one account run side by side.
func TestWhatFollowsIsFoundAmongWhatOthersAskFor(t *testing.T) {
	t.Parallel()
	l := newLearning()
	l.let(10, time.Millisecond, "/first", "/another", "/third", "/second")
	l.let(2, time.Millisecond, "/third", "/another", "/first", "/second")
	require.Contains(t, l.followers("/first"), "/second")
	require.NotContains(t, l.followers("/second"), "/first")
}

// foreseeing is an address that has seen /second follow /first, and what is ordered of
// an account that waits for /first.
type foreseeing struct {
	*address
	asked map[*meter]*metered
}

func newForeseeing(t *testing.T) foreseeing {
	t.Helper()
	cfg, err := Config{Egress: "office", RequestsPerSecond: 100, Log: queuetest.Discard()}.complete()
	require.NoError(t, err)
	a := newAddress(&Fleet{cfg: cfg}, "venue", use("1").PerAddress)
	l := newLearning()
	l.let(9, time.Millisecond, "/first", "/second")
	a.sequences = l.sequences
	first := a.meter(at("1", "/first"))
	return foreseeing{a, map[*meter]*metered{first: {meter: first, want: [2]int{exchange.Live: 1}}}}
}

// ordered is how many requests to /second are ordered, and what they count for the address.
func (f foreseeing) ordered(now time.Time) (account, address int) {
	o := &order{}
	f.foresee(o, f.asked, now)
	second := f.meter(at("1", "/second"))
	if line := f.asked[second]; line != nil {
		account = line.want[exchange.Live]
	}
	delete(f.asked, second)
	return account, o.want[exchange.Live]
}

func TestNothingIsForeseenAtTheExpenseOfOthers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		change func(f foreseeing, first, second *meter)
		want   int
	}{
		"it follows": {func(foreseeing, *meter, *meter) {}, 1},
		"others wait for the address": {func(f foreseeing, _, _ *meter) {
			f.slot[exchange.Live] = now.Add(time.Millisecond)
		}, 0},
		"the address has nothing": {func(f foreseeing, _, _ *meter) {
			f.next[exchange.Live] = now.Add(time.Millisecond)
		}, 0},
		"its first turn is far": {func(_ foreseeing, first, _ *meter) { first.slot = now.Add(time.Second) }, 0},
		"its first is leased":   {func(_ foreseeing, first, _ *meter) { first.tokens = tokens{{until: now.Add(time.Second)}} }, 0},
		"it is leased":          {func(_ foreseeing, _, second *meter) { second.tokens = tokens{{until: now.Add(time.Second)}} }, 0},
		"what was leased is too old": {func(_ foreseeing, _, second *meter) {
			second.tokens = tokens{{until: now.Add(-time.Second)}}
		}, 1},
		"it is held back":    {func(_ foreseeing, _, second *meter) { second.held = now.Add(time.Second) }, 0},
		"its turn is far":    {func(_ foreseeing, _, second *meter) { second.slot = now.Add(time.Second) }, 0},
		"backfill asks":      {func(f foreseeing, first, _ *meter) { f.asked[first].want = [2]int{exchange.Backfill: 1} }, 0},
		"nobody asks for it": {func(f foreseeing, first, _ *meter) { f.asked[first].want = [2]int{} }, 0},
	} {
		f := newForeseeing(t)
		c.change(f, f.meter(at("1", "/first")), f.meter(at("1", "/second")))
		account, address := f.ordered(now)
		require.Equal(t, c.want, account, name)
		require.Equal(t, c.want, address, name)
	}

	f := newForeseeing(t)
	o := &order{want: [2]int{exchange.Live: mostLive}}
	f.foresee(o, f.asked, now)
	require.Len(t, f.asked, 1, "a lease is not larger for it")
}

// Of a job that reads two endpoints both are leased at once. What is foreseen counts as
// sent later than it will be: who sends it when the first has been answered has nothing
// to correct in a hurry.
func TestWhatFollowsIsLeasedTogetherWithWhatItFollows(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 10000})
	leases := func(uid, endpoint string) int64 {
		before := p.Leases()
		require.NoError(t, p.Take(t.Context(), at(uid, endpoint)))
		return p.Leases() - before
	}
	require.Positive(t, leases("first", "/first"))
	require.Positive(t, leases("first", "/second"), "nobody knows yet")
	second := func(uid string) (found meter) {
		a := p.address(at(uid, "/second"))
		a.mu.Lock()
		defer a.mu.Unlock()
		found = *a.meter(at(uid, "/second"))
		found.tokens, found.moves = slices.Clone(found.tokens), slices.Clone(found.moves)
		return found
	}
	for n, until := 0, time.Now().Add(patience); ; n++ { // two requests may be far from each other on a busy machine
		require.True(t, time.Now().Before(until), "the second is never leased with the first")
		uid := fmt.Sprint("account-", n)
		once := leases(uid, "/first") == 1
		leased := second(uid)
		if leases(uid, "/second") == 0 && once {
			require.NotEmpty(t, leased.tokens)
			for _, one := range leased.tokens {
				require.Zero(t, one.slot, "it is for whenever it is needed")
			}
			require.Len(t, leased.moves, 1, "what counts as sent at once is given back")
			require.Zero(t, second(uid).urgent)
			return
		}
	}
}

// A backfill's pages teach nothing about live requests.
func TestBackfillTeachesNothing(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pgtest.New(t), Config{RequestsPerSecond: 10000})
	ctx := exchange.WithPriority(t.Context(), exchange.Backfill)
	for n := range 2 * fewestAsked {
		for _, endpoint := range []string{"/first", "/second"} {
			require.NoError(t, p.Take(ctx, at(fmt.Sprint("account-", n), endpoint)))
		}
	}
	a := p.address(at("", ""))
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Empty(t, a.sequences.by)
}
