package exchangesim_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

const benchAssets = 10

// benchWallets reads both wallets of an account: amounts by wallet and coin. What
// they show is the truth.
func benchWallets(t *testing.T, s *exchangesimtest.Server, index int) map[string]string {
	t.Helper()
	truth, err := s.Truth(s.UID(index), time.Time{})
	require.NoError(t, err)
	list, _ := exchangesimtest.List[exchangesim.WalletRow](t, s.Client(index).Get(t, "/v5/account/wallet-balance", "accountType=UNIFIED"))
	require.Equal(t, []exchangesim.WalletRow{truth.Wallet}, list)
	var fund struct {
		MemberID string                `json:"memberId"`
		Balance  []exchangesim.FundRow `json:"balance"`
	}
	r := s.Client(index).Get(t, coinsPath, "accountType=FUND")
	require.NoError(t, json.Unmarshal(r.Result, &fund), string(r.Body))
	require.Equal(t, truth.Fund, fund.Balance)
	require.Equal(t, s.UID(index), fund.MemberID)
	amounts := map[string]string{}
	for _, c := range list[0].Coin {
		require.Equal(t, c.WalletBalance, c.Equity)
		amounts["unified "+c.Coin] = c.WalletBalance
	}
	for _, c := range fund.Balance {
		amounts["fund "+c.Coin] = c.WalletBalance
	}
	require.Len(t, amounts, 2*benchAssets)
	return amounts
}

func TestBenchAccountsAreAlikeAndTrue(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{
		Rows: exchangesim.Rows{Assets: benchAssets, Symbols: benchAssets}, Bench: exchangesim.Bench{On: true, Changing: 0.3},
	})
	before := benchWallets(t, s, 0)
	require.Equal(t, before, benchWallets(t, s, 3))
	clock.Advance(time.Millisecond)
	changed := 0
	for coin, amount := range benchWallets(t, s, 1) {
		if amount != before[coin] {
			changed++
		}
	}
	require.Equal(t, 2*3, changed, "three tenths of each wallet")
}

func TestBenchServesTheSamePagesToAll(t *testing.T) {
	t.Parallel()
	const days, quiet, perDay = 9, 2, 150
	s, _ := still(t, exchangesim.Config{
		Bench: exchangesim.Bench{On: true}, History: exchangesimtest.History(noon(), days, quiet, perDay, "BTCUSDT"),
	})
	from := noon().Truncate(24*time.Hour).AddDate(0, 0, -days)
	read := func(index int) []exchangesim.ExecutionRow {
		return windows[exchangesim.ExecutionRow](t, s.Client(index), fillsPath, "category=linear&limit=100", from)
	}
	first := read(2)
	require.Len(t, first, (days-quiet)*perDay)
	require.Equal(t, first, read(0))
	require.Equal(t, first, read(2))
}

func TestBenchRefusesAShareThatIsNone(t *testing.T) {
	t.Parallel()
	_, err := exchangesim.New(exchangesim.Config{Accounts: 1, Bench: exchangesim.Bench{On: true, Changing: 1.5}})
	require.ErrorContains(t, err, "from 0 to 1, not 1.5")
}
