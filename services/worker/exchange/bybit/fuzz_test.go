package bybit

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

// fuzzSession decodes and never sends.
func fuzzSession() *session {
	return &session{addresses: sync.OnceValue(addressFields), environment: "testnet", base: "https://exchange.example"}
}

func fuzzClient() *Client {
	return &Client{session: fuzzSession(), settleCoins: []string{"USDT", "USDC"}}
}

// seed adds the rows of the fixtures whose name begins so, and some of its own.
func seed(f *testing.F, prefix string, rows ...string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*", prefix+"*.json"))
	require.NoError(f, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		answer, err := parseEnvelope(body)
		require.NoError(f, err)
		var result listResult
		require.NoError(f, read(answer.Result, &result))
		for _, raw := range append(result.List, result.Balance...) {
			f.Add([]byte(raw))
		}
	}
	for _, row := range append(rows, `{}`, `[]`, `null`, `"x"`, `0`, ``) {
		f.Add([]byte(row))
	}
}

// fuzzRows checks what a decoder makes of any bytes: a row whose every number is
// a decimal exactly as sent, and whose times are times; a fault that says why
// and whose payload may be stored; or neither. A number that the row does not
// hold is ours: constants allow for those that we set.
func fuzzRows[T exchange.Keyed](f *testing.F, read decode[T], constants ...string) {
	f.Helper()
	f.Fuzz(func(t *testing.T, raw []byte) {
		row, fault := read(raw)
		if fault != nil {
			require.True(t, row == nil && fault.Reason != "" && utf8.Valid(fault.Payload) && len(fault.Payload) <= maxRow)
			return
		}
		if row != nil {
			require.NotEmpty(t, (*row).Key())
			exact(t, reflect.ValueOf(*row), append(sent(t, raw), constants...))
		}
	})
}

// sent is every scalar of a JSON text: strings as they read, numbers as written.
func sent(t *testing.T, raw []byte) []string {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var scalars []string
	for {
		token, err := decoder.Token()
		if err != nil {
			return scalars
		}
		switch value := token.(type) {
		case string:
			scalars = append(scalars, value)
		case json.Number:
			scalars = append(scalars, string(value))
		}
	}
}

func exact(t *testing.T, value reflect.Value, scalars []string) {
	t.Helper()
	switch v := value.Interface().(type) {
	case exchange.Number:
		exactNumber(t, string(v), scalars)
	case time.Time:
		require.True(t, v.IsZero() || v.Year() >= 1970 && v.Year() <= 9999, v)
		require.Same(t, time.UTC, v.Location())
	case string:
		require.True(t, utf8.ValidString(v) && !strings.ContainsRune(v, 0), "text that a column can hold")
	case map[string]exchange.Number:
		for _, n := range v {
			exactNumber(t, string(n), scalars)
		}
	default:
		if value.Kind() == reflect.Struct {
			for i := range value.NumField() {
				exact(t, value.Field(i), scalars)
			}
		}
	}
}

// exactNumber accepts a sign that we turned, since the digits are as sent.
func exactNumber(t *testing.T, n string, scalars []string) {
	t.Helper()
	if n == "" {
		return
	}
	require.True(t, isDecimal(n), n)
	for _, s := range scalars {
		if n == s || strings.HasPrefix(n, "-") && (n[1:] == s || n[1:] == strings.TrimPrefix(s, "+")) {
			return
		}
	}
	require.Fail(t, "a number that was not sent", n)
}

const extremes = `"0.000000012345","b":"123456789012.5","c":9007199254740993,"d":"0.123456789012345678"`

func FuzzBalance(f *testing.F) {
	seed(f, "none", `{"coin":"BTC","walletBalance":"-1e-18","equity":0.000000012345,"locked":""}`)
	fuzzRows(f, fuzzSession().balanceIn(unified, false))
}

func FuzzIsolatedBalance(f *testing.F) {
	f.Add([]byte(`{"coin":"A","walletBalance":"5","locked":"1e99","bonus":"0","totalOrderIM":"1e-99","totalPositionIM":"0"}`))
	read := fuzzSession().balanceIn(unified, true)
	f.Fuzz(func(_ *testing.T, raw []byte) { _, _ = read(raw) })
}

func FuzzFundBalance(f *testing.F) {
	seed(f, "all-coins-balance")
	fuzzRows(f, fuzzSession().fundBalance)
}

func FuzzPosition(f *testing.F) {
	seed(f, "position-list")
	fuzzRows(f, fuzzSession().positionIn("linear:USDT"))
}

func FuzzOrder(f *testing.F) {
	seed(f, "order-", `{"orderId":"1","cumFeeDetail":{"A":"-0.1","B":""},"price":`+extremes+`}`)
	fuzzRows(f, fuzzSession().orderIn(linear, "linear:USDT"))
}

func FuzzPrice(f *testing.F) {
	seed(f, "tickers")
	fuzzRows(f, fuzzSession().priceIn(linear))
}

func FuzzFill(f *testing.F) {
	seed(f, "execution-list", `{"execId":"1","symbol":"A","execTime":"1767225599000","seq":"9007199254740993","execPrice":`+extremes+`}`)
	fuzzRows(f, fuzzClient().fillIn(spot))
}

func FuzzTransactionLog(f *testing.F) {
	seed(f, "transaction-log")
	fuzzRows(f, fuzzSession().entryIn(transactionBook))
}

func FuzzFundingLog(f *testing.F) {
	seed(f, "none", fundingExample)
	s := fuzzSession()
	fuzzRows(f, func(raw json.RawMessage) (*exchange.LedgerEntry, *exchange.RowFault) {
		return newFundingLog(s).entry(raw)
	})
}

func FuzzDeposit(f *testing.F) {
	seed(f, "none", depositExample)
	fuzzRows(f, fuzzSession().entryIn(depositBook))
}

func FuzzWithdrawal(f *testing.F) {
	seed(f, "none", withdrawalExample)
	fuzzRows(f, fuzzSession().entryIn(withdrawalBook))
}

func FuzzTransfer(f *testing.F) {
	seed(f, "none", transferExample)
	fuzzRows(f, fuzzSession().entryIn(transferBook))
}

func FuzzClosedPnL(f *testing.F) {
	seed(f, "none", closedPnLExample)
	fuzzRows(f, fuzzSession().closedPnLIn(linear))
}

func FuzzInstrument(f *testing.F) {
	seed(f, "instruments-info", linearExample, spotExample, optionExample)
	fuzzRows(f, fuzzSession().instrumentIn(linear), "1")
}

func FuzzCandle(f *testing.F) {
	seed(f, "kline", `["1767222000000",1e5,"0.000000012345","",null]`)
	series := exchange.Series{Category: linear, Symbol: "BTCUSDT", Interval: "M"}
	length, _ := parseInterval("M")
	fuzzRows(f, bars{session: fuzzSession(), series: series, interval: length, now: func() time.Time { return fixtureTime }}.candle)
}

func FuzzSubAccount(f *testing.F) {
	seed(f, "none", `{"uid":"106314365","username":"xxxx02","memberType":1,"status":1,"remark":"","accountMode":5}`)
	s := fuzzSession()
	f.Fuzz(func(t *testing.T, raw []byte) {
		if account, fault := s.subAccount(raw); fault == nil {
			require.NotEmpty(t, account.UID)
		}
	})
}

// FuzzAnswer is a whole answer of any endpoint: it ends in a page or a fault.
func FuzzAnswer(f *testing.F) {
	for _, dir := range []string{"edge", "errors", "pages"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.json"))
		require.NoError(f, err)
		for _, file := range files {
			body, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(200, body)
		}
	}
	f.Add(502, []byte(`<html>`))
	f.Add(403, []byte(`{"retCode":0}`))
	s := fuzzSession()
	s.host = &exchange.Host{Clock: exchange.NewClock()}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, ep := range []endpoint{orderHistory, depositRecords, coinBalances, subMembers} {
			got, fault := s.judge(answer{endpoint: ep, status: status, body: body})
			if fault != nil {
				require.NotEmpty(t, fault.Class)
				require.LessOrEqual(t, len(fault.Payload), maxPayload)
				continue
			}
			if page, fault := s.parsePage(got); fault == nil {
				require.NotNil(t, page.rows)
			}
			if key, fault := decodeResult[keyRow](s, got); fault == nil {
				_, _ = key.info()
			}
		}
	})
}
