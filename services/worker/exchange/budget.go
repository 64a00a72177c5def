package exchange

import "context"

// Use names who pays for a request: limits are counted per address of ours
// against the host, and per UID and endpoint.
type Use struct {
	Host     string
	UID      string // empty for public data and before the first probe
	Endpoint string
}

// Budget decides when a request may be sent. One budget serves every caller
// of a process; a fleet of processes behind one address shares one too, by
// another implementation of this interface.
//
// Take waits its turn and returns nil when the request may be sent at once.
// What it cannot grant soon it refuses at once with an *Error of class
// RateLimited or Banned that says in RetryAt when to come back, so that no
// worker sleeps in a slot. It returns ctx.Err() if ctx ends first. A granted
// turn that is not used is lost, not returned.
//
// Report tells the budget that the exchange answered RateLimited or Banned.
// Other classes are ignored.
type Budget interface {
	Take(ctx context.Context, use Use) error
	Report(use Use, fault *Error)
}
