package exchangesim_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

func dec(t *testing.T, s string) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(s)
	require.NoError(t, err, "%q", s)
	return d
}

// survivesFloat tells whether a decimal comes back from float64 unharmed.
func survivesFloat(t *testing.T, s string) bool {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return decimal.NewFromFloat(f).Equal(dec(t, s))
}

func TestWalletAddsUp(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Accounts: 30})
	negative, rows, lost := 0, 0, 0
	for index := range 30 {
		truth, err := s.TruthSince(s.UID(index), noon(), time.Hour)
		require.NoError(t, err)
		pnl, options := map[string]decimal.Decimal{}, map[string]decimal.Decimal{}
		for scope, list := range truth.Positions {
			for _, p := range list {
				settle := settleCoin(scope, p.Symbol)
				if scope == "option" {
					value := dec(t, p.Size).Mul(dec(t, p.MarkPrice))
					if p.Side == "Sell" {
						value = value.Neg()
					}
					options[settle] = options[settle].Add(value)
					continue
				}
				pnl[settle] = pnl[settle].Add(dec(t, p.UnrealisedPnl))
			}
		}
		total := decimal.Zero
		for _, c := range truth.Balances {
			equity := dec(t, c.WalletBalance).Sub(dec(t, c.SpotBorrow)).Add(pnl[c.Coin]).Add(options[c.Coin])
			require.True(t, equity.Equal(dec(t, c.Equity)), "%s: %s and %s", c.Coin, equity, c.Equity)
			require.True(t, pnl[c.Coin].Equal(dec(t, c.UnrealisedPnl)), c.Coin)
			rows++
			if !survivesFloat(t, c.WalletBalance) {
				lost++
			}
			require.Empty(t, c.AvailableToWithdraw+c.AvailableToBorrow+c.Free, "given up by the exchange")
			total = total.Add(dec(t, c.UsdValue))
			if dec(t, c.Equity).IsNegative() {
				negative++
			}
		}
		require.True(t, total.Equal(dec(t, truth.Wallet.TotalEquity)))
	}
	require.Positive(t, negative)
	require.Greater(t, lost, rows*9/10, "floats lose nearly every amount")
}

func settleCoin(scope, symbol string) string {
	switch {
	case scope == "linear:USDT", scope == "option" && symbol[len(symbol)-5:] == "-USDT":
		return "USDT"
	case scope == "inverse":
		return symbol[:len(symbol)-len("USD")]
	default:
		return "USDC"
	}
}

func TestMarginModesLeaveFieldsEmpty(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Rows: exchangesim.Rows{Steady: true}})
	regular, err := s.Truth(s.UID(0), noon())
	require.NoError(t, err)
	require.NotEmpty(t, regular.Wallet.TotalInitialMargin)
	require.NotEmpty(t, regular.Balances[0].TotalPositionIM)
	isolated, err := s.Truth(s.UID(1), noon())
	require.NoError(t, err)
	require.Equal(t, "ISOLATED_MARGIN", isolated.Account.MarginMode)
	require.Empty(t, isolated.Wallet.TotalInitialMargin+isolated.Wallet.TotalMarginBalance+isolated.Wallet.TotalAvailableBalance+isolated.Wallet.AccountIMRate)
	require.NotEmpty(t, isolated.Wallet.TotalEquity)
	portfolio, err := s.Truth(s.UID(2), noon())
	require.NoError(t, err)
	require.Equal(t, "PORTFOLIO_MARGIN", portfolio.Account.MarginMode)
	require.Empty(t, portfolio.Balances[0].TotalPositionIM+portfolio.Balances[0].TotalOrderIM)
	require.Empty(t, portfolio.Positions["linear:USDT"][0].Leverage+portfolio.Positions["linear:USDT"][0].PositionIM)
	hedged, err := s.Truth(s.UID(3), noon())
	require.NoError(t, err)
	require.Equal(t, map[int]int{1: 2, 2: 2}, legs(hedged.Positions["linear:USDT"]))
	require.Equal(t, map[int]int{0: 4}, legs(hedged.Positions["linear:USDC"]))
}

func legs(rows []exchangesim.PositionRow) map[int]int {
	count := map[int]int{}
	for _, row := range rows {
		count[row.PositionIdx]++
	}
	return count
}

func TestPositionsFollowTheMarket(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	truth, err := s.Truth(s.UID(0), noon())
	require.NoError(t, err)
	marks := map[string]string{}
	for _, category := range []string{"linear", "inverse"} {
		for _, p := range truth.Prices[category] {
			row := p.(exchangesim.ContractTicker)
			marks[row.Symbol] = row.MarkPrice
		}
	}
	seen := 0
	for scope, rows := range truth.Positions {
		for _, p := range rows {
			seen++
			require.Greater(t, *p.Seq, int64(1)<<53)
			require.NotEqual(t, *p.Seq, int64(float64(*p.Seq)), "a float would lose it")
			mark, avg, size := dec(t, p.MarkPrice), dec(t, p.AvgPrice), dec(t, p.Size)
			require.True(t, size.IsPositive())
			if scope == "option" {
				require.NotNil(t, p.Delta)
				require.Empty(t, p.CumRealisedPnl)
				continue
			}
			require.Nil(t, p.Delta)
			require.Equal(t, marks[p.Symbol], p.MarkPrice)
			want := mark.Sub(avg).Mul(size)
			if scope == "inverse" {
				want = size.DivRound(avg, 8).Sub(size.DivRound(mark, 8))
			}
			if p.Side == "Sell" {
				want = want.Neg()
			}
			require.True(t, want.Equal(dec(t, p.UnrealisedPnl)), "%s: %s and %s", p.Symbol, want, p.UnrealisedPnl)
		}
	}
	require.Greater(t, seen, 4)
}

// TestTheWorldMoves watches a day, and finds every kind of change in it.
func TestTheWorldMoves(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	statuses, assets, positions, amounts := map[string]int{}, map[string]int{}, map[string]int{}, map[string]bool{}
	const looks = 48
	for i := range looks {
		truth, err := s.TruthSince(s.UID(0), noon().Add(-time.Duration(i)*30*time.Minute), 48*time.Hour)
		require.NoError(t, err)
		for _, rows := range truth.Orders {
			for _, row := range rows {
				statuses[row.OrderStatus]++
			}
		}
		for _, row := range truth.Balances {
			assets[row.Coin]++
			amounts[row.WalletBalance] = true
		}
		for _, row := range truth.Positions["linear:USDT"] {
			positions[row.Symbol]++
		}
	}
	require.ElementsMatch(t, []string{
		"New", "PartiallyFilled", "Untriggered", "Filled", "Cancelled", "PartiallyFilledCanceled", "Rejected", "Deactivated",
	}, slices.Collect(maps.Keys(statuses)))
	require.Greater(t, len(amounts), 100)
	coming := func(counts map[string]int) bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(counts)), func(n int) bool { return n < looks })
	}
	require.True(t, coming(assets), "some asset is sold to zero")
	require.True(t, coming(positions), "some position closes")
}

func TestOrdersOnlyMoveForward(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	rank := map[string]int{"Untriggered": 0, "New": 1, "PartiallyFilled": 2}
	last := map[string]exchangesim.OrderRow{}
	for i := range 144 {
		truth, err := s.TruthSince(s.UID(0), noon().Add(time.Duration(i-144)*5*time.Minute), 24*time.Hour)
		require.NoError(t, err)
		for _, rows := range truth.Orders {
			for _, row := range rows {
				was, known := last[row.OrderID]
				last[row.OrderID] = row
				if !known {
					continue
				}
				if _, open := rank[was.OrderStatus]; !open {
					require.Equal(t, was, row, "an ended order never changes")
					continue
				}
				require.False(t, instant(t, row.UpdatedTime).Before(instant(t, was.UpdatedTime)))
				require.False(t, dec(t, row.CumExecQty).LessThan(dec(t, was.CumExecQty)))
				if next, open := rank[row.OrderStatus]; open {
					require.GreaterOrEqual(t, next, rank[was.OrderStatus])
				}
			}
		}
	}
}

func TestSpotRowsDiffer(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{HistoryBy: "updated"})
	c := s.Client(0)
	quoted := 0
	for id, row := range history(t, c, "category=spot") {
		_, err := strconv.ParseUint(id, 10, 64)
		require.NoError(t, err, "spot ids are numbers")
		require.Nil(t, row.CreateType)
		require.Nil(t, row.TpslMode)
		require.NotNil(t, row.BasePrice)
		if row.MarketUnit == "quoteCoin" {
			quoted++
			value := dec(t, row.CumExecValue).Sub(dec(t, row.Qty)).Abs()
			require.True(t, value.LessThan(dec(t, "0.01")), "qty is in the quote coin: %s", value)
		}
	}
	require.Positive(t, quoted)
	for id, row := range history(t, c, "category=linear") {
		require.Len(t, id, 36)
		require.NotNil(t, row.CreateType)
		if row.CumExecQty != "0" {
			require.NotEmpty(t, row.CumFeeDetail)
			off := dec(t, row.AvgPrice).Mul(dec(t, row.CumExecQty)).Sub(dec(t, row.CumExecValue)).Abs()
			require.True(t, off.LessThan(dec(t, "0.000000000001")), "an average of several fills is rounded: %s", off)
		}
	}
}

func TestSteadyRowsAreExact(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{Accounts: 20, Rows: exchangesim.Rows{
		Assets: 25, Positions: 20, OpenOrders: 20, Symbols: 20, Steady: true,
	}})
	for range 3 {
		clock.Advance(7 * time.Hour)
		for index := range 20 {
			truth, err := s.TruthSince(s.UID(index), time.Time{}, time.Hour)
			require.NoError(t, err)
			require.Len(t, truth.Balances, 25)
			for scope, rows := range truth.Positions {
				require.Len(t, rows, 20, scope)
			}
			for scope, rows := range truth.OpenOrders {
				require.Len(t, rows, 20, scope)
			}
			require.Len(t, truth.Prices["spot"], 20)
		}
	}
}

func TestPricesMoveEveryTickAndNotBetween(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{Tick: time.Second})
	prices := func() map[string]string {
		rows, _ := exchangesimtest.List[exchangesim.ContractTicker](t, s.Client(0).Get(t, tickerPath, "category=linear"))
		all := map[string]string{}
		for _, row := range rows {
			all[row.Symbol] = row.LastPrice + row.MarkPrice
		}
		return all
	}
	before := prices()
	clock.Advance(999 * time.Millisecond)
	require.Equal(t, before, prices())
	for range 5 {
		clock.Advance(time.Second)
		after := prices()
		require.NotEqual(t, before["BTCUSDT"], after["BTCUSDT"])
		before = after
	}
	require.Contains(t, before, "BTCUSDT-27MAR26", "the next quarterly future")
	clock.Advance(24 * 24 * time.Hour)
	require.NotContains(t, prices(), "BTCUSDT-27MAR26", "delivered")
	require.Contains(t, prices(), "BTCUSDT-26JUN26")
}

// TestAStillWorld: between two ticks nothing moves by itself, also where an
// order's end or a new order falls between them.
func TestAStillWorld(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{Tick: 1000 * time.Hour})
	for index := range 4 {
		_, err := s.SetMode(s.UID(index), 5) // whatever is changed, the rows stay
		require.NoError(t, err)
	}
	look := func(index int) string {
		truth, err := s.TruthSince(s.UID(index), time.Time{}, time.Hour)
		require.NoError(t, err)
		open := map[string][]exchangesim.OrderRow{}
		for scope := range truth.OpenOrders {
			open[scope] = walk[exchangesim.OrderRow](t, s.Client(index), openPath, "limit=50&"+scopeQuery(scope))
		}
		return canonical(t, []any{truth.Wallet, truth.Positions, truth.OpenOrders, open})
	}
	before := []string{look(0), look(1), look(2), look(3)}
	for range 10 {
		clock.Advance(90 * time.Hour)
		for index := range before {
			require.Equal(t, before[index], look(index), "account %d at %s", index, clock.Now())
		}
	}
}
