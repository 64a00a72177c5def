package bybit

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

type tickerKey struct {
	Symbol text
}

func (r *tickerKey) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "symbol":
		return &r.Symbol
	default:
		return nil
	}
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
	Last        amount
	Bid         amount
	Ask         amount
	Mark        amount
	Index       amount
	Volume24h   amount
	FundingRate amount
}

func (r *tickerRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "lastPrice":
		return &r.Last
	case "bid1Price":
		return &r.Bid
	case "ask1Price":
		return &r.Ask
	case "markPrice":
		return &r.Mark
	case "indexPrice":
		return &r.Index
	case "volume24h":
		return &r.Volume24h
	case "fundingRate":
		return &r.FundingRate
	default:
		return nil
	}
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
	got, fault := decodeRow[tickerKey, tickerRow](s, raw)
	if fault != nil {
		return nil, fault
	}
	if got.key.Symbol == "" {
		return nil, s.rowFault(raw, "", "the row names no symbol")
	}
	price := exchange.Price{Category: category, Symbol: string(got.key.Symbol)}
	if fault := got.unread(s, raw, price.Key()); fault != nil {
		return nil, fault
	}
	price.Last = got.row.Last.number()
	price.Bid = got.row.Bid.number()
	price.Ask = got.row.Ask.number()
	price.Mark = got.row.Mark.number()
	price.Index = got.row.Index.number()
	price.Volume24h = got.row.Volume24h.number()
	price.FundingRate = got.row.FundingRate.number()
	return &price, nil
}
