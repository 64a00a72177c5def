package data

import (
	"context"

	"github.com/jackc/pgx/v5"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// Portfolios values what an account holds, or ("") what all do, by the views
// portfolio and portfolio_totals. stale is that of the balances.
func Portfolios(ctx context.Context, db Querier, account string) ([]*controlv1.Portfolio, error) {
	const totals = `
SELECT p.account, p.value_usdt::text, p.net_value_usdt::text, p.unpriced, p.complete,
       coalesce((SELECT f.stale FROM alphapulse.account_freshness f
                 WHERE f.account_id = p.account_id AND f.data_type = 'balances'), true),
       p.as_of, p.holdings_as_of, p.prices_as_of
FROM alphapulse.portfolio_totals p WHERE $1 = '' OR p.account = $1 ORDER BY p.account`
	list, err := collect(ctx, db, "the portfolio", totals, []any{account},
		func(row pgx.CollectableRow, p *controlv1.Portfolio) error {
			return row.Scan(&p.Account, &p.ValueUsdt, &p.NetValueUsdt, &p.Unpriced, &p.Complete, &p.Stale, moment{&p.AsOf},
				moment{&p.HoldingsAsOf}, moment{&p.PricesAsOf})
		})
	if err != nil {
		return nil, err
	}
	return list, addHoldings(ctx, db, account, list)
}

func addHoldings(ctx context.Context, db Querier, account string, list []*controlv1.Portfolio) error {
	byName := make(map[string]*controlv1.Portfolio, len(list))
	for _, p := range list {
		byName[p.GetAccount()] = p
	}
	const holdings = `
SELECT p.account, p.wallet, p.asset, p.total::text, p.price::text, p.value_usdt::text, p.net::text,
       p.net_value_usdt::text, p.borrowed::text, p.exchange_usd_value::text, coalesce(p.price_source, ''),
       p.price_as_of, coalesce(p.unpriced_reason, '')
FROM alphapulse.portfolio p JOIN alphapulse.accounts a ON a.id = p.account_id
WHERE a.status <> 'removed' AND ($1 = '' OR p.account = $1) ORDER BY p.account, p.wallet, p.asset`
	_, err := collect(ctx, db, "the portfolio", holdings, []any{account},
		func(row pgx.CollectableRow, h *controlv1.Holding) error {
			var name string
			err := row.Scan(&name, &h.Wallet, &h.Asset, &h.Total, &h.Price, &h.ValueUsdt, &h.Net, &h.NetValueUsdt, &h.Borrowed,
				&h.ExchangeUsdValue, &h.PriceSource, moment{&h.PriceAsOf}, &h.UnpricedReason)
			if p := byName[name]; p != nil { // else it was added between the two readings
				p.Holdings = append(p.Holdings, h)
			}
			return err
		})
	return err
}
