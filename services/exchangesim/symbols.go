package exchangesim

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

type symbolKind int

const (
	kindSpot symbolKind = iota
	kindPerpetual
	kindDated
	kindOption
)

const (
	spot    = "spot"
	linear  = "linear"
	inverse = "inverse"
	option  = "option"

	optionCoins = 3
)

// symbol is one instrument. The same name may exist in two categories.
type symbol struct {
	name, category, quote, settle string
	coin                          coin
	kind                          symbolKind
	delivery                      int64 // Unix ms; 0 for what never ends
	strike                        decimal.Decimal
	call                          bool
	seed                          seed
}

// scope is the smallest part that a walk covers: the category, with the settle
// coin where the exchange asks for one.
func (s symbol) scope() string {
	if s.category == linear {
		return linear + ":" + s.settle
	}
	return s.category
}

func (s symbol) qtyScale() int32 {
	switch s.kind {
	case kindSpot:
		return 6
	case kindOption:
		return 2
	default:
		if s.category == inverse {
			return 0
		}
		return s.coin.qtyScale
	}
}

func (m *market) spotPair(c coin) symbol {
	return m.symbol(spot, c.name+"USDT", kindSpot, c, "USDT", "")
}

func (m *market) perpetual(scope string, c coin) symbol {
	switch scope {
	case "linear:USDT":
		return m.symbol(linear, c.name+"USDT", kindPerpetual, c, "USDT", "USDT")
	case "linear:USDC":
		return m.symbol(linear, c.name+"PERP", kindPerpetual, c, "USDC", "USDC")
	case inverse:
		return m.symbol(inverse, c.name+"USD", kindPerpetual, c, "USD", c.name)
	default:
		settle := strings.TrimPrefix(scope, linear+":")
		return m.symbol(linear, c.name+settle, kindPerpetual, c, settle, settle)
	}
}

func (m *market) symbol(category, name string, kind symbolKind, c coin, quote, settle string) symbol {
	return symbol{
		category: category, name: name, kind: kind, coin: c, quote: quote, settle: settle,
		seed: m.seed.named(category).named(name),
	}
}

func (m *market) dated(category string, c coin, delivery int64) symbol {
	t := time.UnixMilli(delivery).UTC()
	if category == linear {
		s := m.symbol(linear, c.name+"USDT-"+strings.ToUpper(t.Format("2Jan06")), kindDated, c, "USDT", "USDT")
		s.delivery = delivery
		return s
	}
	letter := map[time.Month]string{time.March: "H", time.June: "M", time.September: "U", time.December: "Z"}[t.Month()]
	s := m.symbol(inverse, c.name+"USD"+letter+t.Format("06"), kindDated, c, "USD", c.name)
	s.delivery = delivery
	return s
}

// option number i of a coin and delivery: settle coin fastest, then call or
// put, then strike.
func (m *market) option(c coin, delivery int64, i int) symbol {
	settle := []string{"USDT", "USDC"}[i%2]
	call := i/2%2 == 0
	strike := m.strike(c, i/4)
	side, suffix := "P", ""
	if call {
		side = "C"
	}
	if settle == "USDT" {
		suffix = "-USDT"
	}
	date := strings.ToUpper(time.UnixMilli(delivery).UTC().Format("2Jan06"))
	name := fmt.Sprintf("%s-%s-%s-%s%s", c.name, date, strike, side, suffix)
	s := m.symbol(option, name, kindOption, c, settle, settle)
	s.delivery, s.strike, s.call = delivery, strike, call
	return s
}

// strike spreads the ladder over 60 % to 140 % of the base price, rounded to
// three significant digits.
func (m *market) strike(c coin, step int) decimal.Decimal {
	share := decimal.New(60, -2).Add(decimal.New(80, -2).Mul(decimal.NewFromInt(int64(step))).
		DivRound(decimal.NewFromInt(int64(m.strikes-1)), 6))
	price := decimal.New(c.base, -c.scale).Mul(share)
	digits := int32(len(price.Truncate(0).String()))
	return price.Round(3 - digits)
}
