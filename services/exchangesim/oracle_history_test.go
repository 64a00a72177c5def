package exchangesim_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/hirokisan/bybit/v2"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

// oracle is a client that others wrote, and the newest records that it should
// read.
func oracle(t *testing.T) (bybit.V5ServiceI, func(kind exchangesim.RecordType, category string, n int) []any) {
	t.Helper()
	s := exchangesimtest.Start(t, exchangesim.Config{Seed: 9, IndexingDelay: -1, Tick: time.Hour})
	key, secret, uid := exchangesim.Credentials(9, 0)
	return bybit.NewClient().WithBaseURL(s.URL).WithAuth(key, secret).V5(), func(kind exchangesim.RecordType, category string, n int) []any {
		r, err := s.Records(exchangesim.RecordQuery{UID: uid, Type: kind, Category: category, From: time.Now().AddDate(0, 0, -30)})
		require.NoError(t, err)
		require.GreaterOrEqual(t, r.Total(), n)
		require.Positive(t, n)
		return r.Slice(0, n)
	}
}

func TestForeignClientReadsFillsAndClosedPnl(t *testing.T) {
	t.Parallel()
	client, truth := oracle(t)
	for _, category := range []bybit.CategoryV5{bybit.CategoryV5Spot, bybit.CategoryV5Linear, bybit.CategoryV5Inverse} {
		fills, err := client.Execution().GetExecutionList(bybit.V5GetExecutionParam{Category: category})
		require.NoError(t, err)
		for i, row := range truth(exchangesim.RecordFills, string(category), len(fills.Result.List)) {
			want, got := row.(exchangesim.ExecutionRow), fills.Result.List[i]
			require.Equal(t,
				[]string{want.ExecID, want.OrderID, want.ExecPrice, want.ExecQty, want.ExecFee, want.FeeCurrency, want.ExecType, want.ExecTime},
				[]string{got.ExecID, got.OrderID, got.ExecPrice, got.ExecQty, got.ExecFee, string(got.FeeCurrency), string(got.ExecType), got.ExecTime})
		}
	}
	cursor := ""
	seen := 0
	for range 3 {
		page, err := client.Position().GetClosedPnL(bybit.V5GetClosedPnLParam{Category: bybit.CategoryV5Linear, Limit: ptr(10), Cursor: &cursor})
		require.NoError(t, err)
		for i, row := range truth(exchangesim.RecordClosedPnl, "linear", seen+len(page.Result.List))[seen:] {
			want, got := row.(exchangesim.ClosedPnlRow), page.Result.List[i]
			require.Equal(t, [4]string{want.OrderID, want.ClosedPnl, want.AvgEntryPrice, want.UpdatedTime}, [4]string{got.OrderID, got.ClosedPnl, got.AvgEntryPrice, got.UpdatedTime})
		}
		seen += len(page.Result.List)
		cursor = page.Result.NextPageCursor
	}
	require.Equal(t, 30, seen, "its cursor encoding is understood")
}

func ptr[T any](v T) *T { return &v }

func TestForeignClientReadsTheLog(t *testing.T) {
	t.Parallel()
	client, truth := oracle(t)
	log, err := client.Account().GetTransactionLog(bybit.V5GetTransactionLogParam{AccountType: ptr(bybit.AccountTypeV5UNIFIED), Limit: ptr(50)})
	require.NoError(t, err)
	for i, row := range truth(exchangesim.RecordTransactions, "", len(log.Result.List)) {
		want, got := row.(exchangesim.LedgerRow), log.Result.List[i]
		require.Equal(t, []string{want.TradeID, want.Change, want.CashFlow, want.Fee, want.Funding, want.Currency, want.Type},
			[]string{got.TradeID, got.Change, got.CashFlow, got.Fee, got.Funding, got.Currency, string(got.Type)})
	}
}

func TestForeignClientReadsAssets(t *testing.T) {
	t.Parallel()
	client, truth := oracle(t)
	deposits, err := client.Asset().GetDepositRecords(bybit.V5GetDepositRecordsParam{})
	require.NoError(t, err)
	for i, row := range truth(exchangesim.RecordDeposits, "", len(deposits.Result.Rows)) {
		want, got := row.(exchangesim.DepositRow), deposits.Result.Rows[i]
		require.Equal(t, [3]string{want.TxID, want.Amount, strconv.Itoa(want.Status)}, [3]string{got.TxID, got.Amount, strconv.Itoa(int(got.Status))})
	}
	withdrawals, err := client.Asset().GetWithdrawalRecords(bybit.V5GetWithdrawalRecordsParam{WithdrawType: ptr(bybit.WithdrawTypeV5(2))})
	require.NoError(t, err)
	for i, row := range truth(exchangesim.RecordWithdrawals, "", len(withdrawals.Result.Rows)) {
		want, got := row.(exchangesim.WithdrawalRow), withdrawals.Result.Rows[i]
		require.Equal(t, [3]string{want.WithdrawID, want.WithdrawFee, want.CreateTime}, [3]string{got.WithdrawID, got.WithdrawFee, got.CreatedTime})
	}
	transfers, err := client.Asset().GetInternalTransferRecords(bybit.V5GetInternalTransferRecordsParam{})
	require.NoError(t, err)
	for i, row := range truth(exchangesim.RecordTransfers, "", len(transfers.Result.List)) {
		want, got := row.(exchangesim.TransferRow), transfers.Result.List[i]
		require.Equal(t, [3]string{want.TransferID, want.Amount, want.ToAccountType}, [3]string{got.TransferID, got.Amount, string(got.ToAccountType)})
	}
	coins, err := client.Asset().GetAllCoinsBalance(bybit.V5GetAllCoinsBalanceParam{AccountType: bybit.AccountTypeV5FUND})
	require.NoError(t, err)
	require.NotEmpty(t, coins.Result.Balance)
}
