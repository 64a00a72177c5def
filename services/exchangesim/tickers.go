package exchangesim

import (
	"strconv"

	"github.com/shopspring/decimal"
)

// SpotTicker is one row of market/tickers?category=spot.
type SpotTicker struct {
	Symbol        string `json:"symbol"`
	Bid1Price     string `json:"bid1Price"`
	Bid1Size      string `json:"bid1Size"`
	Ask1Price     string `json:"ask1Price"`
	Ask1Size      string `json:"ask1Size"`
	LastPrice     string `json:"lastPrice"`
	PrevPrice24h  string `json:"prevPrice24h"`
	Price24hPcnt  string `json:"price24hPcnt"`
	HighPrice24h  string `json:"highPrice24h"`
	LowPrice24h   string `json:"lowPrice24h"`
	Turnover24h   string `json:"turnover24h"`
	Volume24h     string `json:"volume24h"`
	UsdIndexPrice string `json:"usdIndexPrice"`
}

// ContractTicker is one row of the linear and inverse categories. A dated
// future has no funding, and a thin book: its sides are empty.
type ContractTicker struct {
	Symbol                  string `json:"symbol"`
	LastPrice               string `json:"lastPrice"`
	IndexPrice              string `json:"indexPrice"`
	MarkPrice               string `json:"markPrice"`
	PrevPrice24h            string `json:"prevPrice24h"`
	Price24hPcnt            string `json:"price24hPcnt"`
	HighPrice24h            string `json:"highPrice24h"`
	LowPrice24h             string `json:"lowPrice24h"`
	PrevPrice1h             string `json:"prevPrice1h"`
	OpenInterest            string `json:"openInterest"`
	OpenInterestValue       string `json:"openInterestValue"`
	SingleOpenInterest      string `json:"singleOpenInterest"`
	SingleOpenInterestValue string `json:"singleOpenInterestValue"`
	Turnover24h             string `json:"turnover24h"`
	Volume24h               string `json:"volume24h"`
	FundingRate             string `json:"fundingRate"`
	NextFundingTime         string `json:"nextFundingTime"`
	PredictedDeliveryPrice  string `json:"predictedDeliveryPrice"`
	BasisRate               string `json:"basisRate"`
	BasisRateYear           string `json:"basisRateYear"`
	Basis                   string `json:"basis"`
	DeliveryFeeRate         string `json:"deliveryFeeRate"`
	DeliveryTime            string `json:"deliveryTime"`
	Ask1Size                string `json:"ask1Size"`
	Bid1Price               string `json:"bid1Price"`
	Ask1Price               string `json:"ask1Price"`
	Bid1Size                string `json:"bid1Size"`
	PreOpenPrice            string `json:"preOpenPrice"`
	PreQty                  string `json:"preQty"`
	CurPreListingPhase      string `json:"curPreListingPhase"`
	FundingIntervalHour     string `json:"fundingIntervalHour"`
	FundingCap              string `json:"fundingCap"`
}

// day24 is what a ticker says about the last 24 hours.
type day24 struct {
	last, prev, high, low, volume decimal.Decimal
}

// range24 samples the last day every six hours.
func (s symbol) range24(frame int64) day24 {
	d := day24{last: s.last(frame), prev: s.last(frame - day)}
	d.high, d.low = decimal.Max(d.last, d.prev), decimal.Min(d.last, d.prev)
	for h := int64(6); h < 24; h += 6 {
		p := s.last(frame - frame%hour - h*hour)
		d.high, d.low = decimal.Max(d.high, p), decimal.Min(d.low, p)
	}
	volume := 1_000_000_000 + s.seed.named("volume").wave(frame, hour, 300_000_000)
	d.volume = decimal.New(volume, -4)
	return d
}

func (d day24) change() string {
	if d.prev.IsZero() {
		return "0"
	}
	return d.last.Sub(d.prev).DivRound(d.prev, 6).String()
}

// book is the best bid and ask: a tick around the last price.
type book struct{ bid, bidSize, ask, askSize string }

func (s symbol) book(frame int64, last decimal.Decimal) book {
	tick := decimal.New(1, -s.coin.scale)
	size := func(side string) string {
		return decimal.New(s.seed.named(side).at(frame).between(1, 9_999_999), -s.qtyScale()).String()
	}
	return book{
		bid: decimal.Max(tick, last.Sub(tick)).StringFixed(s.coin.scale), bidSize: size("bid"),
		ask: last.Add(tick).StringFixed(s.coin.scale), askSize: size("ask"),
	}
}

func (s symbol) spotTicker(frame int64) SpotTicker {
	d := s.range24(frame)
	b := s.book(frame, d.last)
	scale := s.coin.scale
	row := SpotTicker{
		Symbol: s.name, Bid1Price: b.bid, Bid1Size: b.bidSize, Ask1Price: b.ask, Ask1Size: b.askSize,
		LastPrice: d.last.StringFixed(scale), PrevPrice24h: d.prev.StringFixed(scale), Price24hPcnt: d.change(),
		HighPrice24h: d.high.StringFixed(scale), LowPrice24h: d.low.StringFixed(scale),
		Turnover24h: d.volume.Mul(d.last).String(), Volume24h: d.volume.String(),
	}
	if !s.seed.named("collateral").oneIn(5) {
		row.UsdIndexPrice = s.coin.index(frame).StringFixed(scale)
	}
	return row
}

func (s symbol) contractTicker(frame int64) ContractTicker {
	d := s.range24(frame)
	b := s.book(frame, d.last)
	scale := s.coin.scale
	interest := decimal.New(10_000_000+s.seed.named("interest").wave(frame, hour, 2_000_000), -3)
	half := interest.DivRound(decimal.NewFromInt(2), 4)
	mark := s.mark(frame)
	row := ContractTicker{
		Symbol: s.name, LastPrice: d.last.StringFixed(scale), IndexPrice: s.coin.index(frame).StringFixed(scale),
		MarkPrice: mark.StringFixed(scale), PrevPrice24h: d.prev.StringFixed(scale), Price24hPcnt: d.change(),
		HighPrice24h: d.high.StringFixed(scale), LowPrice24h: d.low.StringFixed(scale),
		PrevPrice1h: s.last(frame - hour).StringFixed(scale), OpenInterest: interest.String(),
		OpenInterestValue: s.value(interest, mark).String(), SingleOpenInterest: half.String(),
		SingleOpenInterestValue: s.value(half, mark).String(),
		Turnover24h:             s.value(d.volume, d.last).String(), Volume24h: d.volume.String(),
		Bid1Price: b.bid, Bid1Size: b.bidSize, Ask1Price: b.ask, Ask1Size: b.askSize,
		FundingRate:     decimal.New(s.seed.named("funding").at(frame/(8*hour)).between(-30_000, 30_000), -8).String(),
		NextFundingTime: millis(frame - frame%(8*hour) + 8*hour), DeliveryTime: "0", FundingIntervalHour: "8", FundingCap: "0.005",
	}
	if s.kind == kindDated {
		s.shapeDated(&row, mark, frame)
	}
	return row
}

func (s symbol) shapeDated(row *ContractTicker, mark decimal.Decimal, frame int64) {
	index := s.coin.index(frame)
	basis := mark.Sub(index)
	row.FundingRate, row.NextFundingTime, row.FundingIntervalHour, row.FundingCap = "", "0", "", ""
	row.Bid1Price, row.Bid1Size, row.Ask1Price, row.Ask1Size = "", "", "", ""
	row.DeliveryTime, row.DeliveryFeeRate = strconv.FormatInt(s.delivery, 10), "0"
	row.Basis, row.BasisRate = basis.String(), basis.DivRound(index, 4).String()
	row.BasisRateYear = decimal.New(8, -2).String()
}
