package exchangesim

import "github.com/shopspring/decimal"

const (
	execTrade   = "Trade"
	execFunding = "Funding"
	execAdl     = "AdlTrade"
)

// ExecutionRow is one row of execution/list as the exchange sends it.
type ExecutionRow struct {
	Symbol          string `json:"symbol"`
	OrderType       string `json:"orderType"`
	UnderlyingPrice string `json:"underlyingPrice"`
	OrderLinkID     string `json:"orderLinkId"`
	Side            string `json:"side"`
	IndexPrice      string `json:"indexPrice"`
	OrderID         string `json:"orderId"`
	StopOrderType   string `json:"stopOrderType"`
	LeavesQty       string `json:"leavesQty"`
	ExecTime        string `json:"execTime"`
	FeeCurrency     string `json:"feeCurrency"`
	IsMaker         bool   `json:"isMaker"`
	ExecFee         string `json:"execFee"`
	FeeRate         string `json:"feeRate"`
	ExecID          string `json:"execId"`
	TradeIv         string `json:"tradeIv"`
	BlockTradeID    string `json:"blockTradeId"`
	MarkPrice       string `json:"markPrice"`
	ExecPrice       string `json:"execPrice"`
	MarkIv          string `json:"markIv"`
	OrderQty        string `json:"orderQty"`
	OrderPrice      string `json:"orderPrice"`
	ExecValue       string `json:"execValue"`
	ExecType        string `json:"execType"`
	ExecQty         string `json:"execQty"`
	ClosedSize      string `json:"closedSize"`
	ExtraFees       string `json:"extraFees"`
	Seq             int64  `json:"seq"`
	CreateType      string `json:"createType"`
}

// execType: one order in thirty that closes was closed by the exchange.
func (o order) execType() string {
	if o.record == nil && o.placed == nil && o.closes() && o.seed.named("adl").oneIn(30) {
		return execAdl
	}
	return execTrade
}

func (v *view) executionRow(o order, f fill) ExecutionRow {
	row := v.orderRow(o)
	e := ExecutionRow{
		Symbol: row.Symbol, OrderType: row.OrderType, OrderLinkID: row.OrderLinkID, Side: row.Side, OrderID: row.OrderID,
		StopOrderType: row.StopOrderType, LeavesQty: decimal.Max(f.leaves, decimal.Zero).String(), ExecTime: millis(f.at),
		FeeCurrency: f.coin, IsMaker: f.maker, ExecFee: f.fee.String(), FeeRate: f.rate.String(), ExecID: f.id,
		ExecPrice: f.price.String(), OrderQty: row.Qty, OrderPrice: row.Price, ExecValue: f.value.String(),
		ExecType: o.execType(), ExecQty: f.qty.String(), Seq: f.seq,
	}
	if f.closed.IsPositive() {
		e.ClosedSize = f.closed.String()
	}
	if row.CreateType != nil {
		e.CreateType, e.MarkPrice = *row.CreateType, o.symbol.mark(v.world.frame(f.at)).String()
	}
	if e.ExecType == execAdl {
		e.CreateType = "CreateByAdl_PassThrough"
	}
	if o.symbol.kind == kindOption {
		under := o.symbol.coin.index(v.world.frame(f.at)).String()
		e.UnderlyingPrice, e.IndexPrice = under, under
		e.TradeIv = decimal.New(f.seed.named("iv").between(3_000, 9_000), -4).String()
		e.MarkIv = decimal.New(f.seed.named("mark iv").between(3_000, 9_000), -4).String()
	}
	return e
}

func (v *view) fundingExecution(f funding) ExecutionRow {
	return ExecutionRow{
		Symbol: f.symbol.name, OrderType: "UNKNOWN", Side: f.side, OrderID: f.orderID(), StopOrderType: "UNKNOWN",
		LeavesQty: "0", ExecTime: millis(f.at), FeeCurrency: f.symbol.settle, ExecFee: f.fee().String(), FeeRate: f.rate().String(),
		ExecID: f.execID(), MarkPrice: f.mark.String(), ExecPrice: f.mark.String(), OrderQty: f.size.String(), OrderPrice: "0",
		ExecValue: f.value().String(), ExecType: execFunding, ExecQty: f.size.String(), Seq: seqBase + 2*(f.at-v.epoch),
	}
}
