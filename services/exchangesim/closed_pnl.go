package exchangesim

import (
	"strconv"

	"github.com/shopspring/decimal"
)

// ClosedPnlRow is one row of closed-pnl as the exchange sends it: one for each
// order that closed a position.
type ClosedPnlRow struct {
	Symbol        string `json:"symbol"`
	OrderID       string `json:"orderId"`
	Side          string `json:"side"`
	Qty           string `json:"qty"`
	OrderPrice    string `json:"orderPrice"`
	OrderType     string `json:"orderType"`
	ExecType      string `json:"execType"`
	ClosedSize    string `json:"closedSize"`
	CumEntryValue string `json:"cumEntryValue"`
	AvgEntryPrice string `json:"avgEntryPrice"`
	CumExitValue  string `json:"cumExitValue"`
	AvgExitPrice  string `json:"avgExitPrice"`
	ClosedPnl     string `json:"closedPnl"`
	FillCount     string `json:"fillCount"`
	Leverage      string `json:"leverage"`
	OpenFee       string `json:"openFee"`
	CloseFee      string `json:"closeFee"`
	CreatedTime   string `json:"createdTime"`
	UpdatedTime   string `json:"updatedTime"`
}

// closedPnl is the sum of the profits of an order's fills less all fees.
func (v *view) closedPnl(o order) ClosedPnlRow {
	row := v.orderRow(o)
	profit, closeFee, entryValue := decimal.Zero, decimal.Zero, decimal.Zero
	for _, f := range o.executed {
		profit, closeFee = profit.Add(f.profit), closeFee.Add(f.fee)
		entryValue = entryValue.Add(o.symbol.value(f.qty, o.entry()))
	}
	openFee := entryValue.Mul(decimal.New(55, -5)).Round(18)
	return ClosedPnlRow{
		Symbol: row.Symbol, OrderID: row.OrderID, Side: row.Side, Qty: row.Qty, OrderPrice: row.Price, OrderType: row.OrderType,
		ExecType: o.execType(), ClosedSize: o.filled.String(), CumEntryValue: entryValue.String(), AvgEntryPrice: o.entry().String(),
		CumExitValue: o.value.String(), AvgExitPrice: o.avg.String(), ClosedPnl: profit.Sub(openFee).Sub(closeFee).String(),
		FillCount: strconv.Itoa(len(o.executed)), Leverage: strconv.FormatInt(o.seed.named("leverage").between(1, 25), 10),
		OpenFee: openFee.String(), CloseFee: closeFee.String(), CreatedTime: millis(o.updated), UpdatedTime: millis(o.updated),
	}
}

// closings gives the closed positions of a selection within [from, to].
func (v *view) closings(pick selection, from, to int64) timeline {
	var list []entry
	for _, scope := range pick.scopes(v.market) {
		for _, s := range v.standings(scope, from, to) {
			if !pick.takes(s.symbol) || !s.ended() || s.progress.filled == 0 || s.updated < from || s.updated > to || !(order{draft: s.draft}).closes() {
				continue
			}
			list = append(list, entry{at: s.updated, row: func() any { return v.closedPnl(v.order(s)) }})
		}
	}
	t := timeline{gathered(list)}
	for i := range v.histories {
		h := &v.histories[i]
		if pick.takes(h.symbol) && pick.category == h.symbol.category {
			t = append(t, h.closingSeries(v, from, to))
		}
	}
	return t
}

// closingSeries: every other order closes, those with odd numbers.
func (h *chronicle) closingSeries(v *view, from, to int64) series {
	s := h.seed(v)
	first, past := h.orders(s)
	past = min(past, h.orderOf(s, h.upTo(s, v.frame))+1)
	line := series{first: first / 2, past: past / 2}
	line.at = func(n int64) int64 { _, at, _ := h.life(s, 2*n+1); return at }
	line = line.between(from, min(to, v.frame))
	line.row = func(n int64) any {
		d := h.draft(v, 2*n+1)
		p, _ := v.progressOf(d)
		return v.closedPnl(v.order(standing{draft: d, progress: p}))
	}
	return line
}

func listClosedPnl(_ *Exchange, c *call) (*listing, *refusal) {
	pick, no := c.selection(true, linear, inverse)
	if no != nil {
		return nil, no
	}
	if no := c.served(pick.category); no != nil {
		return nil, no
	}
	from, to, no := c.window()
	if no != nil {
		return nil, no
	}
	return c.indexed.closings(pick, from, to).listing(pick.category, c.trails()), nil
}
