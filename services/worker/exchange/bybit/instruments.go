package bybit

import (
	"context"
	"net/url"
	"strconv"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// instrumentPage is the most the exchange gives; its default is 500, and linear
// has more.
const instrumentPage = 1000

// InstrumentScopes is spot, linear, inverse, and option for each base coin.
func (m *Market) InstrumentScopes() []exchange.Scope { return m.marketScopes() }

// Instruments reads what a scope lists. Of linear and inverse the exchange shows
// by default what trades only, so what is announced and what is being delivered
// is asked for by its status. The order of the queries is that of an
// instrument's life: one that moves on meanwhile is met later, not missed.
func (m *Market) Instruments(ctx context.Context, scope exchange.Scope) exchange.Snapshot[exchange.Instrument] {
	w := newWalk[exchange.Instrument](m.session, nil)
	fault := unserved(scope, m.InstrumentScopes())
	for _, query := range instrumentQueries(scope) {
		if fault != nil {
			break
		}
		category, _ := cut(scope)
		fault = w.run(ctx, instrumentsInfo, m.session.pages(instrumentsInfo, query), m.session.instrumentIn(category))
	}
	return w.snapshot(scope, fault)
}

func instrumentQueries(scope exchange.Scope) []url.Values {
	category, base := cut(scope)
	query := url.Values{"category": {category}}
	switch category {
	case spot: // one answer, which cannot be paged
		return []url.Values{query}
	case option:
		query.Set("baseCoin", base)
		query.Set("limit", strconv.Itoa(instrumentPage))
		return []url.Values{query}
	}
	var queries []url.Values
	for _, status := range []string{"PreLaunch", "Trading", "Delivering"} {
		queries = append(queries, url.Values{"category": {category}, "status": {status}, "limit": {strconv.Itoa(instrumentPage)}})
	}
	return queries
}
