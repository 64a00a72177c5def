package exchange

import (
	"context"
	"sync/atomic"
)

// Tally counts the requests that were sent for one piece of work, each try of
// a call and each page by itself.
type Tally struct{ requests atomic.Int64 }

type tallyKey struct{}

// WithTally returns a context whose calls are counted in the tally. The
// readings of the exchange's clock belong to no piece of work and are not.
func WithTally(ctx context.Context) (context.Context, *Tally) {
	tally := &Tally{}
	return context.WithValue(ctx, tallyKey{}, tally), tally
}

// Requests is the count so far.
func (t *Tally) Requests() int64 { return t.requests.Load() }

func countRequest(ctx context.Context) {
	if tally, ok := ctx.Value(tallyKey{}).(*Tally); ok {
		tally.requests.Add(1)
	}
}
