package bybit

import (
	"strings"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

// Rows in the form of the documentation's examples.
const (
	fundingExample    = `{"memberId":"290118","currency":"USDT","ioDirection":"O","txnAmt":"80.0000","afterAmt":"116.0310","createTime":"1767225000","showBusiType":"x","showBusiTypeEn":"Fiat","description":"x","descriptionEn":"P2P Sale"}`
	depositExample    = `{"coin":"USDT","chain":"TRX","amount":"999.0496","txID":"04bf3fba","status":3,"toAddress":"TDGYpm5zPacnEq","tag":"my-tag-7","depositFee":"","successAt":"1767225000000","confirmations":"50","txIndex":"0","blockHash":"0000","batchReleaseLimit":"-1","depositType":"0","fromAddress":"TJ7hhYhVhaxNx6","taxStatus":0,"id":"160237231"}`
	withdrawalExample = `{"coin":"USDC","chain":"ETH","amount":"41.43008","txID":"0x3d7bddb7","status":"success","toAddress":"0xE3De6d711e09","tag":"my-tag-7","withdrawFee":"5","createTime":"1767225000000","updateTime":"1767225340000","withdrawId":"131629076","withdrawType":0}`
	transferExample   = `{"transferId":"selfTransfer_a1091cc7","coin":"USDT","amount":"5000","fromAccountType":"SPOT","toAccountType":"UNIFIED","timestamp":"1767225000000","status":"SUCCESS"}`
	fillLegs          = `{"id":"1_BTCUSDT_5","currency":"%","type":"TRADE","tradeId":"t","change":"1","cashBalance":"2","transactionTime":"1767225000000"}`
)

func book(t *testing.T, scope exchange.Scope, rows ...string) exchange.Snapshot[exchange.LedgerEntry] {
	t.Helper()
	stand := newStand(t)
	ep, _ := bookQuery(string(scope), aDay())
	stand.on(ep, always(named(ep, "", rows...)))
	got := stand.client(t, inMode("unified_1.0")).LedgerEntries(t.Context(), scope, aDay())
	require.Nil(t, got.Err)
	require.True(t, got.Complete)
	return got
}

func TestTransactionLogColumns(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(transactionLog, always(fixture(t, "edge/transaction-log.transfers.json")))
	got := stand.client(t).LedgerEntries(t.Context(), transactionBook, aDay())
	require.Empty(t, got.Faults)
	require.Len(t, got.Rows, 3)
	at := time.UnixMilli(1767225595000).UTC()
	require.Equal(t, exchange.LedgerEntry{
		Source: "transaction_log", EntryID: entryID("700001_USDT_161500000001", "USDT", "TRANSFER_IN", "", "1000", "6086.56"),
		ExchangeID: "700001_USDT_161500000001", Wallet: "unified", Asset: "USDT", EntryType: "TRANSFER_IN",
		Quantity: "1000", CashFlow: "1000", Fee: "0", Change: "1000", Balance: "6086.56", OccurredAt: at,
	}, got.Rows[0])
	require.Equal(t, exchange.Number("-0.06142012"), got.Rows[1].Balance)
	require.Equal(t, "A_TYPE_ADDED_NEXT_MONTH", got.Rows[2].EntryType)
	require.Equal(t, "eeeeeeee-0000-4000-8000-000000000001", got.Rows[2].TradeID)
	require.Equal(t, exchange.Number("0.01908720"), got.Rows[2].Fee)
	q := stand.asked(transactionLog)[0].URL.Query()
	require.Equal(t, "UNIFIED", q.Get("accountType"))
	require.Equal(t, "50", q.Get("limit"))
	require.Equal(t, itoa(aDay().From.UnixMilli()), q.Get("startTime"), "the default is a day")
	require.Equal(t, itoa(aDay().To.UnixMilli()-1), q.Get("endTime"))
}

func TestGotcha20EntriesThatShareAnIDAreKeptApart(t *testing.T) {
	t.Parallel()
	base := strings.ReplaceAll(fillLegs, "%", "BTC")
	quote := strings.ReplaceAll(fillLegs, "%", "USDT")
	require.Len(t, book(t, transactionBook, base, quote, base).Rows, 2, "both legs, and what came twice once")
	for field, other := range map[string]string{
		`"type":"TRADE"`: `"type":"SETTLEMENT"`, `"tradeId":"t"`: `"tradeId":"u"`,
		`"change":"1"`: `"change":"1.0"`, `"cashBalance":"2"`: `"cashBalance":"3"`, `"id":"1_BTCUSDT_5"`: `"id":"2"`,
	} {
		require.Len(t, book(t, transactionBook, base, strings.Replace(base, field, other, 1)).Rows, 2, field)
	}
	same := strings.Replace(base, `"type"`, `"qty":"9","type"`, 1)
	require.Len(t, book(t, transactionBook, base, same).Rows, 1, "what is no part of the id")
}

// Stored ids depend on these; they never change.
func TestEntryIDsAreWhatTheyWere(t *testing.T) {
	t.Parallel()
	require.Equal(t, "e3b0c44298fc1c149afbf4c8996fb924", entryID())
	require.NotEqual(t, entryID("a", "bc"), entryID("ab", "c"))
	require.NotEqual(t, entryID("a", ""), entryID("a"))
	require.Equal(t, "f918728c7abb541a904d0be28107a2d6", book(t, fundingBook, fundingExample).Rows[0].EntryID)
}

func TestContractLogIsOfTheContractWallet(t *testing.T) {
	t.Parallel()
	got := book(t, contractBook, `{"id":"467153","symbol":"BTCUSD","category":"inverse","side":"Sell","transactionTime":"1767225000000","type":"SETTLEMENT","qty":"1000","size":"-1000","currency":"BTC","tradePrice":"63974.88","funding":"-0.00000156","fee":"","cashFlow":"0.00000000","change":"0.00000156","cashBalance":"1.1311","feeRate":"-0.00010000"}`).Rows[0]
	require.Equal(t, "contract/BTC", got.Wallet+"/"+got.Asset)
	require.Equal(t, "contract_log", got.Source)
	require.Equal(t, "sell", got.Side)
	require.Equal(t, exchange.Number("-1000"), got.PositionSize)
	require.Empty(t, got.Fee)
}

func TestFundingLogAsksInSeconds(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(fundingHistory, always(list("", fundingExample)))
	client := stand.client(t)
	windows := map[exchange.Window][2]int64{
		aDay(): {fixtureTime.Unix() - 86400, fixtureTime.Unix() - 1},
		{From: fixtureTime.Add(300 * time.Millisecond), To: fixtureTime.Add(7*24*time.Hour + 300*time.Millisecond)}: {fixtureTime.Unix(), fixtureTime.Unix() + 7*86400},
	}
	for window, want := range windows {
		require.True(t, client.LedgerEntries(t.Context(), fundingBook, window).Complete)
		asked := stand.asked(fundingHistory)
		q := asked[len(asked)-1].URL.Query()
		require.Equal(t, itoa(want[0]), q.Get("createTimeFrom"))
		require.Equal(t, itoa(want[1]), q.Get("createTimeTo"))
		require.Equal(t, "100", q.Get("limit"))
		require.False(t, q.Has("startTime"))
	}
}

func TestFundingLogColumns(t *testing.T) {
	t.Parallel()
	in := strings.NewReplacer(`"O"`, `"I"`, `"createTime"`, `"currcCursor":"NTg2","createTime"`).Replace(fundingExample)
	got := book(t, fundingBook, fundingExample, in)
	require.Equal(t, exchange.LedgerEntry{
		Source: "funding_log", EntryID: got.Rows[0].EntryID, Wallet: "fund", Asset: "USDT",
		EntryType: "Fiat", Description: "P2P Sale", Quantity: "80.0000", Change: "-80.0000", Balance: "116.0310",
		OccurredAt: time.Unix(1767225000, 0).UTC(),
	}, got.Rows[0])
	require.Equal(t, exchange.Number("80.0000"), got.Rows[1].Change)
	require.Equal(t, "NTg2", got.Rows[1].ExchangeID)
	elsewhere := book(t, fundingBook, strings.Replace(fundingExample, `"O"`, `"?"`, 1)).Rows[0]
	require.Empty(t, elsewhere.Change, "a direction that is neither in nor out")
	require.Equal(t, exchange.Number("80.0000"), elsewhere.Quantity)
}

func TestFundingRowsThatAreEqualAreCountedAndStayTheSame(t *testing.T) {
	t.Parallel()
	other := strings.Replace(fundingExample, "116.0310", "117", 1)
	ids := func(rows ...string) []string {
		var ids []string
		for _, row := range book(t, fundingBook, rows...).Rows {
			ids = append(ids, row.EntryID)
		}
		return ids
	}
	first := ids(fundingExample, fundingExample, other, fundingExample)
	require.Len(t, first, 4)
	require.Equal(t, []string{first[0], first[0] + "-2", first[2], first[0] + "-3"}, first)
	require.ElementsMatch(t, first, ids(other, fundingExample, fundingExample, fundingExample), "whatever else the window holds")

	with := func(cursor string) string {
		return strings.Replace(fundingExample, `"memberId"`, `"currcCursor":"`+cursor+`","memberId"`, 1)
	}
	require.Equal(t, []string{first[0], first[0] + "-2"}, ids(with("a"), with("b"), with("a")), "a row that came twice is one row")
}

func TestDepositColumns(t *testing.T) {
	t.Parallel()
	got := book(t, depositBook, depositExample).Rows
	require.Equal(t, []exchange.LedgerEntry{{
		Source: "deposit", EntryID: "160237231", ExchangeID: "160237231", Asset: "USDT", EntryType: "0",
		Quantity: "999.0496", Change: "999.0496", Status: "3", Network: "TRX", TransactionHash: "04bf3fba",
		OccurredAt: time.UnixMilli(1767225000000).UTC(),
	}}, got)
	for status, credited := range map[string]bool{"3": true, "10012": true, "0": false, "1": false, "2": false, "4": false, "10011": false, "77": false} {
		row := book(t, depositBook, strings.Replace(depositExample, `"status":3`, `"status":`+status, 1)).Rows[0]
		require.Equal(t, credited, row.Change != "", status)
		require.Equal(t, status, row.Status)
	}
	nameless := strings.Replace(depositExample, `"id":"160237231"`, `"id":""`, 1)
	require.Equal(t, entryID("04bf3fba", "0", "USDT", "TRX"), book(t, depositBook, nameless).Rows[0].EntryID)
}

func TestWithdrawalColumns(t *testing.T) {
	t.Parallel()
	got := book(t, withdrawalBook, withdrawalExample).Rows
	require.Equal(t, []exchange.LedgerEntry{{
		Source: "withdrawal", EntryID: "131629076", ExchangeID: "131629076", Asset: "USDC", EntryType: "0",
		Quantity: "41.43008", Change: "-41.43008", Fee: "5", Status: "success", Network: "ETH", TransactionHash: "0x3d7bddb7",
		OccurredAt: time.UnixMilli(1767225000000).UTC(), UpdatedAt: time.UnixMilli(1767225340000).UTC(),
	}}, got)
	for status, gone := range map[string]bool{"Pending": true, "SecurityCheck": true, "NewStatus": true, "Fail": false, "Reject": false, "CancelByUser": false} {
		row := book(t, withdrawalBook, strings.Replace(withdrawalExample, "success", status, 1)).Rows[0]
		require.Equal(t, gone, row.Change != "", status)
	}
}

func TestTransferColumns(t *testing.T) {
	t.Parallel()
	require.Equal(t, []exchange.LedgerEntry{{
		Source: "transfer", EntryID: "selfTransfer_a1091cc7", ExchangeID: "selfTransfer_a1091cc7", Asset: "USDT",
		Quantity: "5000", Status: "SUCCESS", FromWallet: "spot", ToWallet: "unified", OccurredAt: time.UnixMilli(1767225000000).UTC(),
	}}, book(t, transferBook, transferExample).Rows)
	odd := book(t, transferBook, strings.Replace(transferExample, "SPOT", "COPYTRADING", 1)).Rows[0]
	require.Equal(t, "copytrading", odd.FromWallet)
}

func TestBooksAreAskedAsEachOneWants(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	client := stand.client(t, inMode("unified_1.0"))
	day := 24 * time.Hour
	want := map[exchange.Scope][3]time.Duration{
		"transaction_log": {7 * day, 730 * day, 10 * time.Minute},
		"contract_log":    {7 * day, 0, 10 * time.Minute},
		"funding_log":     {7 * day, 0, 10 * time.Minute},
		"deposit":         {30*day - time.Second, 0, time.Hour},
		"withdrawal":      {30*day - time.Second, 0, day},
		"transfer":        {7 * day, 0, time.Hour},
	}
	for _, h := range client.LedgerHistories() {
		got := [3]time.Duration{h.Window, h.Depth, h.Lag}
		require.Equal(t, want[h.Scope], got, h.Scope)
		ep, _ := bookQuery(string(h.Scope), aDay())
		stand.on(ep, always(named(ep, "")))
		whole := exchange.Window{From: fixtureTime.Add(-h.Window), To: fixtureTime}
		require.True(t, client.LedgerEntries(t.Context(), h.Scope, whole).Complete, h.Scope)
		whole.To = whole.To.Add(time.Nanosecond)
		require.Equal(t, exchange.BadRequest, client.LedgerEntries(t.Context(), h.Scope, whole).Err.Class, h.Scope)
		require.Len(t, stand.asked(ep), 1, h.Scope)
	}
	require.Equal(t, "2", stand.asked(withdrawalRecords)[0].URL.Query().Get("withdrawType"))
	require.Equal(t, "50", stand.asked(depositRecords)[0].URL.Query().Get("limit"))
}

func TestEntriesThatCannotBeStoredAreFaults(t *testing.T) {
	t.Parallel()
	cases := map[exchange.Scope][]string{
		transactionBook: {`{"currency":"USDT","transactionTime":"1"}`, `{"id":"1","currency":"USDT"}`, `{"id":"1","transactionTime":"1"}`, `{"id":"1","currency":"USDT","transactionTime":"1","qty":"x"}`},
		fundingBook:     {`{"currency":"USDT","txnAmt":"1"}`, `{"txnAmt":"1","createTime":"1767225000"}`, `{"currency":"USDT","createTime":"1767225000000"}`},
		depositBook:     {`{"coin":"USDT","successAt":"1"}`, `{"id":"1","coin":"USDT","successAt":""}`, `{"id":"1","coin":"USDT","successAt":"1","amount":"ten"}`},
		withdrawalBook:  {`{"coin":"USDT","createTime":"1"}`, `{"withdrawId":"1","createTime":"1"}`},
		transferBook:    {`{"coin":"USDT","timestamp":"1"}`, `{"transferId":"1","coin":"USDT"}`},
	}
	for scope, rows := range cases {
		got := book(t, scope, rows...)
		require.Empty(t, got.Rows, scope)
		require.Len(t, got.Faults, len(rows), scope)
		for i, fault := range got.Faults {
			require.JSONEq(t, rows[i], string(fault.Payload))
		}
	}
}

func TestAddressesAreInNoPayload(t *testing.T) {
	t.Parallel()
	for scope, row := range map[exchange.Scope]string{
		depositBook:    strings.Replace(depositExample, "999.0496", "x", 1),
		withdrawalBook: strings.Replace(withdrawalExample, "41.43008", `x`, 1),
	} {
		fault := book(t, scope, row).Faults[0]
		for _, secret := range []string{"TDGYpm5zPacnEq", "TJ7hhYhVhaxNx6", "0xE3De6d711e09", "my-tag-7"} {
			require.NotContains(t, string(fault.Payload), secret)
		}
		require.Contains(t, string(fault.Payload), `"toAddress":"[redacted]"`)
		require.Contains(t, fault.Reason, "amount")
	}
	s := fuzzSession()
	require.JSONEq(t, `{"address":"","toAddress" : "[redacted]","stTag":"0","tag":"[redacted]"}`, s.redact(`{"address":"","toAddress" : "a\"b","stTag":"0","tag":1234}`, ""))
}
