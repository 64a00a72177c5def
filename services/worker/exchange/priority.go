package exchange

import "context"

// Priority says whose request goes first where a budget is short.
type Priority int

// Live requests go before all others; backfill takes what they leave.
const (
	Live Priority = iota
	Backfill
)

type priorityKey struct{}

// WithPriority returns a context whose requests have that priority. Without one
// they are Live.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

// PriorityOf is the priority of the context's requests.
func PriorityOf(ctx context.Context) Priority {
	if ctx.Value(priorityKey{}) == Backfill {
		return Backfill
	}
	return Live
}
