package main

import (
	"encoding/json"
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// dataStateView is the state of every answer of `show`.
type dataStateView struct {
	ReadAt   *time.Time  `json:"read_at"`
	At       *time.Time  `json:"at"`
	AsOf     *time.Time  `json:"as_of"`
	Age      *float64    `json:"age_seconds"`
	Stale    bool        `json:"stale"`
	Complete *bool       `json:"complete"`
	Unread   []scopeView `json:"unread_scopes"`
}

func viewState(s *controlv1.DataState) dataStateView {
	v := dataStateView{
		ReadAt: instant(s.GetReadAt()), At: instant(s.GetAt()), AsOf: instant(s.GetAsOf()), Stale: s.GetStale(),
		Complete: s.Complete, Unread: []scopeView{},
	}
	if s.GetAge() != nil {
		seconds := s.GetAge().AsDuration().Seconds()
		v.Age = &seconds
	}
	for _, u := range s.GetUnreadScopes() {
		v.Unread = append(v.Unread, scopeView{
			u.GetScope(), u.GetErrorClass(), u.GetErrorCode(), u.GetErrorMessage(), instant(u.GetAt()),
		})
	}
	return v
}

// fields is a row: numbers are texts, so that no reader rounds them.
type fields map[string]any

func viewPortfolio(res *controlv1.GetPortfolioResponse) fields {
	accounts := []fields{}
	for _, a := range res.GetAccounts() {
		holdings := []fields{}
		for _, h := range a.GetHoldings() {
			holdings = append(holdings, fields{
				"wallet": h.GetWallet(), "asset": h.GetAsset(), "total": h.Total, "price": h.Price, "value_usdt": h.ValueUsdt,
				"net": h.Net, "net_value_usdt": h.NetValueUsdt, "borrowed": h.Borrowed, "exchange_usd_value": h.ExchangeUsdValue,
				"price_source": h.GetPriceSource(), "price_as_of": instant(h.GetPriceAsOf()), "unpriced_reason": h.GetUnpricedReason(),
			})
		}
		unpriced := a.GetUnpriced()
		if unpriced == nil {
			unpriced = []string{}
		}
		accounts = append(accounts, fields{
			"account": a.GetAccount(), "value_usdt": a.ValueUsdt, "net_value_usdt": a.NetValueUsdt, "unpriced": unpriced,
			"complete": a.GetComplete(), "stale": a.GetStale(), "as_of": instant(a.GetAsOf()),
			"holdings_as_of": instant(a.GetHoldingsAsOf()), "prices_as_of": instant(a.GetPricesAsOf()), "holdings": holdings,
		})
	}
	return fields{"read_at": instant(res.GetReadAt()), "accounts": accounts}
}

func viewBalances(res *controlv1.ListBalancesResponse) fields {
	rows := []fields{}
	for _, b := range res.GetBalances() {
		rows = append(rows, fields{
			"wallet": b.GetWallet(), "asset": b.GetAsset(), "total": b.Total, "available": b.Available, "locked": b.Locked,
			"borrowed": b.Borrowed, "equity": b.Equity, "usd_value": b.UsdValue, "as_of": instant(b.GetAsOf()),
		})
	}
	return fields{"state": viewState(res.GetState()), "balances": rows}
}

func viewPositions(res *controlv1.ListPositionsResponse) fields {
	rows := []fields{}
	for _, q := range res.GetPositions() {
		rows = append(rows, fields{
			"category": q.GetCategory(), "symbol": q.GetSymbol(), "position_idx": q.GetPositionIdx(), "side": q.GetSide(),
			"size": q.Size, "entry_price": q.EntryPrice, "mark_price": q.MarkPrice, "leverage": q.Leverage,
			"liquidation_price": q.LiquidationPrice, "unrealized_pnl": q.UnrealizedPnl, "realized_pnl": q.RealizedPnl,
			"initial_margin": q.InitialMargin, "maintenance_margin": q.MaintenanceMargin, "settle_asset": q.SettleAsset,
			"as_of": instant(q.GetAsOf()),
		})
	}
	return fields{"state": viewState(res.GetState()), "positions": rows}
}

func viewOrders(res *controlv1.ListOrdersResponse) fields {
	rows := []fields{}
	for _, o := range res.GetOrders() {
		var fees json.RawMessage
		if o.GetFees() != "" {
			fees = json.RawMessage(o.GetFees())
		}
		rows = append(rows, fields{
			"category": o.GetCategory(), "order_id": o.GetOrderId(), "client_order_id": o.GetClientOrderId(), "symbol": o.GetSymbol(),
			"side": o.GetSide(), "order_type": o.GetOrderType(), "time_in_force": o.GetTimeInForce(), "status": o.GetStatus(),
			"exchange_status": o.GetExchangeStatus(), "price": o.Price, "quantity": o.Quantity, "filled_quantity": o.FilledQuantity,
			"average_price": o.AveragePrice, "fees": fees, "reduce_only": o.ReduceOnly, "trigger_price": o.TriggerPrice,
			"created_at": instant(o.GetCreatedAt()), "updated_at": instant(o.GetUpdatedAt()), "as_of": instant(o.GetAsOf()),
		})
	}
	return fields{"state": viewState(res.GetState()), "orders": rows, "next_page_token": res.GetNextPageToken()}
}

func viewFills(res *controlv1.ListFillsResponse) fields {
	rows := []fields{}
	for _, f := range res.GetFills() {
		rows = append(rows, fields{
			"category": f.GetCategory(), "exec_id": f.GetExecId(), "order_id": f.GetOrderId(), "symbol": f.GetSymbol(),
			"side": f.GetSide(), "exec_type": f.GetExecType(), "price": f.Price, "quantity": f.Quantity, "value": f.Value,
			"fee": f.Fee, "fee_asset": f.GetFeeAsset(), "fee_rate": f.FeeRate, "is_maker": f.IsMaker,
			"executed_at": instant(f.GetExecutedAt()),
		})
	}
	return fields{"state": viewState(res.GetState()), "fills": rows, "next_page_token": res.GetNextPageToken()}
}

func viewPrices(res *controlv1.ListPricesResponse) fields {
	rows := []fields{}
	for _, q := range res.GetPrices() {
		rows = append(rows, fields{
			"category": q.GetCategory(), "symbol": q.GetSymbol(), "last": q.Last, "bid": q.Bid, "ask": q.Ask, "mark": q.Mark,
			"index": q.Index, "volume_24h": q.Volume_24H, "funding_rate": q.FundingRate, "as_of": instant(q.GetAsOf()),
		})
	}
	return fields{"state": viewState(res.GetState()), "prices": rows}
}
