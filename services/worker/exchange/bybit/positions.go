package bybit

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// positionPage is the most the exchange gives; its default of 20 has cost users
// their 21st position (ccxt#17340).
const positionPage = 200

type positionKey struct {
	Symbol text
	Idx    integer
}

func (r *positionKey) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "symbol":
		return &r.Symbol
	case "positionIdx":
		return &r.Idx
	default:
		return nil
	}
}

// positionRow is one position.
//
//	side                Buy is long, Sell short
//	size                size, never negative; USD contracts for inverse
//	entry_price         avgPrice
//	mark_price          markPrice
//	leverage            leverage; none under portfolio margin
//	liquidation_price   liqPrice; often none
//	unrealized_pnl      unrealisedPnl; in the settle asset
//	realized_pnl        curRealisedPnl: of the position held now, while
//	                    cumRealisedPnl counts since the first trade of the symbol
//	initial_margin      positionIM; none under portfolio margin
//	maintenance_margin  positionMM; none under portfolio margin
//	settle_asset        see settleAsset
type positionRow struct {
	Side          text
	Size          amount
	AvgPrice      amount
	MarkPrice     amount
	Leverage      amount
	LiqPrice      amount
	UnrealisedPnL amount
	RealisedPnL   amount
	PositionIM    amount
	PositionMM    amount
}

func (r *positionRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "side":
		return &r.Side
	case "size":
		return &r.Size
	case "avgPrice":
		return &r.AvgPrice
	case "markPrice":
		return &r.MarkPrice
	case "leverage":
		return &r.Leverage
	case "liqPrice":
		return &r.LiqPrice
	case "unrealisedPnl":
		return &r.UnrealisedPnL
	case "curRealisedPnl":
		return &r.RealisedPnL
	case "positionIM":
		return &r.PositionIM
	case "positionMM":
		return &r.PositionMM
	default:
		return nil
	}
}

// PositionScopes is linear for each settle coin, inverse, and option where the
// account can have any.
func (c *Client) PositionScopes() []exchange.Scope {
	scopes := append(c.linearScopes(), inverse)
	if c.mode.options() {
		scopes = append(scopes, option)
	}
	return scopes
}

func (c *Client) linearScopes() []exchange.Scope {
	var scopes []exchange.Scope
	for _, coin := range c.settleCoins {
		scopes = append(scopes, join(linear, coin))
	}
	return scopes
}

// Positions reads the open positions of a scope. Flat rows, which the exchange
// shows for some queries, are left out: a position that is not there is closed.
func (c *Client) Positions(ctx context.Context, scope exchange.Scope) exchange.Snapshot[exchange.Position] {
	w := newWalk[exchange.Position](c.session, nil)
	if fault := unserved(scope, c.PositionScopes()); fault != nil {
		return w.snapshot(scope, fault)
	}
	query := scopeQuery(scope)
	query.Set("limit", strconv.Itoa(positionPage))
	fault := w.run(ctx, positionList, c.session.pages(positionList, query), c.session.positionIn(scope))
	return w.snapshot(scope, fault)
}

// scopeQuery asks for a scope: linear needs its settle coin (without it the
// exchange answers with an error), the others are whole.
func scopeQuery(scope exchange.Scope) url.Values {
	category, coin := cut(scope)
	query := url.Values{"category": {category}}
	if coin != "" {
		query.Set("settleCoin", coin)
	}
	return query
}

func (s *session) positionIn(scope exchange.Scope) decode[exchange.Position] {
	return func(raw json.RawMessage) (*exchange.Position, *exchange.RowFault) { return s.position(raw, scope) }
}

func (s *session) position(raw json.RawMessage, scope exchange.Scope) (*exchange.Position, *exchange.RowFault) {
	got, fault := decodeRow[positionKey, positionRow](s, raw)
	if fault != nil {
		return nil, fault
	}
	if got.key.Symbol == "" || !got.key.Idx.sent {
		return nil, s.rowFault(raw, "", "the row lacks its symbol or positionIdx")
	}
	category, _ := cut(scope)
	position := exchange.Position{Category: category, Symbol: string(got.key.Symbol), PositionIdx: int(got.key.Idx.value)}
	if fault := got.unread(s, raw, position.Key()); fault != nil {
		return nil, fault
	}
	if isZero(string(got.row.Size)) {
		return nil, nil
	}
	side := positionSide(got.row.Side)
	if side == "" {
		return nil, s.rowFault(raw, position.Key(), "a position of size "+strconv.Quote(string(got.row.Size))+" is neither Buy nor Sell but "+strconv.Quote(string(got.row.Side)))
	}
	position.Side = side
	position.SettleAsset = settleAsset(scope, position.Symbol)
	got.row.fill(&position)
	return &position, nil
}

func (r positionRow) fill(p *exchange.Position) {
	p.Size = r.Size.number()
	p.EntryPrice = r.AvgPrice.number()
	p.MarkPrice = r.MarkPrice.number()
	p.Leverage = r.Leverage.number()
	p.LiquidationPrice = r.LiqPrice.number()
	p.UnrealizedPnL = r.UnrealisedPnL.number()
	p.RealizedPnL = r.RealisedPnL.number()
	p.InitialMargin = r.PositionIM.number()
	p.MaintenanceMargin = r.PositionMM.number()
}

// positionSide has no default: an empty side taken for short has cost money
// elsewhere (ccxt PR#16424).
func positionSide(side text) string {
	switch side {
	case "Buy":
		return "long"
	case "Sell":
		return "short"
	default:
		return ""
	}
}

// settleAsset is the scope's coin for linear. The exchange does not name it for
// the others: an inverse contract settles in its base coin, which is what comes
// before USD in its symbol (BTCUSD, BTCUSDH26); an option in USDT if its symbol
// ends so (BTC-27MAR26-70000-P-USDT), and without such an ending in USDC. A
// symbol of another form gives "".
func settleAsset(scope exchange.Scope, symbol string) string {
	category, coin := cut(scope)
	switch category {
	case inverse:
		return inverseBase(symbol)
	case option:
		return optionSettle(symbol)
	default:
		return coin
	}
}

func inverseBase(symbol string) string {
	if n := len(symbol) - 3; n > 0 && digits(symbol[n+1:]) && symbol[n] >= 'A' && symbol[n] <= 'Z' {
		symbol = symbol[:n]
	}
	base, found := strings.CutSuffix(symbol, "USD")
	if !found {
		return ""
	}
	return base
}

func optionSettle(symbol string) string {
	parts := strings.Split(symbol, "-")
	switch len(parts) {
	case 4:
		return "USDC"
	case 5:
		return parts[4]
	default:
		return ""
	}
}
