package worker

import (
	"context"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
)

// Balances are a snapshot of each wallet. Columns by field of Bybit's
// wallet-balance (2.4 of its documentation's account section):
//
//	wallet     the scope: unified, contract, spot or fund
//	asset      coin
//	total      walletBalance
//	available  of the unified wallet computed for isolated margin only, since the
//	           exchange sends none; of the others what the exchange says
//	locked     locked (spot orders)
//	borrowed   borrowAmount
//	equity     equity     follows the market
//	usd_value  usdValue   follows the market
//
// An asset that is absent from a complete walk is gone: the exchange lists
// assets with a balance only.
func balancesTable() snapshot.Table {
	return snapshot.Table{
		Name: "balances", Subject: "account_id", Scope: "wallet",
		Key: []snapshot.Column{{Name: "wallet", Type: "text"}, {Name: "asset", Type: "text"}},
		Compared: []snapshot.Column{
			{Name: "total", Type: "numeric"},
			{Name: "available", Type: "numeric"},
			{Name: "locked", Type: "numeric"},
			{Name: "borrowed", Type: "numeric"},
		},
		Market: []snapshot.Column{{Name: "equity", Type: "numeric"}, {Name: "usd_value", Type: "numeric"}},
	}
}

func balanceValues(b exchange.Balance) []string {
	return []string{
		b.Wallet, b.Asset, string(b.Total), string(b.Available), string(b.Locked), string(b.Borrowed),
		string(b.Equity), string(b.USDValue),
	}
}

type balancesReader struct{ writer *snapshot.Writer }

func newBalancesReader() reader {
	return &balancesReader{writer: snapshot.NewWriter(balancesTable())}
}

func (r *balancesReader) read(ctx context.Context, a *attempt) reading {
	source, fault := serve[exchange.BalanceReader](a)
	if fault != nil {
		return reading{fault: fault}
	}
	got := reading{whole: wholeOf(r.writer, source.BalanceScopes())}
	for _, scope := range source.BalanceScopes() {
		p := readScope(ctx, a, r.writer, scope, source.Balances, balanceValues)
		if !got.add(p, a.job.LastAttempt()) {
			break
		}
	}
	return got
}
