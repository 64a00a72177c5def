package exchangesim

import (
	"errors"
	"fmt"
	"time"
)

// Truth is all that the exchange would show of an account at an instant, in
// the wire's own rows: comparing with it is comparing with what a request
// answered at that millisecond saw.
type Truth struct {
	At   time.Time `json:"at"`
	Time int64     `json:"time"` // the same as the envelope's time
	UID  string    `json:"uid"`
	// Account and Key are account/info and user/query-api; Key has no apiKey.
	Account AccountInfo `json:"account"`
	Key     KeyInfo     `json:"key"`
	Revoked bool        `json:"revoked"`
	// Wallet is the row of wallet-balance of the first wallet that the account
	// has (UNIFIED, but of a classic account CONTRACT); Balances its coins.
	Wallet   WalletRow `json:"wallet"`
	Balances []CoinRow `json:"balances"`
	// Wallets are all rows of wallet-balance by accountType, Fund the rows of
	// the FUND wallet.
	Wallets map[string]WalletRow `json:"wallets"`
	Fund    []FundRow            `json:"fund"`
	// Positions, by scope: linear:USDT, linear:USDC, inverse, option.
	Positions map[string][]PositionRow `json:"positions"`
	// OpenOrders, by scope: spot and those of Positions.
	OpenOrders map[string][]OrderRow `json:"open_orders"`
	// Orders, by category: every order that was created or changed in the span
	// asked for, open or ended, whether or not order/history still shows it.
	Orders map[string][]OrderRow `json:"orders"`
	// History, by category: those of Orders that ended in that span and that
	// order/history still knows.
	History map[string][]OrderRow `json:"history"`
	Prices  Prices                `json:"prices"`
}

// Prices is all tickers by category.
type Prices map[string][]any

// usualSpan is how far back Truth looks for orders unless asked otherwise;
// maxSpan the most.
const (
	usualSpan = 7 * 24 * time.Hour
	maxSpan   = 730 * 24 * time.Hour
)

var (
	// ErrUnknownUID: no account of this world has the UID.
	ErrUnknownUID = errors.New("no account has this UID")
	// ErrFuture: the instant has not come yet, so changes may still decide it.
	ErrFuture = errors.New("the instant lies in the future")
	// ErrBeforeEpoch: the world did not exist yet.
	ErrBeforeEpoch = errors.New("the instant lies before the world's epoch")
)

// Truth answers for the last seven days of orders; see TruthSince.
func (x *Exchange) Truth(uid string, at time.Time) (*Truth, error) {
	return x.TruthSince(uid, at, usualSpan)
}

// TruthSince gives the truth about an account at an instant (the zero time: now)
// with the orders that changed in the span before it. The instant counts as
// shown: a change made afterwards is dated after it.
func (x *Exchange) TruthSince(uid string, at time.Time, span time.Duration) (*Truth, error) {
	index, err := x.indexOfUID(uid)
	if err != nil {
		return nil, fmt.Errorf("truth: %w", err)
	}
	if span <= 0 || span > maxSpan {
		return nil, fmt.Errorf("truth: the span of orders must be above zero and at most %s, not %s", maxSpan, span)
	}
	ms, err := x.past(at)
	if err != nil {
		return nil, fmt.Errorf("truth: %w", err)
	}
	v := x.view(index, ms)
	owner := x.profile(index, v.past, ms)
	t := &Truth{
		At: time.UnixMilli(ms).UTC(), Time: ms, UID: owner.uid, Account: x.accountInfo(v.acc, owner),
		Key: x.keyInfo(index, owner, "", ms), Revoked: owner.revoked,
		Wallets: map[string]WalletRow{}, Fund: v.fundRows(nil),
		Positions: map[string][]PositionRow{}, OpenOrders: map[string][]OrderRow{},
		Orders: map[string][]OrderRow{}, History: map[string][]OrderRow{}, Prices: x.world.prices(ms),
	}
	for _, kind := range owner.wallets() {
		t.Wallets[kind] = v.walletRow(kind, owner, nil)
	}
	t.Wallet = t.Wallets[owner.wallets()[0]]
	t.Balances = t.Wallet.Coin
	t.addPositions(v)
	t.addOrders(x, v, ms-span.Milliseconds())
	return t, nil
}

// Prices gives all tickers at an instant (the zero time: now).
func (x *Exchange) Prices(at time.Time) (Prices, int64, error) {
	ms, err := x.past(at)
	if err != nil {
		return nil, 0, fmt.Errorf("prices: %w", err)
	}
	return x.world.prices(ms), ms, nil
}

// past checks that an instant is decided.
func (x *Exchange) past(at time.Time) (int64, error) {
	now := x.clock.show()
	if at.IsZero() {
		return now, nil
	}
	ms := at.UnixMilli()
	switch {
	case ms > now:
		return 0, fmt.Errorf("%w: %s, and it is %s here", ErrFuture, at.UTC().Format(time.RFC3339Nano), time.UnixMilli(now).UTC().Format(time.RFC3339Nano))
	case ms < x.world.epoch:
		return 0, fmt.Errorf("%w: %s", ErrBeforeEpoch, at.UTC().Format(time.RFC3339Nano))
	}
	return ms, nil
}

func (t *Truth) addPositions(v *view) {
	for _, scope := range v.market.positionScopes() {
		t.Positions[scope] = []PositionRow{}
		for _, p := range v.positions(scope) {
			t.Positions[scope] = append(t.Positions[scope], v.positionRow(p))
		}
	}
}

func (t *Truth) addOrders(x *Exchange, v *view, from int64) {
	for _, category := range allCategories() {
		t.Orders[category], t.History[category] = []OrderRow{}, []OrderRow{}
	}
	for _, scope := range v.market.orderScopes() {
		category := categoryOf(scope)
		t.OpenOrders[scope] = []OrderRow{}
		// An order that ends after the frame is still open, even if a span
		// shorter than a tick begins after its end.
		for _, s := range v.alive(scope, min(from, v.frame), v.at) {
			row := v.orderRow(v.order(s))
			if !s.ended() {
				t.OpenOrders[scope] = append(t.OpenOrders[scope], row)
			}
			if s.updated < from {
				continue
			}
			t.Orders[category] = append(t.Orders[category], row)
			if s.ended() && x.retained(s, v.at) {
				t.History[category] = append(t.History[category], row)
			}
		}
	}
}

func (w *world) prices(at int64) Prices {
	all := Prices{}
	for _, category := range allCategories() {
		all[category] = []any{}
		for _, s := range w.market.instruments(category, at) {
			all[category] = append(all[category], s.ticker(w.frame(at)))
		}
	}
	return all
}
