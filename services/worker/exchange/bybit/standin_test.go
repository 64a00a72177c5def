package bybit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// The accounts of the stand-in, by the mode they are in.
const (
	inUnified2 = iota
	inClassic
	inUnified1
)

// standIn holds still, and has a settle coin beside the usual ones. Past is a
// window that no page and no query holds at once.
func standIn(t *testing.T) (s *exchangesimtest.Server, past exchange.Window) {
	t.Helper()
	s = exchangesimtest.Start(t, exchangesim.Config{
		Seed: 7, Tick: time.Hour, IndexingDelay: -1, Rows: exchangesim.Rows{ClosedPerDay: 4}, Modes: []int{5, 1, 3}, SettleCoins: []string{"EUR1"},
	})
	to := time.Now().UTC().Truncate(24 * time.Hour)
	return s, exchange.Window{From: to.Add(-9 * 24 * time.Hour), To: to}
}

func standInTarget(s *exchangesimtest.Server, mode string) exchange.Target {
	return exchange.Target{Environment: "testnet", BaseURL: s.URL, Mode: mode, SettleCoins: []string{"EUR1"}}
}

func standInClient(t *testing.T, s *exchangesimtest.Server, account int) *Client {
	t.Helper()
	key, secret, _ := exchangesim.Credentials(7, account)
	mode := map[int]string{inUnified2: "unified_2.0/regular_margin", inClassic: "classic/regular_margin", inUnified1: "unified_1.0/regular_margin"}[account]
	client, err := New(Config{Target: standInTarget(s, mode), Credentials: exchange.NewCredentials(key, []byte(secret)), Hosts: hosts(t, wideBudget(t))})
	require.NoError(t, err)
	info, fault := client.Probe(t.Context())
	require.Nil(t, fault)
	require.Equal(t, modeOf(info.AccountMode), client.mode, "the stand-in's account is in the mode of the target")
	return client
}

// allOf walks a history through the whole window as the worker does, and keeps
// rows by their key.
func allOf[T exchange.Keyed](t *testing.T, histories []exchange.History, whole exchange.Window, read func(exchange.Scope, exchange.Window) exchange.Snapshot[T]) map[string]T {
	t.Helper()
	rows := map[string]T{}
	for _, h := range histories {
		for window := range whole.Split(h.Window) {
			got := read(h.Scope, window)
			require.Nil(t, got.Err, h.Scope)
			require.Empty(t, got.Faults, h.Scope)
			for _, row := range got.Rows {
				rows[row.Key()] = row
			}
		}
	}
	return rows
}

// recordsOf is the stand-in's truth.
func recordsOf[T any](t *testing.T, s *exchangesimtest.Server, account int, kind exchangesim.RecordType, category string, window exchange.Window) []T {
	t.Helper()
	rows := exchangesimtest.Records[T](t, s, exchangesim.RecordQuery{
		UID: s.UID(account), Type: kind, Category: category, From: window.From, To: window.To.Add(-time.Millisecond),
	})
	require.NotEmpty(t, rows, kind)
	return rows
}

func TestEveryFillOfTheStandInIsReadExactly(t *testing.T) {
	t.Parallel()
	s, past := standIn(t)
	for _, account := range []int{inUnified2, inClassic, inUnified1} {
		client := standInClient(t, s, account)
		got := allOf(t, client.FillHistories(), past, func(scope exchange.Scope, w exchange.Window) exchange.Snapshot[exchange.Fill] {
			return client.Fills(t.Context(), scope, w)
		})
		var want []exchangesim.ExecutionRow
		for _, category := range client.categories() {
			want = append(want, recordsOf[exchangesim.ExecutionRow](t, s, account, exchangesim.RecordFills, string(category), past)...)
		}
		byID := map[string]exchange.Fill{}
		for _, fill := range got {
			byID[fill.ExecID] = fill
		}
		var recorded []string
		for _, row := range want {
			recorded = append(recorded, row.ExecID)
		}
		requireSame(t, recorded, keys(byID))
		for _, row := range want {
			fill := byID[row.ExecID]
			require.Equal(t,
				[]string{row.OrderID, row.Symbol, row.ExecPrice, row.ExecQty, row.ExecValue, row.ExecFee, row.ExecType, row.ExecTime},
				[]string{fill.OrderID, fill.Symbol, string(fill.Price), string(fill.Quantity), string(fill.Value), string(fill.Fee), fill.ExecType, itoa(fill.ExecutedAt.UnixMilli())})
			require.NotEmpty(t, fill.FeeAsset, row)
		}
	}
}

func TestEveryCloseOfTheStandInIsReadExactly(t *testing.T) {
	t.Parallel()
	s, past := standIn(t)
	client := standInClient(t, s, inUnified2)
	got := allOf(t, client.ClosedPnLHistories(), past, func(scope exchange.Scope, w exchange.Window) exchange.Snapshot[exchange.ClosedPnL] {
		return client.ClosedPnL(t.Context(), scope, w)
	})
	want := recordsOf[exchangesim.ClosedPnlRow](t, s, inUnified2, exchangesim.RecordClosedPnl, "", past)
	require.Len(t, got, len(want))
	pnl := map[string]string{}
	for _, row := range got {
		pnl[row.OrderID+itoa(row.CreatedAt.UnixMilli())] = string(row.RealizedPnL)
	}
	for _, row := range want {
		require.Equal(t, row.ClosedPnl, pnl[row.OrderID+row.CreatedTime])
	}
}

func TestEveryBookOfTheStandInIsReadExactly(t *testing.T) {
	t.Parallel()
	s, past := standIn(t)
	for _, account := range []int{inUnified2, inClassic, inUnified1} {
		client := standInClient(t, s, account)
		got := allOf(t, client.LedgerHistories(), past, func(scope exchange.Scope, w exchange.Window) exchange.Snapshot[exchange.LedgerEntry] {
			return client.LedgerEntries(t.Context(), scope, w)
		})
		read := map[string]map[string]int{}
		for _, entry := range got {
			if read[entry.Source] == nil {
				read[entry.Source] = map[string]int{}
			}
			read[entry.Source][signature(entry)]++
		}
		want := recordedBooks(t, s, account, past)
		require.ElementsMatch(t, scopesOf(client.LedgerHistories()), keys(want))
		for book, rows := range want {
			require.Equal(t, rows, read[string(book)], book)
		}
	}
}

// signature is what of an entry the stand-in's rows are compared by.
func signature(e exchange.LedgerEntry) string {
	return e.ExchangeID + "|" + e.Asset + "|" + string(e.Quantity) + "|" + string(e.Balance) + "|" + itoa(e.OccurredAt.UnixMilli()) + "|" + e.Status
}

func recordedBooks(t *testing.T, s *exchangesimtest.Server, account int, past exchange.Window) map[exchange.Scope]map[string]int {
	t.Helper()
	books := map[exchange.Scope]map[string]int{}
	note := func(book exchange.Scope, id, asset, quantity, balance, at, status string) {
		if books[book] == nil {
			books[book] = map[string]int{}
		}
		books[book][id+"|"+asset+"|"+quantity+"|"+balance+"|"+at+"|"+status]++
	}
	logs := map[exchange.Scope]exchangesim.RecordType{transactionBook: exchangesim.RecordTransactions, contractBook: exchangesim.RecordContracts}
	if account == inClassic {
		delete(logs, transactionBook)
	}
	if account == inUnified2 {
		delete(logs, contractBook)
	}
	for book, kind := range logs {
		for _, r := range recordsOf[exchangesim.LedgerRow](t, s, account, kind, "", past) {
			note(book, r.ID, r.Currency, r.Qty, r.CashBalance, r.TransactionTime, "")
		}
	}
	for _, r := range recordsOf[exchangesim.DepositRow](t, s, account, exchangesim.RecordDeposits, "", past) {
		note(depositBook, "", r.Coin, r.Amount, "", r.SuccessAt, itoa(int64(r.Status)))
	}
	for _, r := range recordsOf[exchangesim.WithdrawalRow](t, s, account, exchangesim.RecordWithdrawals, "", past) {
		note(withdrawalBook, r.WithdrawID, r.Coin, r.Amount, "", r.CreateTime, r.Status)
	}
	for _, r := range recordsOf[exchangesim.TransferRow](t, s, account, exchangesim.RecordTransfers, "", past) {
		note(transferBook, r.TransferID, r.Coin, r.Amount, "", r.Timestamp, r.Status)
	}
	for _, r := range recordsOf[exchangesim.FundHistoryRow](t, s, account, exchangesim.RecordFundHistory, "", past) {
		note(fundingBook, "", r.Currency, r.TxnAmt, r.AfterAmt, r.CreateTime+"000", "")
	}
	return books
}

// requireSame says only what is in one list and not in the other.
func requireSame(t *testing.T, want, got []string) {
	t.Helper()
	count := map[string]int{}
	for _, w := range want {
		count[w]++
	}
	for _, g := range got {
		count[g]--
	}
	for key, n := range count {
		require.Zero(t, n, "above zero: not read as often as it is recorded: %s", key)
	}
}

func keys[K comparable, V any](m map[K]V) []K {
	var keys []K
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

func TestEveryScopeOfTheStandInIsReadWhole(t *testing.T) {
	t.Parallel()
	s, _ := standIn(t)
	for _, account := range []int{inUnified2, inClassic, inUnified1} {
		client := standInClient(t, s, account)
		truth, err := s.Truth(s.UID(account), time.Time{})
		require.NoError(t, err)
		for _, scope := range client.BalanceScopes() {
			got := client.Balances(t.Context(), scope)
			require.Nil(t, got.Err, scope)
			require.Empty(t, got.Faults)
			want := len(truth.Fund)
			if scope != fund {
				want = len(truth.Wallets[accountTypeOf(string(scope))].Coin)
			}
			require.LessOrEqual(t, len(got.Rows), want)
			require.NotEmpty(t, got.Rows, scope)
		}
		for _, scope := range client.PositionScopes() {
			got := client.Positions(t.Context(), scope)
			require.Nil(t, got.Err, scope)
			require.Len(t, got.Rows, len(truth.Positions[string(scope)]), scope)
		}
		for _, scope := range client.OpenOrderScopes() {
			got := client.OpenOrders(t.Context(), scope)
			require.Nil(t, got.Err, scope)
			require.Len(t, got.Rows, len(truth.OpenOrders[string(scope)]), scope)
		}
	}
}

func TestTheStandInsMarketIsReadWhole(t *testing.T) {
	t.Parallel()
	s, past := standIn(t)
	market, err := NewMarket(Config{Target: standInTarget(s, ""), Hosts: hosts(t, wideBudget(t))})
	require.NoError(t, err)
	settles := map[string]bool{}
	for _, scope := range market.InstrumentScopes() {
		got := market.Instruments(t.Context(), scope)
		require.Nil(t, got.Err, scope)
		require.Empty(t, got.Faults, scope)
		for _, instrument := range got.Rows {
			require.NotEqual(t, "unknown", instrument.Status)
			if scope == linear {
				settles[instrument.SettleAsset] = true
			}
		}
	}
	require.True(t, settles["USDT"] && settles["USDC"] && settles["EUR1"], settles)

	series := exchange.Series{Category: linear, Symbol: "BTCUSDT", Interval: "60"}
	history, fault := market.CandleHistory(series)
	require.Nil(t, fault)
	begun := map[time.Time]bool{}
	for window := range past.Split(history.Window) {
		got := market.Candles(t.Context(), series, window)
		require.Nil(t, got.Err)
		for _, candle := range got.Rows {
			begun[candle.StartAt] = true
		}
	}
	require.Len(t, begun, 9*24, "an hour for each hour")
}
