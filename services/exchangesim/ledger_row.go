package exchangesim

import (
	"strconv"

	"github.com/shopspring/decimal"
)

// LedgerRow is one row of transaction-log or contract-transaction-log as the
// exchange sends it. Always change = cashFlow + funding - fee.
type LedgerRow struct {
	TransSubType    string `json:"transSubType"`
	ID              string `json:"id"`
	Symbol          string `json:"symbol"`
	Side            string `json:"side"`
	Funding         string `json:"funding"`
	OrderLinkID     string `json:"orderLinkId"`
	OrderID         string `json:"orderId"`
	Fee             string `json:"fee"`
	Change          string `json:"change"`
	CashFlow        string `json:"cashFlow"`
	TransactionTime string `json:"transactionTime"`
	Type            string `json:"type"`
	FeeRate         string `json:"feeRate"`
	BonusChange     string `json:"bonusChange"`
	Size            string `json:"size"`
	Qty             string `json:"qty"`
	CashBalance     string `json:"cashBalance"`
	Currency        string `json:"currency"`
	Category        string `json:"category"`
	TradePrice      string `json:"tradePrice"`
	TradeID         string `json:"tradeId"`
	ExtraFees       string `json:"extraFees"`
}

const (
	ledgerTrade       = "TRADE"
	ledgerSettlement  = "SETTLEMENT"
	ledgerTransferIn  = "TRANSFER_IN"
	ledgerTransferOut = "TRANSFER_OUT"
)

// tradeRow is the row of a fill in one currency: a derivative has one, spot one
// for what was bought and one for what was paid.
func (v *view) tradeRow(o order, f fill, currency string) LedgerRow {
	flow, fee := f.profit, decimal.Zero
	if f.coin == currency {
		fee = f.fee
	}
	qty, size := f.qty, decimal.New(f.seed.named("rest").between(-50_000, 50_000), -o.symbol.qtyScale()).String()
	switch {
	case o.symbol.category == spot && currency == o.symbol.coin.name:
		flow, size = f.qty, ""
	case o.symbol.category == spot:
		flow, size = f.value.Neg(), ""
	case o.symbol.category == option:
		flow = f.value.Neg()
	}
	if o.side == "Sell" && (o.symbol.category == spot || o.symbol.category == option) {
		flow = flow.Neg()
	}
	if o.symbol.category == spot && o.side == "Sell" {
		qty = qty.Neg() // of spot the quantity has a sign
	}
	row := LedgerRow{
		ID: v.ledgerID(o, f, currency), Symbol: o.symbol.name, Side: o.side, OrderLinkID: o.link, OrderID: o.id,
		TransactionTime: millis(f.at), Type: ledgerTrade, FeeRate: f.rate.String(), Size: size, Qty: qty.String(),
		Currency: currency, Category: o.symbol.category, TradePrice: f.price.String(), TradeID: f.id,
	}
	return row.book(flow, decimal.Zero, fee, f.seed.named(currency))
}

// ledgerID: with one order in four all fills share the id.
func (v *view) ledgerID(o order, f fill, currency string) string {
	of := f.seed
	if o.seed.named("shared id").oneIn(4) {
		of = o.seed
	}
	return v.logID(o.symbol.name, of.named(currency))
}

func (v *view) logID(name string, s seed) string {
	return strconv.Itoa(500_000+v.acc.index) + "_" + name + "_" + strconv.FormatUint(uint64(s)%1_000_000_000_000_000, 10)
}

// book sets the amounts; funding zero means that there is none.
func (r LedgerRow) book(flow, funding, fee decimal.Decimal, s seed) LedgerRow {
	if !funding.IsZero() {
		r.Funding = funding.String()
	}
	r.CashFlow, r.Fee = flow.String(), fee.String()
	r.Change = flow.Add(funding).Sub(fee).String()
	r.CashBalance = decimal.New(s.named("cash balance").between(-1_000_000_000, 999_999_999_999_999), -8).String()
	return r
}

// settlementRow is a funding's row: what was paid is below zero here.
func (v *view) settlementRow(f funding) LedgerRow {
	row := LedgerRow{
		ID: v.logID(f.symbol.name, f.seed), Symbol: f.symbol.name, Side: f.side,
		OrderID:         strconv.FormatInt(f.at/second, 10) + "-8-" + strconv.Itoa(500_000+v.acc.index) + "-" + strconv.Itoa(f.idx),
		TransactionTime: millis(f.at), Type: ledgerSettlement, FeeRate: f.rate().String(), Size: f.size.String(), Qty: f.size.String(),
		Currency: f.symbol.settle, Category: f.symbol.category, TradePrice: f.mark.String(), TradeID: f.execID(),
	}
	return row.book(decimal.Zero, f.fee().Neg(), decimal.Zero, f.seed)
}

// transferRow is a transfer into or out of a wallet.
func (v *view) transferRow(c cash, wallet string) LedgerRow {
	row := LedgerRow{
		ID: v.logID(c.coin.name, c.seed), Side: "None", TransactionTime: millis(c.at), Type: ledgerTransferIn,
		Qty: c.amount.String(), Currency: c.coin.name,
	}
	flow := c.amount
	if c.from == wallet {
		row.Type, flow = ledgerTransferOut, flow.Neg()
	}
	return row.book(flow, decimal.Zero, decimal.Zero, c.seed)
}
