package exchangesim

import "github.com/shopspring/decimal"

// OptionTicker is one row of market/tickers?category=option.
type OptionTicker struct {
	Symbol                 string `json:"symbol"`
	Bid1Price              string `json:"bid1Price"`
	Bid1Size               string `json:"bid1Size"`
	Bid1Iv                 string `json:"bid1Iv"`
	Ask1Price              string `json:"ask1Price"`
	Ask1Size               string `json:"ask1Size"`
	Ask1Iv                 string `json:"ask1Iv"`
	LastPrice              string `json:"lastPrice"`
	HighPrice24h           string `json:"highPrice24h"`
	LowPrice24h            string `json:"lowPrice24h"`
	MarkPrice              string `json:"markPrice"`
	IndexPrice             string `json:"indexPrice"`
	MarkIv                 string `json:"markIv"`
	UnderlyingPrice        string `json:"underlyingPrice"`
	OpenInterest           string `json:"openInterest"`
	Turnover24h            string `json:"turnover24h"`
	Volume24h              string `json:"volume24h"`
	TotalVolume            string `json:"totalVolume"`
	TotalTurnover          string `json:"totalTurnover"`
	Delta                  string `json:"delta"`
	Gamma                  string `json:"gamma"`
	Vega                   string `json:"vega"`
	Theta                  string `json:"theta"`
	PredictedDeliveryPrice string `json:"predictedDeliveryPrice"`
	Change24h              string `json:"change24h"`
}

func (s symbol) optionTicker(frame int64) OptionTicker {
	d := s.range24(frame)
	scale := s.coin.scale
	delta, gamma, vega, theta := s.greeks(frame)
	iv := decimal.New(5_500+s.seed.named("iv").wave(frame, hour, 1_500), -4)
	volume := decimal.New(s.seed.named("traded").at(frame/hour).below(10_000), -2)
	row := OptionTicker{
		Symbol: s.name, LastPrice: d.last.StringFixed(scale), HighPrice24h: d.high.StringFixed(scale), LowPrice24h: d.low.StringFixed(scale),
		MarkPrice: s.mark(frame).StringFixed(scale), IndexPrice: s.coin.index(frame).StringFixed(scale), MarkIv: iv.String(),
		UnderlyingPrice: s.coin.index(frame).StringFixed(scale), OpenInterest: volume.Mul(decimal.NewFromInt(3)).String(),
		Turnover24h: volume.Mul(s.coin.index(frame)).String(), Volume24h: volume.String(),
		TotalVolume: volume.Mul(decimal.NewFromInt(40)).Truncate(0).String(), TotalTurnover: volume.Mul(s.coin.index(frame)).Mul(decimal.NewFromInt(40)).Truncate(0).String(),
		Delta: delta.StringFixed(8), Gamma: gamma.StringFixed(8), Vega: vega.StringFixed(8), Theta: theta.StringFixed(8),
		PredictedDeliveryPrice: "0", Change24h: d.last.Sub(d.prev).String(),
		Bid1Price: "0", Bid1Size: "0", Bid1Iv: "0",
	}
	b := s.book(frame, d.last)
	row.Ask1Price, row.Ask1Size, row.Ask1Iv = b.ask, b.askSize, iv.Add(decimal.New(1, -2)).String()
	if d.last.GreaterThan(decimal.New(2, -scale)) {
		row.Bid1Price, row.Bid1Size, row.Bid1Iv = b.bid, b.bidSize, iv.Sub(decimal.New(1, -2)).String()
	}
	return row
}

// ticker gives a symbol's row in the shape of its category.
func (s symbol) ticker(frame int64) any {
	switch s.category {
	case spot:
		return s.spotTicker(frame)
	case option:
		return s.optionTicker(frame)
	default:
		return s.contractTicker(frame)
	}
}
