package exchangesim_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

const (
	depositPath     = "/v5/asset/deposit/query-record"
	withdrawPath    = "/v5/asset/withdraw/query-record"
	transferPath    = "/v5/asset/transfer/query-inter-transfer-list"
	fundHistoryPath = "/v5/asset/fundinghistory"
)

// rowsOf reads all pages of a list that is called rows.
func rowsOf[T any](t *testing.T, c *exchangesimtest.Client, path, query string) []T {
	t.Helper()
	var all []T
	cursor := ""
	for range 100 {
		r := c.Get(t, path, withCursor(query, cursor))
		require.Equal(t, "success", r.RetMsg, string(r.Body))
		var page struct {
			Rows           []T    `json:"rows"`
			NextPageCursor string `json:"nextPageCursor"`
		}
		require.NoError(t, json.Unmarshal(r.Result, &page))
		all = append(all, page.Rows...)
		if cursor = page.NextPageCursor; cursor == "" || len(page.Rows) == 0 {
			return all
		}
	}
	require.Fail(t, "the walk does not end")
	return nil
}

func recordsOf[T any](t *testing.T, s *exchangesimtest.Server, kind exchangesim.RecordType, back time.Duration) []T {
	t.Helper()
	return exchangesimtest.Records[T](t, s, exchangesim.RecordQuery{UID: s.UID(0), Type: kind, From: noon().Add(-back)})
}

func TestDepositsWithdrawalsAndTransfers(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	const month = 30 * 24 * time.Hour
	deposits := rowsOf[exchangesim.DepositRow](t, c, depositPath, "limit=2")
	require.Greater(t, len(deposits), 2)
	require.Equal(t, recordsOf[exchangesim.DepositRow](t, s, exchangesim.RecordDeposits, month), deposits)
	withdrawals := rowsOf[exchangesim.WithdrawalRow](t, c, withdrawPath, "withdrawType=2&limit=1")
	require.NotEmpty(t, withdrawals)
	require.Equal(t, recordsOf[exchangesim.WithdrawalRow](t, s, exchangesim.RecordWithdrawals, month), withdrawals)
	inner, outer := rowsOf[exchangesim.WithdrawalRow](t, c, withdrawPath, "withdrawType=1"), rowsOf[exchangesim.WithdrawalRow](t, c, withdrawPath, "")
	require.Len(t, withdrawals, len(inner)+len(outer))
	transfers := walk[exchangesim.TransferRow](t, c, transferPath, "limit=3")
	require.NotEmpty(t, transfers)
	require.Equal(t, recordsOf[exchangesim.TransferRow](t, s, exchangesim.RecordTransfers, 7*24*time.Hour), transfers)

	logged := map[string]string{}
	week := fmt.Sprintf("limit=50&startTime=%d&endTime=%d", noon().AddDate(0, 0, -7).UnixMilli(), noon().UnixMilli())
	for _, kind := range []string{"TRANSFER_IN", "TRANSFER_OUT"} {
		for _, row := range walk[exchangesim.LedgerRow](t, c, logPath, week+"&type="+kind) {
			logged[row.TransactionTime] = row.Type + row.Currency + row.Qty
		}
	}
	for _, row := range transfers {
		kind := "TRANSFER_IN"
		if row.FromAccountType == "UNIFIED" {
			kind = "TRANSFER_OUT"
		}
		require.Equal(t, kind+row.Coin+row.Amount, logged[row.Timestamp])
	}
	require.Len(t, logged, len(transfers))
}

func TestFundHistoryIsInSeconds(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	rows := walk[exchangesim.FundHistoryRow](t, c, fundHistoryPath, "")
	require.Greater(t, len(rows), 10)
	require.Equal(t, recordsOf[exchangesim.FundHistoryRow](t, s, exchangesim.RecordFundHistory, 7*24*time.Hour), rows)
	at, err := strconv.ParseInt(rows[3].CreateTime, 10, 64)
	require.NoError(t, err)
	require.Contains(t, walk[exchangesim.FundHistoryRow](t, c, fundHistoryPath, fmt.Sprintf("createTimeFrom=%d&createTimeTo=%d", at, at)), rows[3])
	now := noon().Unix()
	for query, code := range map[string]int{
		fmt.Sprintf("createTimeFrom=%d", now-10):                             10001,
		fmt.Sprintf("createTimeFrom=%d&createTimeTo=%d", now-7*86400-1, now): 10001,
		fmt.Sprintf("createTimeFrom=%d&createTimeTo=%d", now-7*86400, now):   0,
		fmt.Sprintf("createTimeFrom=%d000&createTimeTo=%d000", now-10, now):  0,
		"limit=101": 10001,
	} {
		require.Equal(t, code, c.Get(t, fundHistoryPath, query).RetCode, query)
	}
}

func TestAssetEndpointsNeedAWalletPermission(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	_, err := s.SetPermissions(s.UID(0), true, map[string][]string{"Wallet": {}})
	require.NoError(t, err)
	for _, path := range []string{depositPath, withdrawPath, transferPath, fundHistoryPath, coinsPath} {
		require.Equal(t, 10005, s.Client(0).Get(t, path, "accountType=FUND").RetCode, path)
		require.Zero(t, s.Client(1).Get(t, path, "accountType=FUND").RetCode, path)
	}
	require.Zero(t, s.Client(0).Get(t, logPath, "").RetCode, "the log may be read with a trading permission")
}

func TestAssetWindows(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	now := noon().UnixMilli()
	for path, days := range map[string]int64{depositPath: 30, withdrawPath: 30, transferPath: 7} {
		from := now - days*86_400_000
		require.Zero(t, s.Client(0).Get(t, path, fmt.Sprintf("startTime=%d&endTime=%d", from, now)).RetCode, path)
		require.Equal(t, 10001, s.Client(0).Get(t, path, fmt.Sprintf("startTime=%d&endTime=%d", from-1, now)).RetCode, path)
		require.Equal(t, 10001, s.Client(0).Get(t, path, "limit=51").RetCode, path)
	}
}

func TestFundWallet(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	read := func(query string) []exchangesim.FundRow {
		r := c.Get(t, coinsPath, query)
		require.Zero(t, r.RetCode, r.RetMsg)
		var result struct {
			AccountType string                `json:"accountType"`
			Balance     []exchangesim.FundRow `json:"balance"`
		}
		require.NoError(t, json.Unmarshal(r.Result, &result))
		return result.Balance
	}
	truth, err := s.Truth(s.UID(0), noon())
	require.NoError(t, err)
	require.Equal(t, truth.Fund, read("accountType=FUND"))
	_, err = s.SetWalletBalance(s.UID(0), "FUND", "BTC", "0.000000000000000001")
	require.NoError(t, err)
	require.Equal(t, "0.000000000000000001", read("accountType=FUND&coin=BTC")[0].WalletBalance)
	require.NotEqual(t, "0.000000000000000001", coinRow(t, s, 0, "BTC").WalletBalance, "the wallets are apart")
	require.Len(t, read("accountType=UNIFIED&coin=BTC,USDT"), 2)
	require.Equal(t, 10001, c.Get(t, coinsPath, "accountType=UNIFIED&coin=BTC,ETH,SOL,XRP,BNB,DOGE,ADA,LTC,LINK,AVAX,DOT").RetCode)
	_, err = s.SetWalletBalance(s.UID(0), "PIGGY", "BTC", "1")
	require.ErrorContains(t, err, "wallet must be")
}
