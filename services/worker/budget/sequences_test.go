package budget

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// at is a request of an account to an endpoint.
func at(uid, endpoint string) exchange.Use {
	u := use(uid)
	u.Endpoint = endpoint
	return u
}

// pairs lets accounts ask for /first and, so much later, for second.
func (s *sequences) pairs(accounts int, now time.Time, second string, later time.Duration) time.Time {
	for i := range accounts {
		uid := fmt.Sprint(i, now.UnixNano())
		s.note(at(uid, "/first"), now)
		s.note(at(uid, second), now.Add(later))
		now = now.Add(time.Second)
	}
	s.forget(now)
	return now
}

func TestWhatAlwaysFollowsIsForeseen(t *testing.T) {
	t.Parallel()
	follows := func(s *sequences) string {
		use, sure := s.after(meterName{"anybody", "/first"})
		if !sure {
			return ""
		}
		require.Equal(t, "anybody", use.UID)
		require.Equal(t, 50, use.PerUID.Requests)
		return use.Endpoint
	}
	start := time.Now()

	s := newSequences()
	now := s.pairs(2, start, "/second", time.Millisecond)
	require.Empty(t, follows(&s), "twice may be chance")
	now = s.pairs(1, now, "/second", time.Millisecond)
	require.Equal(t, "/second", follows(&s))
	now = s.pairs(1, now, "/other", time.Millisecond)
	require.Empty(t, follows(&s), "something else came")
	now = s.pairs(20, now, "/second", time.Millisecond)
	now = s.pairs(3, now, "/second", followsWithin+1)
	require.Equal(t, "/second", follows(&s))
	s.pairs(1, now, "/second", followsWithin+1)
	require.Empty(t, follows(&s), "what comes later than a lease is good for")

	s = newSequences()
	s.pairs(9, start, "/second", followsWithin+1)
	require.Empty(t, follows(&s))
	s.pairs(9, start, "/first", time.Millisecond)
	require.Empty(t, follows(&s), "a page is followed by the next one")
	require.Empty(t, s.last, "nobody is remembered for long")

	s = newSequences()
	now = s.pairs(3, start, "/second", time.Millisecond)
	s.note(at("alone", "/first"), now)
	s.forget(now.Add(followsWithin + 1))
	require.Empty(t, follows(&s), "nothing came")
}

// Of a job that reads two endpoints, both are leased at once, and only where nothing is
// leased already.
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
	n := 0
	require.Eventually(t, func() bool { // two requests may be far from each other on a busy machine
		n++
		uid := fmt.Sprint("account-", n)
		return leases(uid, "/first") == 1 && leases(uid, "/second") == 0
	}, patience, time.Millisecond)
	require.Greater(t, n, 1)
}
