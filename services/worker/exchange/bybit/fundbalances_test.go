package bybit

import (
	"testing"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func funds(t *testing.T, body []byte) exchange.Snapshot[exchange.Balance] {
	t.Helper()
	stand := newStand(t)
	stand.on(coinBalances, always(body))
	got := stand.client(t).Balances(t.Context(), fund)
	q := stand.asked(coinBalances)[0].URL.Query()
	require.Equal(t, "FUND", q.Get("accountType"))
	require.False(t, q.Has("coin"), "all coins")
	return got
}

func balanceBody(rows string) []byte {
	return []byte(`{"retCode":0,"retMsg":"success","result":{"memberId":"1","accountType":"FUND","balance":` + rows + `},"time":1767225600000}`)
}

func TestFundingWallet(t *testing.T) {
	t.Parallel()
	got := funds(t, fixture(t, "edge/all-coins-balance.fund.multi.json"))
	require.Nil(t, got.Err)
	require.True(t, got.Complete)
	require.Equal(t, fixtureTime, got.AsOf)
	require.Equal(t, []exchange.Balance{
		{Wallet: "fund", Asset: "BTC", Total: "0.06", Available: "0.06"},
		{Wallet: "fund", Asset: "USDT", Total: "11999.00000001", Available: "11999.00000001"},
	}, got.Rows, "MNT is listed with zero, and there is none of it")
}

func TestFundingWalletKeepsWhatIsNotCertainlyNothing(t *testing.T) {
	t.Parallel()
	for row, kept := range map[string]bool{
		`{"coin":"A","walletBalance":"0","transferBalance":"0.00","bonus":""}`: false,
		`{"coin":"A","walletBalance":"0","transferBalance":"","bonus":""}`:     false,
		`{"coin":"A","walletBalance":"0","bonus":"1"}`:                         true,
		`{"coin":"A","walletBalance":"","transferBalance":"0"}`:                true,
		`{"coin":"A","walletBalance":"0.00000001","transferBalance":"0"}`:      true,
	} {
		got := funds(t, balanceBody("["+row+"]"))
		require.True(t, got.Complete)
		require.Equal(t, kept, len(got.Rows) == 1, row)
	}
}

func TestFundingWalletWithoutAListIsNotEmpty(t *testing.T) {
	t.Parallel()
	require.True(t, funds(t, balanceBody(`[]`)).Complete)
	for _, rows := range []string{`null`, `{"coin":"BTC"}`} {
		got := funds(t, balanceBody(rows))
		require.False(t, got.Complete)
		require.Equal(t, exchange.Decode, got.Err.Class)
	}
	got := funds(t, balanceBody(`[{"coin":"BTC","walletBalance":"x"},{"walletBalance":"1"}]`))
	require.Len(t, got.Faults, 2)
	require.Equal(t, "fund/BTC", got.Faults[0].Key)
}
