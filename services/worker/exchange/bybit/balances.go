package bybit

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/shopspring/decimal"
)

// unified is both the scope and the wallet of a unified trading account.
const unified = "unified"

// walletRow is one account of wallet-balance. The three totals tell the margin
// mode: the exchange sends them empty for isolated margin.
type walletRow struct {
	AccountType text              `json:"accountType"`
	Available   *amount           `json:"totalAvailableBalance"`
	Margin      *amount           `json:"totalMarginBalance"`
	Initial     *amount           `json:"totalInitialMargin"`
	Coins       []json.RawMessage `json:"coin"`
}

type coinKey struct {
	Coin text `json:"coin"`
}

// coinRow is one coin. Negative amounts are legal.
//
//	total      walletBalance, which since September 2025 is not reduced by
//	           spotBorrow: equity = walletBalance - spotBorrow + unrealised
//	locked     locked, by spot orders
//	borrowed   borrowAmount; spotBorrow is the part of it that stems from spot
//	           margin trading, and not added again
//	equity     equity
//	usd_value  usdValue
//	available  see available; availableToWithdraw and free are dead fields
type coinRow struct {
	Wallet     amount `json:"walletBalance"`
	Locked     amount `json:"locked"`
	Borrowed   amount `json:"borrowAmount"`
	Equity     amount `json:"equity"`
	USDValue   amount `json:"usdValue"`
	Bonus      amount `json:"bonus"`
	OrderIM    amount `json:"totalOrderIM"`
	PositionIM amount `json:"totalPositionIM"`
}

// BalanceScopes is the unified wallet alone.
func (c *Client) BalanceScopes() []exchange.Scope { return []exchange.Scope{unified} }

// Balances reads the wallet. Coins of which the account has nothing are not
// listed by the exchange. No account in the list is Incomplete, since it says
// nothing; an account without coins is an empty wallet.
func (c *Client) Balances(ctx context.Context, scope exchange.Scope) exchange.Snapshot[exchange.Balance] {
	w := newWalk[exchange.Balance](c.session, nil)
	fault := unserved(scope, c.BalanceScopes())
	if fault == nil {
		fault = c.readWallet(ctx, w)
	}
	return w.snapshot(scope, fault)
}

func (c *Client) readWallet(ctx context.Context, w *walk[exchange.Balance]) *exchange.Error {
	page, fault := c.session.pages(walletBalance, url.Values{"accountType": {"UNIFIED"}})(ctx, "")
	if fault != nil {
		return fault
	}
	if fault := w.stamp(page); fault != nil {
		return fault
	}
	wallet, fault := c.unifiedWallet(page)
	if fault != nil {
		return fault
	}
	isolated := sentEmpty(wallet.Available, wallet.Margin, wallet.Initial)
	w.add(wallet.Coins, func(raw json.RawMessage) (*exchange.Balance, *exchange.RowFault) {
		return c.session.balance(raw, isolated)
	})
	return nil
}

func (c *Client) unifiedWallet(p page) (walletRow, *exchange.Error) {
	for _, raw := range p.rows {
		var wallet walletRow
		if err := json.Unmarshal(raw, &wallet); err != nil {
			return walletRow{}, c.session.shapeFault(p.reply, err)
		}
		if wallet.AccountType != "UNIFIED" && wallet.AccountType != "" {
			continue
		}
		if wallet.Coins == nil {
			return walletRow{}, c.session.shapeFault(p.reply, errNoList)
		}
		return wallet, nil
	}
	return walletRow{}, incomplete(walletBalance, "the exchange answered without a unified wallet")
}

func (s *session) balance(raw json.RawMessage, isolated bool) (*exchange.Balance, *exchange.RowFault) {
	key, fault := decodeKey[coinKey](s, raw)
	if fault != nil {
		return nil, fault
	}
	if key.Coin == "" {
		return nil, s.rowFault(raw, "", "the row names no coin")
	}
	balance := exchange.Balance{Wallet: unified, Asset: string(key.Coin)}
	row, fault := decodeRow[coinRow](s, raw, balance.Key())
	if fault != nil {
		return nil, fault
	}
	balance.Total = row.Wallet.number()
	balance.Locked = row.Locked.number()
	balance.Borrowed = row.Borrowed.number()
	balance.Equity = row.Equity.number()
	balance.USDValue = row.USDValue.number()
	if isolated {
		balance.Available = available(row)
	}
	return &balance, nil
}

// available is what the documentation gives as a coin's free balance under
// isolated margin. Under cross and portfolio margin the exchange gives it for
// the account as a whole only, in USD, and so it is not given for any coin
// here. It is not given either if a term of the sum is missing.
func available(row coinRow) exchange.Number {
	rest, err := decimal.NewFromString(string(row.Wallet))
	if err != nil {
		return ""
	}
	for _, term := range []amount{row.PositionIM, row.OrderIM, row.Locked, row.Bonus} {
		value, err := decimal.NewFromString(string(term))
		if err != nil {
			return ""
		}
		rest = rest.Sub(value)
	}
	return exchange.Number(rest.String())
}

// sentEmpty reports whether each amount was sent, and sent empty.
func sentEmpty(amounts ...*amount) bool {
	for _, a := range amounts {
		if a == nil || *a != "" {
			return false
		}
	}
	return true
}
