package exchangesim

import (
	"time"

	"github.com/shopspring/decimal"
)

// one is the whole in the fixed-point arithmetic of price factors.
const one = int64(100_000_000)

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// index gives the coin's dollar price at a frame: waves of a month, a day, an
// hour and a minute, and a jitter that changes with every frame.
func (c coin) index(frame int64) decimal.Decimal {
	if c.scale == 6 {
		return c.price(one + c.seed.wave(frame, hour, 60_000) + c.seed.named("jitter").at(frame).between(-2_000, 2_000))
	}
	return c.price(c.factor(frame))
}

func (c coin) factor(frame int64) int64 {
	f := c.trend(frame)
	f += c.seed.named("minute").wave(frame, minute, minuteSwing)
	return f + c.seed.named("jitter").at(frame).between(-jitterSwing, jitterSwing)
}

// How far what is faster than the trend may move a price.
const (
	minuteSwing = one / 1000
	jitterSwing = one / 5000
	lastSwing   = one / 2000
)

// trend is the slow part of factor: straight within every hour.
func (c coin) trend(frame int64) int64 {
	f := one
	f += c.seed.named("month").wave(frame, 30*day, one/5)
	f += c.seed.named("day").wave(frame, day, one/25)
	return f + c.seed.named("hour").wave(frame, hour, one/125)
}

// price is the base price times a factor, rounded to the coin's tick.
func (c coin) price(factor int64) decimal.Decimal {
	return decimal.New(c.base, -c.scale).Mul(decimal.New(factor, -8)).Round(c.scale)
}

// mark, last and the book of a symbol stay within a few basis points of the
// index of its coin.
func (s symbol) mark(frame int64) decimal.Decimal {
	if s.kind == kindOption {
		return s.optionMark(frame)
	}
	f := s.coin.factor(frame) + s.seed.named("mark").wave(frame, 10*minute, one/3000)
	return s.coin.price(f + s.carry(frame))
}

func (s symbol) last(frame int64) decimal.Decimal {
	if s.kind == kindOption {
		return s.optionMark(frame)
	}
	f := s.coin.factor(frame) + s.seed.named("last").at(frame).between(-lastSwing, lastSwing)
	return s.coin.price(f + s.carry(frame))
}

// carry is what a dated future costs above its index: 8 % a year.
func (s symbol) carry(frame int64) int64 {
	if s.kind != kindDated {
		return 0
	}
	return one * 8 / 100 * (s.delivery - frame) / (365 * day)
}

// optionMark is intrinsic value plus a time value that fades with distance
// from the money and with time; no model, but monotone and never below zero.
func (s symbol) optionMark(frame int64) decimal.Decimal {
	under := s.coin.index(frame)
	diff := under.Sub(s.strike)
	if !s.call {
		diff = diff.Neg()
	}
	value := decimal.Max(diff, decimal.Zero)
	near := decimal.NewFromInt(1).Sub(under.Sub(s.strike).Abs().DivRound(under, 8))
	if near.IsPositive() {
		days := decimal.NewFromInt(max(0, s.delivery-frame)).DivRound(decimal.NewFromInt(90*day), 8)
		value = value.Add(under.Mul(near).Mul(near).Mul(days).Mul(decimal.New(5, -2)))
	}
	return value.Round(s.coin.scale)
}

// quarterEnds gives the next two quarterly deliveries after an instant: the
// last Friday of March, June, September and December, 08:00 UTC.
func quarterEnds(at int64) (next, after int64) {
	t := time.UnixMilli(at).UTC()
	var found []int64
	for m := time.Date(t.Year(), t.Month(), 1, 8, 0, 0, 0, time.UTC); len(found) < 2; m = m.AddDate(0, 1, 0) {
		if m.Month()%3 != 0 {
			continue
		}
		last := m.AddDate(0, 1, -1)
		last = last.AddDate(0, 0, -(int(last.Weekday())+2)%7)
		if last.UnixMilli() > at {
			found = append(found, last.UnixMilli())
		}
	}
	return found[0], found[1]
}
