package drift

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/alphapulse/alphapulse/services/exchangesim"
)

// Expected are the rows that a scope should have of a truth.
func Expected(truth *exchangesim.Truth, s Scope) Rows {
	want := Rows{}
	category, base, _ := strings.Cut(s.Name, ":")
	switch s.DataType {
	case "balances":
		want = expectedWallet(truth, s.Name)
	case "positions":
		for _, p := range truth.Positions[s.Name] {
			if p.Size != "0" {
				want[fmt.Sprintf("%s/%d", p.Symbol, p.PositionIdx)] = wirePosition(p)
			}
		}
	case "orders":
		for _, o := range truth.OpenOrders[s.Name] {
			want[o.OrderID] = wireOrder(o)
		}
	case "prices":
		for _, ticker := range truth.Prices[category] {
			fields := wireFields(ticker)
			if base == "" || strings.HasPrefix(fields["symbol"], base+"-") {
				want[fields["symbol"]] = wirePrice(fields)
			}
		}
	}
	return want
}

// expectedWallet is what an account has in a wallet; the FUND wallet has an
// endpoint of its own, which lists coins of which there is nothing too.
func expectedWallet(truth *exchangesim.Truth, name string) Rows {
	want := Rows{}
	if name == "fund" {
		for _, c := range truth.Fund {
			if c.WalletBalance != "0" {
				want[c.Coin] = Row{"total": c.WalletBalance, "available": c.TransferBalance, "locked": "", "borrowed": "", "equity": "", "usd_value": ""}
			}
		}
		return want
	}
	wallet := truth.Wallets[strings.ToUpper(name)]
	for _, c := range wallet.Coin {
		want[c.Coin] = wireBalance(c, wallet)
	}
	return want
}

func wireBalance(c exchangesim.CoinRow, wallet exchangesim.WalletRow) Row {
	r := Row{
		"total": c.WalletBalance, "locked": c.Locked, "borrowed": c.BorrowAmount, "equity": c.Equity,
		"usd_value": c.UsdValue, "available": "",
	}
	if wallet.TotalAvailableBalance == "" {
		r["available"] = sum(c.WalletBalance, c.TotalPositionIM, c.TotalOrderIM, c.Locked, c.Bonus)
	}
	return r
}

// sum is the first amount less the others; "" if one is missing.
func sum(amounts ...string) string {
	var total decimal.Decimal
	for i, a := range amounts {
		d, err := decimal.NewFromString(a)
		if err != nil {
			return ""
		}
		if i > 0 {
			d = d.Neg()
		}
		total = total.Add(d)
	}
	return total.String()
}

func wirePosition(p exchangesim.PositionRow) Row {
	return Row{
		"side": map[string]string{"Buy": "long", "Sell": "short"}[p.Side], "size": p.Size, "entry_price": p.AvgPrice,
		"leverage": p.Leverage, "liquidation_price": p.LiqPrice, "realized_pnl": p.CurRealisedPnl,
		"mark_price": p.MarkPrice, "unrealized_pnl": p.UnrealisedPnl, "initial_margin": p.PositionIM,
		"maintenance_margin": p.PositionMM,
	}
}

func wireOrder(o exchangesim.OrderRow) Row {
	price := o.Price
	if o.OrderType == "Market" && price == "0" {
		price = ""
	}
	return Row{
		"client_order_id": o.OrderLinkID, "symbol": o.Symbol, "side": strings.ToLower(o.Side),
		"order_type": o.OrderType, "exchange_status": o.OrderStatus, "price": price, "quantity": o.Qty,
		"filled_quantity": o.CumExecQty,
	}
}

func wirePrice(fields map[string]string) Row {
	return Row{
		"last": fields["lastPrice"], "bid": fields["bid1Price"], "ask": fields["ask1Price"], "mark": fields["markPrice"],
		"index": fields["indexPrice"], "volume_24h": fields["volume24h"], "funding_rate": fields["fundingRate"],
	}
}

// wireFields are a ticker's fields as they are on the wire.
func wireFields(ticker any) map[string]string {
	encoded, err := json.Marshal(ticker)
	if err != nil {
		panic(err)
	}
	fields := map[string]string{}
	if err := json.Unmarshal(encoded, &fields); err != nil {
		panic(err)
	}
	return fields
}
