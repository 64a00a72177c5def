package exchangesim

import (
	"strings"
)

// FundRow is one coin of query-account-coins-balance as the exchange sends it.
type FundRow struct {
	Coin            string `json:"coin"`
	WalletBalance   string `json:"walletBalance"`
	TransferBalance string `json:"transferBalance"`
	Bonus           string `json:"bonus"`
}

type coinsBalance struct {
	MemberID    string    `json:"memberId"`
	AccountType string    `json:"accountType"`
	Balance     []FundRow `json:"balance"`
}

const mostCoins = 10

// serveCoinsBalance answers all coins of FUND, or up to ten named ones of
// another wallet that the account has.
func serveCoinsBalance(x *Exchange, c *call) (any, *refusal) {
	if no := c.notInDemo(x); no != nil {
		return nil, no
	}
	ask, no := c.coins(x.world.market)
	kind := c.query.Get("accountType")
	switch {
	case no != nil:
		return nil, no
	case kind == "":
		return nil, badParam("accountType is required")
	case kind != walletFund && !c.owner.has(kind):
		return nil, refuse(codeNoAccount, "account does not exist")
	case kind != walletFund && ask == nil:
		return nil, badParam("coin is required for %s", kind)
	case len(ask) > mostCoins:
		return nil, badParam("at most %d coins, not %d", mostCoins, strings.Count(c.query.Get("coin"), ",")+1)
	}
	if x.cfg.Bench.On && ask == nil {
		return x.benchCoins(c, kind), nil
	}
	return coinsBalance{MemberID: c.uid, AccountType: kind, Balance: c.view.coinRows(kind, ask)}, nil
}

// fundRows gives the FUND wallet, with the coins asked for; nil asks for all.
func (v *view) fundRows(ask []coin) []FundRow { return v.coinRows(walletFund, ask) }

func (v *view) coinRows(kind string, ask []coin) []FundRow {
	rows := []FundRow{}
	held := map[string]FundRow{}
	for _, h := range v.holdings(kind) {
		row := FundRow{Coin: h.coin.name, WalletBalance: h.wallet.String(), TransferBalance: h.wallet.String()}
		held[row.Coin] = row
		if ask == nil {
			rows = append(rows, row)
		}
	}
	for _, c := range ask {
		row, ok := held[c.name]
		if !ok {
			row = FundRow{Coin: c.name, WalletBalance: "0", TransferBalance: "0"}
		}
		rows = append(rows, row)
	}
	if _, ok := held["MNT"]; ask == nil && !ok && !v.bench {
		rows = append(rows, FundRow{Coin: "MNT", WalletBalance: "0", TransferBalance: "0"}) // rows of zero may be there
	}
	return rows
}
