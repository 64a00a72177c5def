package bybit

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

type tickerKey struct {
	Symbol text `json:"symbol"`
}

// tickerRow is one ticker.
//
//	last          lastPrice
//	bid, ask      bid1Price, ask1Price; options show "0" for an empty side
//	mark, index   markPrice, indexPrice; spot has neither. usdIndexPrice of spot
//	              is the base coin's price in USD, not the symbol's, and not used
//	volume_24h    volume24h; in base coin, for inverse in USD
//	funding_rate  fundingRate; perpetuals only
type tickerRow struct {
	Last        amount `json:"lastPrice"`
	Bid         amount `json:"bid1Price"`
	Ask         amount `json:"ask1Price"`
	Mark        amount `json:"markPrice"`
	Index       amount `json:"indexPrice"`
	Volume24h   amount `json:"volume24h"`
	FundingRate amount `json:"fundingRate"`
}

// PriceScopes is spot, linear, inverse, and option for each base coin.
func (m *Market) PriceScopes() []exchange.Scope { return m.marketScopes() }

func (m *Market) marketScopes() []exchange.Scope {
	scopes := []exchange.Scope{spot, linear, inverse}
	for _, base := range m.optionBases {
		scopes = append(scopes, join(option, base))
	}
	return scopes
}

// Prices reads all tickers of a scope, which come in one answer. A ticker has
// no time of its own.
func (m *Market) Prices(ctx context.Context, scope exchange.Scope) exchange.Snapshot[exchange.Price] {
	w := newWalk[exchange.Price](m.session, nil)
	if fault := unserved(scope, m.PriceScopes()); fault != nil {
		return w.snapshot(scope, fault)
	}
	category, base := cut(scope)
	query := url.Values{"category": {category}}
	if base != "" {
		query.Set("baseCoin", base)
	}
	fault := w.run(ctx, tickers, m.session.pages(tickers, query), m.session.priceIn(category))
	return w.snapshot(scope, fault)
}

func (s *session) priceIn(category string) decode[exchange.Price] {
	return func(raw json.RawMessage) (*exchange.Price, *exchange.RowFault) { return s.price(raw, category) }
}

func (s *session) price(raw json.RawMessage, category string) (*exchange.Price, *exchange.RowFault) {
	key, fault := decodeKey[tickerKey](s, raw)
	if fault != nil {
		return nil, fault
	}
	if key.Symbol == "" {
		return nil, s.rowFault(raw, "", "the row names no symbol")
	}
	price := exchange.Price{Category: category, Symbol: string(key.Symbol)}
	row, fault := decodeRow[tickerRow](s, raw, price.Key())
	if fault != nil {
		return nil, fault
	}
	price.Last = row.Last.number()
	price.Bid = row.Bid.number()
	price.Ask = row.Ask.number()
	price.Mark = row.Mark.number()
	price.Index = row.Index.number()
	price.Volume24h = row.Volume24h.number()
	price.FundingRate = row.FundingRate.number()
	return &price, nil
}
