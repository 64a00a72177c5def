package budget

import (
	"slices"
	"time"
)

// token is one request that was leased and not yet sent.
type token struct {
	// at is when it may be sent, until when it must have been.
	at, until time.Time
	// charge is the moment, by the database, at which the lease counts it as
	// sent. It is no earlier than start plus the time since it by our clock.
	charge int64
	start  time.Time
	// slot is the time it was given for; zero: a spare one, for whenever.
	slot time.Time
}

// tokens are leased requests of an address, or of an account and endpoint.
type tokens []token

// usable is the index of the token to use now, the one that ends first; -1 if
// there is none.
func (t tokens) usable(now time.Time) int {
	found := -1
	for i, one := range t {
		if now.Before(one.at) || !now.Before(one.until) {
			continue
		}
		if found < 0 || one.until.Before(t[found].until) {
			found = i
		}
	}
	return found
}

// take removes the token at an index.
func (t *tokens) take(i int) token {
	taken := (*t)[i]
	*t = slices.Delete(*t, i, i+1)
	return taken
}

// expire removes the tokens that were not used in time.
func (t *tokens) expire(now time.Time) tokens {
	var ended tokens
	*t = slices.DeleteFunc(*t, func(one token) bool {
		if now.Before(one.until) {
			return false
		}
		ended = append(ended, one)
		return true
	})
	return ended
}

// next is the earliest time after now at which a token becomes usable or ends.
func (t tokens) next(now time.Time) time.Time {
	var next time.Time
	for _, one := range t {
		if now.Before(one.at) {
			next = earlier(next, one.at)
		}
	}
	return next
}

// earlier of two times; the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
