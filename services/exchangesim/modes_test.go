package exchangesim_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

const (
	contractLogPath = "/v5/account/contract-transaction-log"
	coinsPath       = "/v5/asset/transfer/query-account-coins-balance"
)

// TestAccountModes: what an account of each mode has, and how it says what it
// has not. Statuses are HTTP ones where there is no envelope.
func TestAccountModes(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Modes: []int{1, 3, 5}})
	const notFound = http.StatusNotFound
	for _, tt := range []struct {
		path, query            string
		classic, first, second int
	}{
		{walletPath, "accountType=UNIFIED", notFound, 0, 0},
		{walletPath, "accountType=CONTRACT", 0, 0, 10001},
		{walletPath, "accountType=SPOT", 0, notFound, 10001},
		{walletPath, "accountType=FUND", 10001, 10001, 10001},
		{positionPath, "category=linear&settleCoin=USDT", 0, 0, 0},
		{positionPath, "category=option", 10028, 0, 0},
		{openPath, "category=option", 10028, 0, 0},
		{openPath, "category=inverse&openOnly=2", 0, 0, 10001},
		{historyPath, "category=option", 10028, 0, 0},
		{fillsPath, "category=option", 10028, 0, 0},
		{fillsPath, "category=spot", 0, 0, 0},
		{logPath, "accountType=UNIFIED", 182200, 0, 0},
		{contractLogPath, "", 0, 0, 100028},
		{coinsPath, "accountType=FUND", 0, 0, 0},
		{coinsPath, "accountType=UNIFIED&coin=BTC", 131203, 0, 0},
		{coinsPath, "accountType=UNIFIED", 131203, 10001, 10001},
		{coinsPath, "accountType=CONTRACT&coin=BTC", 0, 0, 131203},
	} {
		for index, want := range []int{tt.classic, tt.first, tt.second} {
			r := s.Client(index).Get(t, tt.path, tt.query)
			got := r.RetCode
			if r.Status != http.StatusOK {
				got = r.Status
			}
			require.Equal(t, want, got, "%s?%s of account %d", tt.path, tt.query, index)
		}
	}
	_, err := exchangesim.New(exchangesim.Config{Accounts: 1, Modes: []int{2}})
	require.ErrorContains(t, err, "modes")
}

func TestInverseSettlesInItsOwnWalletOfUnifiedOne(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Modes: []int{3}, Rows: exchangesim.Rows{Steady: true}})
	c := s.Client(0)
	for _, row := range walk[exchangesim.LedgerRow](t, c, logPath, "limit=50&type=TRADE") {
		require.NotEqual(t, "inverse", row.Category)
	}
	rows := walk[exchangesim.LedgerRow](t, c, contractLogPath, "limit=50&type=TRADE")
	require.NotEmpty(t, rows)
	for _, row := range rows {
		require.Equal(t, "inverse", row.Category)
	}
	truth, err := s.Truth(s.UID(0), noon())
	require.NoError(t, err)
	require.Len(t, truth.Wallets, 2)
	for kind, want := range truth.Wallets {
		got, _ := exchangesimtest.List[exchangesim.WalletRow](t, c.Get(t, walletPath, "accountType="+kind))
		require.Equal(t, []exchangesim.WalletRow{want}, got)
		require.Equal(t, kind, got[0].AccountType)
	}
	require.NotEqual(t, truth.Wallets["UNIFIED"].Coin, truth.Wallets["CONTRACT"].Coin)
}

func TestExtraSettleCoin(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{SettleCoins: []string{"EUR"}, Rows: exchangesim.Rows{Steady: true}})
	c := s.Client(0)
	positions := walk[exchangesim.PositionRow](t, c, positionPath, "category=linear&settleCoin=EUR")
	require.Len(t, positions, 4)
	require.Regexp(t, "EUR$", positions[0].Symbol)
	require.NotEmpty(t, walk[exchangesim.OrderRow](t, c, openPath, "category=linear&settleCoin=EUR"))
	fills := executions(t, c, "category=linear&settleCoin=EUR")
	require.NotEmpty(t, fills)
	require.Equal(t, "EUR", fills[0].FeeCurrency)
	require.NotEmpty(t, walk[exchangesim.LedgerRow](t, c, logPath, "limit=50&currency=EUR"))
	_, err := s.SetBalance(s.UID(0), "EUR", "12.5")
	require.NoError(t, err)
	require.Contains(t, string(c.Get(t, walletPath, "accountType=UNIFIED").Body), `"coin":"EUR"`)
	_, err = exchangesim.New(exchangesim.Config{Accounts: 1, SettleCoins: []string{"USDT"}})
	require.ErrorContains(t, err, "settle coins")
}

func TestDemoRules(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Demo: true})
	c := s.Client(0)
	for _, path := range []string{coinsPath, "/v5/asset/fundinghistory", "/v5/asset/deposit/query-record"} {
		require.Equal(t, 10032, c.Get(t, path, "accountType=FUND").RetCode, path)
	}
	require.NotEmpty(t, history(t, c, "category=linear"))
	long := noon().AddDate(0, 0, -10)
	require.Empty(t, history(t, c, between("linear", long.AddDate(0, 0, -5), long)), "orders are forgotten")
	require.NotEmpty(t, executions(t, c, between("linear", long.AddDate(0, 0, -5), long)), "fills are not")
}
