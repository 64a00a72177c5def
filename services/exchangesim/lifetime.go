package exchangesim

import (
	"fmt"
	"time"
)

// The statuses of an instrument.
const (
	instrumentPreLaunch  = "PreLaunch"
	instrumentTrading    = "Trading"
	instrumentDelivering = "Delivering"
	instrumentClosed     = "Closed"
)

const (
	// deliveryTakes is how long an instrument is Delivering after its delivery.
	deliveryTakes = hour
	// pastDeliveries and pastMonths are how far back closed instruments are
	// still listed, unless the world is younger.
	pastDeliveries = 4
	pastMonths     = 12
)

// listed is an instrument with its place in time. What trades is what tickers,
// positions and orders use; the rest is only listed, and has candles.
type listed struct {
	symbol
	status string
	launch int64 // Unix ms
	never  bool  // its launch was called off: it has no candle
}

// lineup lists the instruments of a category, whatever their status: those that
// trade, in the market's order, then those to come and those that were.
func (w *world) lineup(category string, at int64) []listed {
	var all []listed
	for _, s := range w.market.instruments(category, at) {
		all = append(all, listed{symbol: s, status: instrumentTrading, launch: w.launch(s)})
	}
	next, after := quarterEnds(at)
	switch category {
	case linear, inverse:
		all = append(all, w.delivered(category, after, instrumentPreLaunch)...)
	case option:
		beyond, _ := quarterEnds(after)
		all = append(all, w.delivered(category, beyond, instrumentPreLaunch)...)
	}
	delivery := previousQuarterEnd(next)
	for range pastDeliveries {
		if category == spot || delivery <= w.epoch {
			break
		}
		status := instrumentClosed
		if at < delivery+deliveryTakes {
			status = instrumentDelivering
		}
		all = append(all, w.delivered(category, delivery, status)...)
		delivery = previousQuarterEnd(delivery)
	}
	if category == linear {
		all = append(all, w.calledOff(at)...)
	}
	return all
}

// delivered gives the futures or options of one delivery.
func (w *world) delivered(category string, delivery int64, status string) []listed {
	var list []listed
	add := func(s symbol) { list = append(list, listed{symbol: s, status: status, launch: w.launch(s)}) }
	if category != option {
		for _, c := range w.market.datedCoins() {
			add(w.market.dated(category, c, delivery))
		}
		return list
	}
	for _, c := range w.market.coins[:min(optionCoins, len(w.market.coins))] {
		for i := range w.market.strikes * 4 {
			add(w.market.option(c, delivery, i))
		}
	}
	return list
}

// calledOff gives the perpetuals of coins that never came, one a month: in
// PreLaunch the month before, Delivering in their own, Closed from then on. So
// there is one of each status at any time.
func (w *world) calledOff(at int64) []listed {
	now := time.UnixMilli(at).UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	var list []listed
	for back := -1; back <= pastMonths; back++ {
		begin := month.AddDate(0, -back, 0)
		if begin.UnixMilli() < w.epoch {
			break
		}
		name := "PRE" + begin.Format("0601")
		c := coin{name: name, base: 10_000, scale: 4, seed: w.seed.named(name)}
		l := listed{symbol: w.market.perpetual("linear:USDT", c), status: instrumentClosed, launch: begin.UnixMilli(), never: true}
		switch back {
		case -1:
			l.status = instrumentPreLaunch
		case 0:
			l.status = instrumentDelivering
		}
		if back >= 0 {
			l.delivery = begin.AddDate(0, 1, 0).UnixMilli()
		}
		list = append(list, l)
	}
	return list
}

// launch tells when an instrument began to trade: what never ends has been
// there since the world began; a future is listed when the one before it is
// delivered, an option two deliveries before its own.
func (w *world) launch(s symbol) int64 {
	switch s.kind {
	case kindDated:
		return max(w.epoch, previousQuarterEnd(s.delivery))
	case kindOption:
		return max(w.epoch, previousQuarterEnd(previousQuarterEnd(s.delivery)))
	default:
		return w.epoch
	}
}

// previousQuarterEnd gives the delivery before a delivery. Quarters are at most
// 98 days long and two of them more than 100, so that exactly one delivery lies
// in the hundred days before.
func previousQuarterEnd(delivery int64) int64 {
	before, _ := quarterEnds(delivery - 100*day)
	return before
}

// findListed looks an instrument up by name, whatever its status.
func (w *world) findListed(category, name string, at int64) (listed, error) {
	if s, ok := w.market.find(category, name, at); ok {
		return listed{symbol: s, status: instrumentTrading, launch: w.launch(s)}, nil
	}
	for _, l := range w.lineup(category, at) {
		if l.name == name {
			return l, nil
		}
	}
	return listed{}, fmt.Errorf("no instrument %q in category %q", name, category)
}
