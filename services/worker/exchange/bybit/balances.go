package bybit

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/shopspring/decimal"
)

// The wallets, which are scopes too. The classic account's third is spot.
const (
	unified  = "unified"
	contract = "contract"
	fund     = "fund"
)

// walletRow is one account of wallet-balance. The three totals tell the margin
// mode: the exchange sends them empty for isolated margin.
type walletRow struct {
	AccountType text
	Available   optional
	Margin      optional
	Initial     optional
	Coins       values
}

func (r *walletRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "accountType":
		return &r.AccountType
	case "totalAvailableBalance":
		return &r.Available
	case "totalMarginBalance":
		return &r.Margin
	case "totalInitialMargin":
		return &r.Initial
	case "coin":
		return &r.Coins
	default:
		return nil
	}
}

type coinKey struct {
	Coin text
}

func (r *coinKey) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "coin":
		return &r.Coin
	default:
		return nil
	}
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
//	available  see available; in the contract wallet availableToWithdraw, in the
//	           classic spot wallet free, which are dead fields in the unified one
type coinRow struct {
	Wallet       amount
	Locked       amount
	Borrowed     amount
	Equity       amount
	USDValue     amount
	Bonus        amount
	OrderIM      amount
	PositionIM   amount
	Withdrawable amount
	Free         amount
}

func (r *coinRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "walletBalance":
		return &r.Wallet
	case "locked":
		return &r.Locked
	case "borrowAmount":
		return &r.Borrowed
	case "equity":
		return &r.Equity
	case "usdValue":
		return &r.USDValue
	case "bonus":
		return &r.Bonus
	case "totalOrderIM":
		return &r.OrderIM
	case "totalPositionIM":
		return &r.PositionIM
	case "availableToWithdraw":
		return &r.Withdrawable
	case "free":
		return &r.Free
	default:
		return nil
	}
}

// BalanceScopes is the wallets that an account in this mode has. The funding
// wallet is always one of them: where it may not be read, its scope says why.
func (c *Client) BalanceScopes() []exchange.Scope { return c.mode.wallets() }

// Balances reads one wallet. Coins of which the account has nothing are not
// listed by the exchange, or left out here. No account in the list is
// Incomplete, since it says nothing; an account without coins is an empty
// wallet.
func (c *Client) Balances(ctx context.Context, scope exchange.Scope) exchange.Snapshot[exchange.Balance] {
	w := newWalk[exchange.Balance](c.session, nil)
	fault := unserved(scope, c.BalanceScopes())
	switch {
	case fault != nil:
	case scope == fund:
		fault = c.readFund(ctx, w)
	default:
		fault = c.readWallet(ctx, w, string(scope))
	}
	return w.snapshot(scope, fault)
}

func (c *Client) readWallet(ctx context.Context, w *walk[exchange.Balance], wallet string) *exchange.Error {
	accountType := accountTypeOf(wallet)
	page, fault := c.session.pages(walletBalance, url.Values{"accountType": {accountType}})(ctx, "")
	if fault != nil {
		return fault
	}
	if fault := w.stamp(page); fault != nil {
		return fault
	}
	row, fault := c.walletOf(page, accountType)
	if fault != nil {
		return fault
	}
	isolated := wallet == unified && sentEmpty(row.Available, row.Margin, row.Initial)
	w.add(row.Coins, c.session.balanceIn(wallet, isolated))
	return nil
}

// accountTypeOf is the exchange's word for a wallet.
func accountTypeOf(wallet string) string {
	switch wallet {
	case contract:
		return "CONTRACT"
	case spot:
		return "SPOT"
	default:
		return "UNIFIED"
	}
}

func (c *Client) walletOf(p page, accountType string) (walletRow, *exchange.Error) {
	for _, raw := range p.rows {
		var wallet walletRow
		if err := read(raw, &wallet); err != nil {
			return walletRow{}, c.session.shapeFault(p.reply, err)
		}
		if wallet.AccountType != text(accountType) && wallet.AccountType != "" {
			continue
		}
		if wallet.Coins == nil {
			return walletRow{}, c.session.shapeFault(p.reply, errNoList)
		}
		return wallet, nil
	}
	return walletRow{}, incomplete(walletBalance, "the exchange answered without the "+accountType+" wallet that it was asked for")
}

// balanceIn reads a coin of a wallet other than the funding wallet.
func (s *session) balanceIn(wallet string, isolated bool) decode[exchange.Balance] {
	return func(raw json.RawMessage) (*exchange.Balance, *exchange.RowFault) {
		got, fault := decodeRow[coinKey, coinRow](s, raw)
		if fault != nil {
			return nil, fault
		}
		balance, fault := s.coinOf(wallet, got.key, raw)
		if fault != nil {
			return nil, fault
		}
		if fault := got.unread(s, raw, balance.Key()); fault != nil {
			return nil, fault
		}
		got.row.fill(balance)
		if isolated {
			balance.Available = available(got.row)
		}
		return balance, nil
	}
}

// coinOf begins the balance of a row's coin.
func (s *session) coinOf(wallet string, key coinKey, raw json.RawMessage) (*exchange.Balance, *exchange.RowFault) {
	if key.Coin == "" {
		return nil, s.rowFault(raw, "", "the row names no coin")
	}
	return &exchange.Balance{Wallet: wallet, Asset: string(key.Coin)}, nil
}

func (r coinRow) fill(b *exchange.Balance) {
	b.Total = r.Wallet.number()
	b.Locked = r.Locked.number()
	b.Borrowed = r.Borrowed.number()
	b.Equity = r.Equity.number()
	b.USDValue = r.USDValue.number()
	switch b.Wallet {
	case contract:
		b.Available = r.Withdrawable.number()
	case spot:
		b.Available = r.Free.number()
	}
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
func sentEmpty(amounts ...optional) bool {
	for _, a := range amounts {
		if !a.sent || a.value != "" {
			return false
		}
	}
	return true
}
