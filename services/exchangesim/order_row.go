package exchangesim

import "github.com/shopspring/decimal"

// OrderRow is one row of order/realtime or order/history as the exchange sends
// it. Pointers are the fields that not every category or endpoint has.
type OrderRow struct {
	OrderID            string            `json:"orderId"`
	OrderLinkID        string            `json:"orderLinkId"`
	ParentOrderLinkID  string            `json:"parentOrderLinkId"`
	BlockTradeID       string            `json:"blockTradeId"`
	Symbol             string            `json:"symbol"`
	Price              string            `json:"price"`
	Qty                string            `json:"qty"`
	Side               string            `json:"side"`
	IsLeverage         string            `json:"isLeverage"`
	PositionIdx        int               `json:"positionIdx"`
	OrderStatus        string            `json:"orderStatus"`
	CreateType         *string           `json:"createType,omitempty"`
	CancelType         string            `json:"cancelType"`
	RejectReason       string            `json:"rejectReason"`
	AvgPrice           string            `json:"avgPrice"`
	LeavesQty          string            `json:"leavesQty"`
	LeavesValue        string            `json:"leavesValue"`
	CumExecQty         string            `json:"cumExecQty"`
	CumExecValue       string            `json:"cumExecValue"`
	CumExecFee         string            `json:"cumExecFee"`
	TimeInForce        string            `json:"timeInForce"`
	OrderType          string            `json:"orderType"`
	StopOrderType      string            `json:"stopOrderType"`
	OrderIv            string            `json:"orderIv"`
	MarketUnit         string            `json:"marketUnit"`
	TriggerPrice       string            `json:"triggerPrice"`
	TakeProfit         string            `json:"takeProfit"`
	StopLoss           string            `json:"stopLoss"`
	TpslMode           *string           `json:"tpslMode,omitempty"`
	OcoTriggerBy       string            `json:"ocoTriggerBy"`
	TpLimitPrice       string            `json:"tpLimitPrice"`
	SlLimitPrice       string            `json:"slLimitPrice"`
	TpTriggerBy        string            `json:"tpTriggerBy"`
	SlTriggerBy        string            `json:"slTriggerBy"`
	TriggerDirection   int               `json:"triggerDirection"`
	TriggerBy          string            `json:"triggerBy"`
	LastPriceOnCreated *string           `json:"lastPriceOnCreated,omitempty"`
	BasePrice          *string           `json:"basePrice,omitempty"`
	ReduceOnly         bool              `json:"reduceOnly"`
	CloseOnTrigger     bool              `json:"closeOnTrigger"`
	PlaceType          string            `json:"placeType"`
	SmpType            string            `json:"smpType"`
	SmpGroup           int               `json:"smpGroup"`
	SmpOrderID         string            `json:"smpOrderId"`
	CreatedTime        string            `json:"createdTime"`
	UpdatedTime        string            `json:"updatedTime"`
	CumFeeDetail       map[string]string `json:"cumFeeDetail"`

	SlippageToleranceType *string `json:"slippageToleranceType,omitempty"`
	SlippageTolerance     *string `json:"slippageTolerance,omitempty"`
	ExtraFees             *string `json:"extraFees,omitempty"`
	RpiTakerAccess        *bool   `json:"rpiTakerAccess,omitempty"`
	RpiMatchedQty         *string `json:"rpiMatchedQty,omitempty"`
}

func (v *view) orderRow(o order) OrderRow {
	scale := o.symbol.coin.scale
	row := OrderRow{
		OrderID: o.id, OrderLinkID: o.link, Symbol: o.symbol.name, Side: o.side, OrderStatus: o.status,
		Price: digits(o.price, scale), Qty: digits(o.qty, o.symbol.qtyScale()),
		CancelType: "UNKNOWN", RejectReason: "EC_NoError", TimeInForce: "GTC", OrderType: "Limit", StopOrderType: "UNKNOWN",
		LeavesQty: o.leavesQty().String(), LeavesValue: o.leavesValue().String(),
		CumExecQty: o.filled.String(), CumExecValue: o.value.String(), CumExecFee: "0",
		OcoTriggerBy: "OcoTriggerByUnknown", SmpType: "None",
		CreatedTime: millis(o.created), UpdatedTime: millis(o.updated), CumFeeDetail: o.fees(),
	}
	if o.filled.IsPositive() {
		row.AvgPrice = o.avg.String()
		if o.symbol.category != spot {
			row.CumExecFee = row.CumFeeDetail[o.symbol.settle]
		}
	}
	if o.price.IsZero() {
		row.Price, row.OrderType, row.TimeInForce = "0", "Market", "IOC"
	}
	v.shapeEnd(&row, o)
	v.shapeCondition(&row, o)
	v.shapeCategory(&row, o)
	return row
}

// digits writes a number with as many decimals as its symbol has, and more if
// the number keeps to no tick.
func digits(d decimal.Decimal, scale int32) string {
	if d.Exponent() < -scale {
		return d.String()
	}
	return d.StringFixed(scale)
}

// shapeEnd says why an order ended, and what only history rows have.
func (v *view) shapeEnd(row *OrderRow, o order) {
	switch o.status {
	case statusCancelled, statusPartiallyFilledCanceled:
		row.CancelType, row.RejectReason = "CancelByUser", "EC_PerCancelRequest"
	case statusDeactivated:
		row.CancelType = "CancelByUser"
	case statusRejected:
		row.RejectReason, row.TimeInForce = "EC_PostOnlyWillTakeLiquidity", "PostOnly"
	}
	if o.open() {
		return
	}
	none, zero, access, unknown := "", "0", false, "UNKNOWN"
	row.SlippageToleranceType, row.SlippageTolerance, row.ExtraFees = &unknown, &none, &none
	row.RpiTakerAccess, row.RpiMatchedQty = &access, &zero
}

func (v *view) shapeCondition(row *OrderRow, o order) {
	if o.trigger.IsZero() {
		return
	}
	row.StopOrderType, row.TriggerBy = o.stopType(), "LastPrice"
	row.TriggerPrice = o.trigger.StringFixed(o.symbol.coin.scale)
	row.TriggerDirection = 1
	if o.side == "Buy" {
		row.TriggerDirection = 2
	}
	row.ReduceOnly = o.symbol.category != spot
	row.CloseOnTrigger = row.ReduceOnly
}

// stopType is the kind of a conditional order; spot knows one of its own.
func (o order) stopType() string {
	kinds := []string{"Stop", "TakeProfit", "StopLoss"}
	if o.symbol.category == spot {
		kinds = []string{"Stop", "tpslOrder"}
	}
	return kinds[o.seed.named("stop").below(int64(len(kinds)))]
}

// shapeCategory: spot rows lack createType and tpslMode and have basePrice in
// place of lastPriceOnCreated; options carry a volatility.
func (v *view) shapeCategory(row *OrderRow, o order) {
	reference := o.symbol.last(o.created).StringFixed(o.symbol.coin.scale)
	if o.symbol.category == spot {
		row.IsLeverage, row.StopOrderType = "0", stringOr(row.StopOrderType, "UNKNOWN", "")
		row.BasePrice = &reference
		if o.quoted {
			row.MarketUnit = "quoteCoin"
		}
		return
	}
	create, mode := "CreateByUser", ""
	if !o.trigger.IsZero() {
		mode = "Full"
		if kind := o.stopType(); kind != "Stop" {
			create = "CreateBy" + kind
		}
	}
	row.CreateType, row.TpslMode, row.LastPriceOnCreated = &create, &mode, &reference
	if o.symbol.category == linear && v.hedged(o.symbol.scope()) {
		row.PositionIdx = 1
		if o.side == "Sell" {
			row.PositionIdx = 2
		}
	}
	if o.symbol.kind == kindOption {
		row.PlaceType = "price"
		row.OrderIv = decimal.New(o.seed.named("iv").between(4_000, 9_000), -4).String()
	}
}

// stringOr replaces one value by another.
func stringOr(s, from, to string) string {
	if s == from {
		return to
	}
	return s
}
