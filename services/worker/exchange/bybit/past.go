package bybit

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

const (
	// maxWindow is the longest span of one query of most histories.
	maxWindow = 7 * 24 * time.Hour
	// historyDepth is how far back the exchange serves orders, executions,
	// closed profit and loss and the transaction log.
	historyDepth = 730 * 24 * time.Hour
	// historyLag: orders and executions are written asynchronously and "may
	// delay"; the documentation gives no bound.
	historyLag = 10 * time.Minute
)

// past reads one window of one scope of a history.
type past[T exchange.Keyed] struct {
	endpoint endpoint
	// queries are walked one after another. Each names window and page size, and
	// what else the endpoint asks for.
	queries []url.Values
	read    decode[T]
	newer   func(candidate, kept T) bool
}

// snapshot asks for the window if the histories serve the scope and allow it.
func (p past[T]) snapshot(ctx context.Context, s *session, histories []exchange.History, scope exchange.Scope, window exchange.Window) exchange.Snapshot[T] {
	w := newWalk(s, p.newer)
	w.most = maxWindowPages
	fault := unserved(scope, scopesOf(histories))
	if fault == nil {
		fault = checkWindow(window, longest(histories, scope))
	}
	for _, query := range p.queries {
		if fault == nil {
			fault = w.run(ctx, p.endpoint, s.pages(p.endpoint, query), p.read)
		}
	}
	if fault == nil && w.dropped { // those rows are nowhere, so the window is not read
		fault = incomplete(p.endpoint, fmt.Sprintf("more than %d bytes of rows were not understood", maxFaultPayloads))
	}
	return w.snapshot(scope, fault)
}

// histories of the usual window, depth and lag.
func histories(scopes ...exchange.Scope) []exchange.History {
	found := make([]exchange.History, len(scopes))
	for i, scope := range scopes {
		found[i] = exchange.History{Scope: scope, Window: maxWindow, Depth: historyDepth, Lag: historyLag}
	}
	return found
}

// scopesOf gives the scopes of histories.
func scopesOf(histories []exchange.History) []exchange.Scope {
	scopes := make([]exchange.Scope, len(histories))
	for i, h := range histories {
		scopes[i] = h.Scope
	}
	return scopes
}

func longest(histories []exchange.History, scope exchange.Scope) time.Duration {
	for _, h := range histories {
		if h.Scope == scope {
			return h.Window
		}
	}
	return 0
}

func checkWindow(window exchange.Window, longest time.Duration) *exchange.Error {
	if span := window.To.Sub(window.From); span > 0 && span <= longest {
		return nil
	}
	return &exchange.Error{
		Class:   exchange.BadRequest,
		Message: fmt.Sprintf("the window from %s to %s is empty or longer than %s; cut it with Window.Split", window.From.UTC().Format(time.RFC3339), window.To.UTC().Format(time.RFC3339), longest),
	}
}

// windowQuery asks for a window by its bounds in milliseconds. Both are always
// sent, since each one's default has changed before.
//
// Whether the exchange's own bounds are inclusive is not documented; both are
// taken to be, as other clients do. Start is sent as it is, end as the last
// millisecond before To.
func windowQuery(window exchange.Window, limit int) url.Values {
	return url.Values{
		"startTime": {strconv.FormatInt(window.From.UnixMilli(), 10)},
		"endTime":   {strconv.FormatInt(lastInstant(window).UnixMilli(), 10)},
		"limit":     {strconv.Itoa(limit)},
	}
}

// lastInstant is the nanosecond before To: it makes a whole millisecond the one
// before it and leaves a broken one as it is.
func lastInstant(window exchange.Window) time.Time { return window.To.Add(-time.Nanosecond) }

// categoryQuery asks for a window of a category.
func categoryQuery(category string, window exchange.Window, limit int) url.Values {
	query := windowQuery(window, limit)
	query.Set("category", category)
	return query
}
