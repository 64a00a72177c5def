package exchange

import (
	"context"
	"time"
)

// Limit is how many requests an exchange allows within any span of Window, as
// it publishes it. The zero Limit: it publishes none.
type Limit struct {
	Requests int
	Window   time.Duration
}

// Use names who pays for a request: limits are counted per address of ours
// against a venue, and per UID and endpoint. The adapter, which knows the
// limits, fills it in.
type Use struct {
	Host string
	// Venue names the hosts whose requests the exchange counts together for an
	// address; empty: Host alone.
	Venue string
	UID   string // empty for public data and before the first probe
	// Endpoint is what the exchange counts by: a path or a group of them.
	Endpoint string
	// PerAddress and PerUID are the published limits. A budget takes a careful
	// size of its own where they are zero.
	PerAddress, PerUID Limit
}

// Budget decides when a request may be sent. One budget serves every caller
// of a process; a fleet of processes behind one address shares one too, by
// another implementation of this interface.
//
// Take waits its turn and returns nil when the request may be sent at once.
// What it cannot grant soon it refuses at once with an *Error of class
// RateLimited or Banned that says in RetryAt when to come back, so that no
// worker sleeps in a slot. It returns ctx.Err() if ctx ends first. A granted
// turn that is not used is lost, not returned. The context may carry a
// Priority.
//
// Report tells the budget that the exchange answered RateLimited or Banned.
// Other classes are ignored.
type Budget interface {
	Take(ctx context.Context, use Use) error
	Report(use Use, fault *Error)
}

// Allowance is what an exchange said, with an answer, about the limit that the
// request was counted under.
type Allowance struct {
	// Limit is the limit's size in requests, Remaining what was left of it.
	Limit, Remaining int
	// Sent is when the request went out, At when the exchange counted it, both by
	// our clock; At is as exact as the exchange tells.
	Sent, At time.Time
}

// Learner is a Budget that heeds what the exchange says about its limits.
// Learn does not block.
type Learner interface {
	Learn(use Use, said Allowance)
}
