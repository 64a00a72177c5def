package exchangetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// toy is a small adapter of a small exchange. As it is, it keeps the contract;
// each defect breaks one sentence of it.
type toy struct {
	hosts   *exchange.Hosts
	defects defects
}

type defects struct {
	losesLastPage, endsOnShortPage, endsBeforeNothing, walksInCircles, dropsRowsOnError bool
	repeatsRows, datesByLastPage                                                        bool
	floats, zeroForNone, passesAnything                                                 bool
	swallowsBadRows, endsOnBadRows, inventsKeys, losesKeys, cutsPayloads                bool
	skipsBeginning, includesEnd, roundsInwards, acceptsLongWindows                      bool
	hidesPermission, noRetryAt, showsSecrets, showsSecretsInRows, acceptsGarbage        bool
	ignoresContext, asksAnyway, leavesGoroutines                                        bool
	sharesRows, printsKey, retriesItself, paysNothing                                   bool
	servesAnyScope, unstableScopes, noWindow, acceptsAnyTarget                          bool
	noReparse, noClock, staysAfraid, withoutFills                                       bool
	namesNoScope, takesNothingForAFault, knowsNoKey                                     bool
}

func (y *toy) Account(target exchange.Target, credentials exchange.Credentials) (exchange.Prober, error) {
	c, err := y.connect(target, credentials)
	if err != nil {
		return nil, err
	}
	if c.key == "" && !y.defects.acceptsAnyTarget {
		return nil, errors.New("toy: no credentials")
	}
	account := &toyAccount{conn: c}
	switch {
	case y.defects.withoutFills:
		return struct {
			exchange.Prober
			exchange.BalanceReader
			exchange.Timekeeper
			exchange.Reparser
		}{account, account, account, account}, nil
	case y.defects.printsKey:
		return &talkative{toyAccount: account, Key: c.key}, nil
	default:
		return account, nil
	}
}

func (y *toy) Market(target exchange.Target) (exchange.PriceReader, error) {
	c, err := y.connect(target, exchange.Credentials{})
	return &toyMarket{conn: c}, err
}

func (y *toy) connect(target exchange.Target, credentials exchange.Credentials) (*toyConn, error) {
	host, found := strings.CutPrefix(target.BaseURL, "http://")
	if !found && !y.defects.acceptsAnyTarget {
		return nil, fmt.Errorf("toy: no exchange at %q", target.BaseURL)
	}
	shared, err := y.hosts.Get(host)
	return &toyConn{
		base: target.BaseURL, uid: target.UID, host: shared, defects: y.defects,
		key: credentials.Key(), secret: string(credentials.Secret()),
	}, err
}

// talkative shows what it holds.
type talkative struct {
	*toyAccount
	Key string
}

func (t *talkative) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, t.Key) }

type toyAccount struct {
	conn *toyConn
	mu   sync.Mutex
	kept []exchange.Fill // for defect sharesRows
}

func (a *toyAccount) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("toy account")) }

func (a *toyAccount) Clock() *exchange.Clock { return a.conn.clock() }

func (a *toyAccount) Probe(ctx context.Context) (exchange.KeyInfo, *exchange.Error) {
	_, fault := a.conn.get(ctx, Probe, "key", exchange.Window{}, "")
	if fault == nil && a.conn.defects.knowsNoKey {
		fault = &exchange.Error{Class: exchange.Decode, Message: "no key"}
	}
	return exchange.KeyInfo{}, fault
}

func (a *toyAccount) BalanceScopes() []exchange.Scope {
	if a.conn.defects.unstableScopes {
		return []exchange.Scope{exchange.Scope(fmt.Sprint("main", time.Now().UnixNano()))}
	}
	return []exchange.Scope{"main"}
}

func (a *toyAccount) Balances(ctx context.Context, scope exchange.Scope) exchange.Snapshot[exchange.Balance] {
	return walkToy(ctx, a.conn, Balances, scope, exchange.Window{}, scope == "main", toBalance)
}

func (a *toyAccount) FillHistories() []exchange.History {
	h := exchange.History{Scope: "spot", Window: 24 * time.Hour, Lag: time.Minute}
	if a.conn.defects.noWindow {
		h.Lag = -1
	}
	return []exchange.History{h}
}

func (a *toyAccount) Fills(ctx context.Context, scope exchange.Scope, window exchange.Window) exchange.Snapshot[exchange.Fill] {
	if span := window.To.Sub(window.From); (span <= 0 || span > 24*time.Hour) && !a.conn.defects.acceptsLongWindows {
		return exchange.Snapshot[exchange.Fill]{Scope: scope, Err: &exchange.Error{Class: exchange.BadRequest, Message: "a window of a day at most"}}
	}
	got := walkToy(ctx, a.conn, Fills, scope, window, scope == "spot", toFill)
	if a.conn.defects.sharesRows {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.kept = append(a.kept, got.Rows...)
		got.Rows = a.kept
	}
	return got
}

func (a *toyAccount) Reparse(dataType string, scope exchange.Scope, payload []byte) (exchange.Keyed, *exchange.RowFault) {
	switch dataType {
	case "balances":
		return reparseToy(a.conn, scope, payload, toBalance)
	case "fills":
		return reparseToy(a.conn, scope, payload, toFill)
	default:
		return nil, &exchange.RowFault{Reason: "no such type", Payload: payload}
	}
}

type toyMarket struct{ conn *toyConn }

func (m *toyMarket) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("toy market")) }

func (m *toyMarket) Clock() *exchange.Clock { return m.conn.clock() }

func (m *toyMarket) PriceScopes() []exchange.Scope { return []exchange.Scope{"spot"} }

func (m *toyMarket) Prices(ctx context.Context, scope exchange.Scope) exchange.Snapshot[exchange.Price] {
	return walkToy(ctx, m.conn, Prices, scope, exchange.Window{}, scope == "spot", toPrice)
}

func (m *toyMarket) Reparse(dataType string, scope exchange.Scope, payload []byte) (exchange.Keyed, *exchange.RowFault) {
	if dataType != "prices" {
		return nil, &exchange.RowFault{Reason: "no such type", Payload: payload}
	}
	return reparseToy(m.conn, scope, payload, toPrice)
}

// toyRow is a row of the toy exchange.
type toyRow struct {
	ID    string          `json:"id"`
	At    int64           `json:"at"`
	Value json.RawMessage `json:"value"`
}

func toBalance(scope exchange.Scope, row toyRow, value exchange.Number) exchange.Balance {
	return exchange.Balance{Wallet: string(scope), Asset: row.ID, Total: value}
}

func toFill(scope exchange.Scope, row toyRow, value exchange.Number) exchange.Fill {
	return exchange.Fill{Category: string(scope), ExecID: row.ID, Price: value, ExecutedAt: time.UnixMilli(row.At).UTC()}
}

func toPrice(scope exchange.Scope, row toyRow, value exchange.Number) exchange.Price {
	return exchange.Price{Category: string(scope), Symbol: row.ID, Last: value}
}
