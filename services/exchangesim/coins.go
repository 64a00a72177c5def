package exchangesim

import "fmt"

// coin is an asset with a price in US dollars. base is the price around which
// it moves, in units of 10^-scale dollars.
type coin struct {
	name  string
	base  int64
	scale int32
	// qtyScale is the number of decimals of an order's quantity in this coin.
	qtyScale int32
	seed     seed
}

// coinAt gives coin number k: the first dozen have familiar names and prices,
// the rest are made up, as many as asked for.
func coinAt(root seed, k int) coin {
	known := []coin{
		{name: "BTC", base: 60_000_00, scale: 2},
		{name: "ETH", base: 3_000_00, scale: 2},
		{name: "SOL", base: 150_000, scale: 3},
		{name: "XRP", base: 50_000, scale: 5},
		{name: "BNB", base: 600_00, scale: 2},
		{name: "DOGE", base: 12_000, scale: 5},
		{name: "ADA", base: 4_500, scale: 4},
		{name: "LTC", base: 80_00, scale: 2},
		{name: "LINK", base: 15_000, scale: 3},
		{name: "AVAX", base: 30_000, scale: 3},
		{name: "DOT", base: 6_000, scale: 3},
		{name: "MNT", base: 8_000, scale: 4},
	}
	s := root.named("coin").at(int64(k))
	c := coin{name: fmt.Sprintf("SIM%03d", k), base: s.named("base").between(1_000, 5_000_000), scale: 4}
	if k < len(known) {
		c = known[k]
	}
	c.seed = s
	c.qtyScale = qtyScale(c)
	return c
}

// stablecoins settle linear contracts and quote spot pairs.
func stablecoin(root seed, name string) coin {
	return coin{name: name, base: 1_000_000, scale: 6, qtyScale: 2, seed: root.named(name)}
}

func qtyScale(c coin) int32 {
	dollars := c.base
	for range c.scale {
		dollars /= 10
	}
	switch {
	case dollars >= 10_000:
		return 3
	case dollars >= 1_000:
		return 2
	case dollars >= 10:
		return 1
	default:
		return 0
	}
}
