package exchangesim

import (
	"math/big"

	"github.com/shopspring/decimal"
)

// holding is one asset of a wallet, before the market.
type holding struct {
	coin     coin
	wallet   decimal.Decimal
	borrowed decimal.Decimal
	interest decimal.Decimal
	realised decimal.Decimal
	bonus    decimal.Decimal
	seed     seed
}

// holdings lists a wallet's assets in slot order, then what the admin gave it
// beside them.
func (v *view) holdings(wallet string) []holding {
	if v.bench {
		return v.benchHoldings()
	}
	var list []holding
	seen := map[string]bool{}
	for slot := range v.rows.Assets {
		h, present := v.slotHolding(wallet, slot)
		seen[h.coin.name] = true
		if c, ok := v.past.balance(wallet, h.coin.name, v.at); ok {
			h, present = v.changedHolding(h, c)
		}
		if present {
			list = append(list, h)
		}
	}
	for _, c := range v.past.balances {
		if c.at > v.at || c.wallet != wallet || seen[c.coin] {
			continue
		}
		seen[c.coin] = true
		last, _ := v.past.balance(wallet, c.coin, v.at)
		asset, _ := v.market.coin(c.coin)
		if h, present := v.changedHolding(holding{coin: asset, seed: asset.seed}, last); present {
			list = append(list, h)
		}
	}
	return list
}

func (v *view) changedHolding(h holding, c balanceChange) (holding, bool) {
	if c.amount == nil || c.amount.IsZero() {
		return h, false
	}
	h.wallet, h.borrowed, h.interest, h.bonus = *c.amount, decimal.Zero, decimal.Zero, decimal.Zero
	return h, true
}

// slotHolding gives the asset of a slot. Its amount keeps for seconds to
// minutes and has 18 decimals, which floats lose. The first four slots are
// always held; a later one is sold to zero now and then, for a whole cycle.
func (v *view) slotHolding(wallet string, i int) (holding, bool) {
	s := v.acc.seed.named(assetSeed(wallet)).at(int64(i))
	h := holding{coin: v.slotAsset(i), seed: s}
	turn := v.cycleAt(s.named("amount"), s.named("pace").between(20*second, 10*minute), v.frame)
	h.wallet = v.amount(h.coin, s.named("notional").between(100, 20_000), turn.seed)
	h.realised = decimal.New(turn.seed.named("realised").between(-99_999_999_999, 99_999_999_999), -8)
	h.interest = decimal.New(turn.seed.named("interest").below(1_000_000), -18)
	if s.named("bonus").oneIn(5) {
		h.bonus = decimal.NewFromInt(turn.seed.named("bonus").below(50))
	}
	if v.acc.debtor && i == 3 && wallet == walletUnified {
		h.borrowed = h.wallet.Mul(decimal.New(turn.seed.named("debt").between(105, 180), -2))
	}
	presence := v.cycleAt(s.named("presence"), s.named("presence pace").between(hour, 6*hour), v.frame)
	held := v.rows.Steady || i < 4 || !presence.seed.oneIn(5)
	return h, held && !v.acc.empty
}

// assetSeed keeps the wallets of an account apart.
func assetSeed(wallet string) string {
	if wallet == walletUnified {
		return "asset"
	}
	return "asset " + wallet
}

// slotAsset: two stablecoins, the two first coins, then a run of the others
// that begins elsewhere for each account.
func (v *view) slotAsset(i int) coin {
	switch i {
	case 0:
		return v.market.usdt
	case 1:
		return v.market.usdc
	}
	if i < 4 || len(v.market.assets) <= 4 {
		return v.market.assets[(i-2)%len(v.market.assets)]
	}
	others := v.market.assets[2:]
	start := v.acc.seed.named("assets").below(int64(len(others)))
	return others[(int64(i-4)+start)%int64(len(others))]
}

// amount draws about so many dollars' worth of a coin.
func (v *view) amount(c coin, dollars int64, s seed) decimal.Decimal {
	units := decimal.NewFromInt(dollars).DivRound(decimal.New(c.base, -c.scale), 8).
		Mul(decimal.New(s.named("move").between(900, 1100), -3)).Truncate(8)
	dust := big.NewInt(10*s.named("dust").between(0, 999_999_999) + s.named("last digit").between(1, 9))
	return units.Add(decimal.NewFromBigInt(dust, -18))
}
