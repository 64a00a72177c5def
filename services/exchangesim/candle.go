package exchangesim

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// CandleRow is one row of market/kline: start (Unix ms), open, high, low,
// close, volume, turnover. Volume is in the base coin, of an inverse contract
// in US dollars; turnover in the other.
type CandleRow [7]string

// candle computes the candle that starts there as it is at an instant, which
// must not lie before it. It is final once its end has come; until then its
// high, low, close and volume move.
//
// The ticker's last price of any instant lies within the candle of that
// instant. Open, high, low, close and volume of a candle are those of the
// shorter candles that it is made of; turnover is volume at a mean price.
func (w *world) candle(l listed, i interval, start, at int64) CandleRow {
	from, to := max(start, l.launch), i.next(start)
	if l.delivery != 0 {
		to = min(to, l.delivery)
	}
	end, closing := to, w.frame(to-1)
	if at < to {
		end, closing = w.frame(at), w.frame(at)
	}
	scale := l.coin.scale
	low, high := l.extremes(w.frame(from), end)
	opened, closed := l.last(w.frame(from)), l.last(closing)
	volume := l.traded(w.epoch, from, max(from, end))
	mean := opened.Add(high).Add(low).Add(closed).DivRound(decimal.NewFromInt(4), scale+2)
	return CandleRow{
		millis(start), opened.StringFixed(scale), high.StringFixed(scale), low.StringFixed(scale), closed.StringFixed(scale),
		volume.String(), l.value(volume, mean).Round(8).String(),
	}
}

// extremes bounds the last price between two instants: the trend's highest and
// lowest value there, and as much as the faster waves may add. A trend is
// straight within an hour, so its extremes are at the bounds or on the hour;
// the few units of 10^-8 are what the waves round.
func (s symbol) extremes(from, to int64) (low, high decimal.Decimal) {
	const swing = minuteSwing + jitterSwing + lastSwing + 16
	least := s.coin.trend(from) + s.carry(from)
	most := least
	look := func(at int64) {
		f := s.coin.trend(at) + s.carry(at)
		least, most = min(least, f), max(most, f)
	}
	look(to)
	for at := floorDiv(from, hour)*hour + hour; at < to; at += hour {
		look(at)
	}
	return s.coin.price(least - swing), s.coin.price(most + swing)
}

// traded is the volume between two instants: the difference of a sum that only
// ever grows, so that volumes add up.
func (s symbol) traded(epoch, from, to int64) decimal.Decimal {
	sum := func(at int64) int64 {
		return 12*(at-epoch) + s.seed.named("hourly volume").wave(at, hour, 10_000_000) + s.seed.named("minutely volume").wave(at, minute, 90_000)
	}
	if s.category == inverse {
		return decimal.New(sum(to)-sum(from), 0)
	}
	return decimal.New(sum(to)-sum(from), -4)
}

// candles gives the candles whose start lies in [from, to], oldest first, as
// they are at an instant; of more than most, the newest, or with oldest the
// first ones.
func (w *world) candles(l listed, i interval, from, to, at int64, most int, oldest bool) []CandleRow {
	from = i.floor(max(from, l.launch))
	to = min(to, at)
	if l.delivery != 0 {
		to = min(to, l.delivery-1)
	}
	if l.never || l.launch > at {
		return nil
	}
	var starts []int64
	if oldest {
		for start := from; start <= to && len(starts) < most; start = i.next(start) {
			starts = append(starts, start)
		}
	} else {
		for start := i.floor(to); start >= from && len(starts) < most; start = i.floor(start - 1) {
			starts = append(starts, start)
		}
		slices.Reverse(starts)
	}
	rows := make([]CandleRow, 0, len(starts))
	for _, start := range starts {
		rows = append(rows, w.candle(l, i, start, at))
	}
	return rows
}

// maxCandles bounds what Candles computes.
const maxCandles = 2_000_000

// Candles gives the final candles of an instrument that start in [from, to],
// oldest first, in the rows of market/kline. The interval is the exchange's
// name of it: 1 to 720 (minutes), D, W or M.
func (x *Exchange) Candles(category, name, every string, from, to time.Time) ([]CandleRow, error) {
	now := x.clock.show()
	l, err := x.world.findListed(category, name, now)
	if err != nil {
		return nil, fmt.Errorf("candles: %w", err)
	}
	i := interval(every)
	if category == option || !slices.Contains(intervals(), i) {
		return nil, fmt.Errorf("candles: there are none of %s every %q", category, every)
	}
	rows := x.world.candles(l, i, from.UnixMilli(), to.UnixMilli(), now, maxCandles, true)
	if n := len(rows); n > 0 && !l.final(i, number(rows[n-1][0]), now) {
		rows = rows[:n-1]
	}
	return rows, nil
}

// final tells whether a candle can still move.
func (l listed) final(i interval, start, at int64) bool {
	return i.next(start) <= at || l.delivery != 0 && l.delivery <= at
}
