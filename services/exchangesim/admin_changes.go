package exchangesim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
)

// ErrNothing: there is nothing of that name to change.
var ErrNothing = errors.New("not there")

// indexOfUID finds an account by the UID it was born with or has now.
func (x *Exchange) indexOfUID(uid string) (int, error) {
	n, err := strconv.ParseInt(uid, 10, 64)
	if index := n - firstUID(x.cfg.Seed); err == nil && index >= 0 && index < int64(x.cfg.Accounts) {
		return int(index), nil
	}
	if index, ok := x.book.indexOfUID(uid); ok {
		return index, nil
	}
	return 0, fmt.Errorf("%w: %q; those of this stand-in begin with %s", ErrUnknownUID, uid, uidOf(x.cfg.Seed, 0))
}

// change dates a change of one account and writes it down. make sees the
// account as it is at the change's instant.
func (x *Exchange) change(uid string, prepare func(v *view) (func(*changes), error)) (time.Time, error) {
	index, err := x.indexOfUID(uid)
	if err != nil {
		return time.Time{}, err
	}
	at, err := x.clock.change(func(at int64) error {
		write, err := prepare(x.view(index, at))
		if err != nil {
			return err
		}
		return x.book.add(index, write)
	})
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(at).UTC(), nil
}

// SetBalance fixes an asset's balance in the unified wallet from now on and
// returns the instant from which it holds. Zero removes the asset, as
// RemoveAsset does.
func (x *Exchange) SetBalance(uid, asset, amount string) (time.Time, error) {
	return x.SetWalletBalance(uid, walletUnified, asset, amount)
}

// SetWalletBalance does so for any wallet: UNIFIED, CONTRACT, SPOT or FUND.
func (x *Exchange) SetWalletBalance(uid, wallet, asset, amount string) (time.Time, error) {
	if !slices.Contains([]string{walletUnified, walletContract, walletSpot, walletFund}, wallet) {
		return time.Time{}, fmt.Errorf("setting a balance: wallet must be UNIFIED, CONTRACT, SPOT or FUND, not %q", wallet)
	}
	d, err := decimal.NewFromString(amount)
	if err != nil {
		return time.Time{}, fmt.Errorf("setting a balance: amount must be a decimal number, not %q", amount)
	}
	return x.setBalance(uid, wallet, asset, &d)
}

// RemoveAsset sells an asset to zero: it is no longer listed.
func (x *Exchange) RemoveAsset(uid, asset string) (time.Time, error) {
	return x.setBalance(uid, walletUnified, asset, nil)
}

func (x *Exchange) setBalance(uid, wallet, asset string, amount *decimal.Decimal) (time.Time, error) {
	at, err := x.change(uid, func(v *view) (func(*changes), error) {
		if _, known := v.market.coin(asset); !known {
			return nil, fmt.Errorf("no asset %q on this exchange", asset)
		}
		return func(c *changes) {
			c.balances = append(c.balances, balanceChange{at: v.at, wallet: wallet, coin: asset, amount: amount})
		}, nil
	})
	if err != nil {
		return at, fmt.Errorf("setting the balance of %s: %w", asset, err)
	}
	return at, nil
}

// ClosePosition closes a leg that is open, for good.
func (x *Exchange) ClosePosition(uid, category, name string, idx int) (time.Time, error) {
	at, err := x.change(uid, func(v *view) (func(*changes), error) {
		s, known := v.market.find(category, name, v.at)
		if !known {
			return nil, fmt.Errorf("no symbol %q in category %q", name, category)
		}
		open := slices.ContainsFunc(v.positions(s.scope()), func(p position) bool { return p.symbol.name == name && p.idx == idx })
		if !open {
			return nil, fmt.Errorf("%w: no open position %d", ErrNothing, idx)
		}
		return func(c *changes) {
			c.positions = append(c.positions, positionChange{at: v.at, category: category, symbol: name, idx: idx})
		}, nil
	})
	if err != nil {
		return at, fmt.Errorf("closing the position in %s: %w", name, err)
	}
	return at, nil
}

// PositionSpec is a position for the admin to open. AvgPrice empty: at the mark.
type PositionSpec struct {
	Category    string `json:"category"`
	Symbol      string `json:"symbol"`
	PositionIdx int    `json:"position_idx"`
	Side        string `json:"side"`
	Size        string `json:"size"`
	AvgPrice    string `json:"avg_price"`
	Leverage    int64  `json:"leverage"` // default 10
}

// OpenPosition opens a position, or replaces the one on the same leg.
func (x *Exchange) OpenPosition(uid string, spec PositionSpec) (time.Time, error) {
	at, err := x.change(uid, func(v *view) (func(*changes), error) {
		p, err := v.newPosition(spec)
		if err != nil {
			return nil, err
		}
		return func(c *changes) {
			c.positions = append(c.positions, positionChange{at: v.at, category: spec.Category, symbol: spec.Symbol, idx: spec.PositionIdx, opened: p})
		}, nil
	})
	if err != nil {
		return at, fmt.Errorf("opening a position in %s: %w", spec.Symbol, err)
	}
	return at, nil
}

func (v *view) newPosition(spec PositionSpec) (*position, error) {
	s, known := v.market.find(spec.Category, spec.Symbol, v.at)
	if !known || spec.Category == spot {
		return nil, fmt.Errorf("no contract %q in category %q", spec.Symbol, spec.Category)
	}
	if spec.Side != "Buy" && spec.Side != "Sell" {
		return nil, fmt.Errorf("side must be Buy or Sell, not %q", spec.Side)
	}
	if hedged := v.hedged(s.scope()); hedged != (spec.PositionIdx == 1 || spec.PositionIdx == 2) || !hedged && spec.PositionIdx != 0 {
		return nil, fmt.Errorf("position_idx %d does not fit: an account in hedge mode has 1 and 2 in USDT contracts, all else 0", spec.PositionIdx)
	}
	size, err := positive("size", spec.Size, true)
	if err != nil {
		return nil, err
	}
	avg, err := positive("avg_price", spec.AvgPrice, false)
	if err != nil {
		return nil, err
	}
	if avg.IsZero() {
		avg = decimal.Max(s.mark(v.frame), decimal.New(1, -s.coin.scale))
	}
	if spec.Leverage < 0 || spec.Leverage > 100 {
		return nil, fmt.Errorf("leverage must be 1 to 100, not %d", spec.Leverage)
	}
	return &position{
		symbol: s, idx: spec.PositionIdx, side: spec.Side, size: size, avg: avg, leverage: orDefault(spec.Leverage, 10),
		opened: v.at, updated: v.at, seq: seqBase + 2*(v.at-v.epoch), liquidity: true, seed: s.seed.at(v.at),
	}, nil
}

// updateProfile changes what the exchange knows about the account's key.
func (x *Exchange) updateProfile(uid string, update func(*profile) error) (time.Time, error) {
	return x.change(uid, func(v *view) (func(*changes), error) {
		p := x.profile(v.acc.index, v.past, v.at)
		p.at, p.permissions = v.at, maps.Clone(p.permissions)
		if err := update(&p); err != nil {
			return nil, err
		}
		return func(c *changes) { c.profiles = append(c.profiles, p) }, nil
	})
}
