package exchangesim_test

import (
	"testing"
	"time"

	"github.com/hirokisan/bybit/v2"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

// TestForeignClient lets a client that others wrote for the real exchange read
// every list. It signs in its own way, so it checks the signature rule too.
func TestForeignClient(t *testing.T) {
	t.Parallel()
	s := exchangesimtest.Start(t, exchangesim.Config{Seed: 9, Rows: exchangesim.Rows{Steady: true}})
	key, secret, uid := exchangesim.Credentials(9, 0)
	client := bybit.NewClient().WithBaseURL(s.URL).WithAuth(key, secret).V5()
	truth := func(ms int) *exchangesim.Truth {
		tr, err := s.Truth(uid, time.UnixMilli(int64(ms)))
		require.NoError(t, err)
		return tr
	}

	wallet, err := client.Account().GetWalletBalance(bybit.AccountTypeV5UNIFIED, nil)
	require.NoError(t, err)
	want := truth(wallet.Time)
	require.Equal(t, want.Wallet.TotalEquity, wallet.Result.List[0].TotalEquity)
	require.Len(t, wallet.Result.List[0].Coin, len(want.Balances))
	for i, c := range wallet.Result.List[0].Coin {
		require.Equal(t, [3]string{want.Balances[i].Coin, want.Balances[i].WalletBalance, want.Balances[i].UsdValue}, [3]string{string(c.Coin), c.WalletBalance, c.UsdValue})
	}

	for _, coin := range []bybit.Coin{bybit.CoinUSDT, "USDC"} {
		positions, err := client.Position().GetPositionInfo(bybit.V5GetPositionInfoParam{Category: bybit.CategoryV5Linear, SettleCoin: &coin})
		require.NoError(t, err)
		rows := truth(positions.Time).Positions["linear:"+string(coin)]
		require.Len(t, positions.Result.List, len(rows))
		for i, p := range positions.Result.List {
			require.Equal(t, [4]any{rows[i].Symbol, rows[i].Size, rows[i].UnrealisedPnl, *rows[i].Seq}, [4]any{string(p.Symbol), p.Size, p.UnrealisedPnl, p.Seq})
		}
	}

	orders, err := client.Order().GetOpenOrders(bybit.V5GetOpenOrdersParam{Category: bybit.CategoryV5Spot})
	require.NoError(t, err)
	rows := truth(orders.Time).OpenOrders["spot"]
	require.Len(t, orders.Result.List, len(rows))
	for i, o := range orders.Result.List {
		require.Equal(t, [4]string{rows[i].OrderID, rows[i].Price, rows[i].OrderStatus, rows[i].UpdatedTime}, [4]string{o.OrderID, o.Price, string(o.OrderStatus), o.UpdatedTime})
	}
	closed, err := client.Order().GetHistoryOrders(bybit.V5GetHistoryOrdersParam{Category: bybit.CategoryV5Inverse})
	require.NoError(t, err)
	require.Len(t, closed.Result.List, 20)
	next, err := client.Order().GetHistoryOrders(bybit.V5GetHistoryOrdersParam{Category: bybit.CategoryV5Inverse, Cursor: &closed.Result.NextPageCursor})
	require.NoError(t, err)
	require.NotEqual(t, closed.Result.List[0].OrderID, next.Result.List[0].OrderID, "its cursor encoding is understood")

	info, err := client.User().GetAPIKey()
	require.NoError(t, err)
	require.Equal(t, []string{"Order", "Position"}, info.Result.Permissions.ContractTrade)
	require.Equal(t, 1, info.Result.ReadOnly)
}

func TestForeignClientReadsTickers(t *testing.T) {
	t.Parallel()
	s := exchangesimtest.Start(t, exchangesim.Config{Seed: 9})
	client := bybit.NewClient().WithBaseURL(s.URL).V5()
	linear, err := client.Market().GetTickers(bybit.V5GetTickersParam{Category: bybit.CategoryV5Linear})
	require.NoError(t, err)
	prices, _, err := s.Prices(time.UnixMilli(int64(linear.Time)))
	require.NoError(t, err)
	require.Len(t, linear.Result.LinearInverse.List, len(prices["linear"]))
	for i, row := range prices["linear"] {
		want := row.(exchangesim.ContractTicker)
		got := linear.Result.LinearInverse.List[i]
		require.Equal(t, [4]string{want.Symbol, want.LastPrice, want.MarkPrice, want.FundingRate}, [4]string{string(got.Symbol), got.LastPrice, got.MarkPrice, got.FundingRate})
	}
	spot, err := client.Market().GetTickers(bybit.V5GetTickersParam{Category: bybit.CategoryV5Spot})
	require.NoError(t, err)
	require.Len(t, spot.Result.Spot.List, 12)
	coin := bybit.CoinETH
	option, err := client.Market().GetTickers(bybit.V5GetTickersParam{Category: bybit.CategoryV5Option, BaseCoin: &coin})
	require.NoError(t, err)
	require.Len(t, option.Result.Option.List, 40)
	require.NotEmpty(t, option.Result.Option.List[0].Delta)
}
