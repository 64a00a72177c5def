package exchangesim

import (
	"strconv"

	"github.com/shopspring/decimal"
)

// PositionRow is one row of position/list as the exchange sends it. A row of a
// symbol that was never traded lacks the fields that are pointers; only options
// have greeks.
type PositionRow struct {
	PositionIdx            int     `json:"positionIdx"`
	RiskID                 int     `json:"riskId"`
	RiskLimitValue         string  `json:"riskLimitValue"`
	Symbol                 string  `json:"symbol"`
	Side                   string  `json:"side"`
	Size                   string  `json:"size"`
	AvgPrice               string  `json:"avgPrice"`
	PositionValue          string  `json:"positionValue"`
	TradeMode              int     `json:"tradeMode"`
	PositionStatus         string  `json:"positionStatus"`
	AutoAddMargin          int     `json:"autoAddMargin"`
	AdlRankIndicator       int     `json:"adlRankIndicator"`
	Leverage               string  `json:"leverage"`
	BreakEvenPrice         string  `json:"breakEvenPrice"`
	PositionBalance        string  `json:"positionBalance"`
	MarkPrice              string  `json:"markPrice"`
	LiqPrice               string  `json:"liqPrice"`
	BustPrice              string  `json:"bustPrice"`
	PositionMM             string  `json:"positionMM"`
	PositionMMByMp         string  `json:"positionMMByMp"`
	PositionIM             string  `json:"positionIM"`
	PositionIMByMp         string  `json:"positionIMByMp"`
	TpslMode               string  `json:"tpslMode"`
	TakeProfit             string  `json:"takeProfit"`
	StopLoss               string  `json:"stopLoss"`
	TrailingStop           string  `json:"trailingStop"`
	SessionAvgPrice        string  `json:"sessionAvgPrice"`
	Delta                  *string `json:"delta,omitempty"`
	Gamma                  *string `json:"gamma,omitempty"`
	Vega                   *string `json:"vega,omitempty"`
	Theta                  *string `json:"theta,omitempty"`
	UnrealisedPnl          string  `json:"unrealisedPnl"`
	CurRealisedPnl         string  `json:"curRealisedPnl"`
	CumRealisedPnl         string  `json:"cumRealisedPnl"`
	Seq                    *int64  `json:"seq,omitempty"`
	IsReduceOnly           *bool   `json:"isReduceOnly,omitempty"`
	MmrSysUpdatedTime      string  `json:"mmrSysUpdatedTime"`
	LeverageSysUpdatedTime string  `json:"leverageSysUpdatedTime"`
	CreatedTime            string  `json:"createdTime"`
	UpdatedTime            string  `json:"updatedTime"`
	OpenTime               *int64  `json:"openTime,omitempty"`
}

func (v *view) positionRow(p position) PositionRow {
	worth := p.worth(v.frame)
	reduceOnly := false
	row := PositionRow{
		PositionIdx: p.idx, RiskID: 1, RiskLimitValue: "2000000", Symbol: p.symbol.name, Side: p.side,
		Size: p.size.String(), AvgPrice: p.avg.String(), PositionValue: worth.value.String(),
		PositionStatus: "Normal", AdlRankIndicator: int(p.seed.named("adl").below(6)),
		Leverage: strconv.FormatInt(p.leverage, 10), PositionBalance: worth.im.String(),
		MarkPrice: worth.mark.StringFixed(p.symbol.coin.scale), TpslMode: "Full", TrailingStop: "0",
		PositionIM: worth.im.String(), PositionIMByMp: worth.im.String(),
		PositionMM: worth.mm.String(), PositionMMByMp: worth.mm.String(),
		UnrealisedPnl: worth.pnl.String(), CurRealisedPnl: p.realised.String(),
		CumRealisedPnl: p.earlier.Add(p.realised).String(),
		Seq:            &p.seq, IsReduceOnly: &reduceOnly, OpenTime: &p.opened,
		CreatedTime: millis(v.epoch), UpdatedTime: millis(p.updated),
	}
	if p.liquidity {
		row.LiqPrice = p.liquidation().StringFixed(p.symbol.coin.scale)
	}
	if p.symbol.kind != kindOption {
		row.BreakEvenPrice = p.avg.Mul(decimal.New(10_006, -4)).Round(8).String()
	}
	v.shapeRow(&row, p)
	return row
}

// shapeRow empties what the exchange does not send for a kind of row.
func (v *view) shapeRow(row *PositionRow, p position) {
	if p.symbol.settle == "USDC" && p.symbol.category == linear {
		row.SessionAvgPrice = p.symbol.mark(p.opened).StringFixed(p.symbol.coin.scale)
	}
	if p.symbol.kind == kindOption {
		d, g, ve, th := p.greeks(v.frame)
		row.Delta, row.Gamma, row.Vega, row.Theta = &d, &g, &ve, &th
		row.CumRealisedPnl, row.Leverage, row.LiqPrice, row.RiskLimitValue = "", "", "", ""
		row.RiskID = 0
	}
	if v.acc.margin == marginPortfolio {
		row.Leverage, row.RiskLimitValue = "", ""
		row.PositionIM, row.PositionIMByMp, row.PositionMM, row.PositionMMByMp = "", "", "", ""
		row.RiskID = 0
	}
}

func (p position) liquidation() decimal.Decimal {
	distance := p.avg.Mul(decimal.New(90, -2)).DivRound(decimal.NewFromInt(p.leverage), 8)
	if p.side == "Sell" {
		return p.avg.Add(distance)
	}
	return p.avg.Sub(distance)
}

// flatRow is what a query by symbol gets for a leg that holds nothing. traded
// says whether the account ever traded the symbol.
func (v *view) flatRow(s symbol, idx int, traded bool) PositionRow {
	row := PositionRow{
		PositionIdx: idx, RiskID: 1, RiskLimitValue: "2000000", Symbol: s.name, Size: "0", AvgPrice: "0",
		PositionStatus: "Normal", Leverage: "10", PositionBalance: "0", TpslMode: "Full", TrailingStop: "0",
		MarkPrice:  s.mark(v.frame).StringFixed(s.coin.scale),
		PositionIM: "0", PositionIMByMp: "0", PositionMM: "0", PositionMMByMp: "0",
		CurRealisedPnl: "0", CumRealisedPnl: "0", CreatedTime: "0", UpdatedTime: "0",
	}
	if traded {
		seq, reduceOnly, openTime := seqBase, false, int64(0)
		row.Seq, row.IsReduceOnly, row.OpenTime = &seq, &reduceOnly, &openTime
		row.CreatedTime, row.UpdatedTime = millis(v.epoch), millis(v.epoch)
	}
	v.shapeRow(&row, position{symbol: s, opened: v.epoch})
	return row
}

func millis(at int64) string { return strconv.FormatInt(at, 10) }
