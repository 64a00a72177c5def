package exchangesim_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

func set(t *testing.T, s *exchangesimtest.Server, f exchangesim.Fault) string {
	t.Helper()
	id, err := s.SetFault(f)
	require.NoError(t, err)
	return id
}

func TestFaultStatuses(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	for value, want := range map[string]struct {
		status int
		body   string
	}{
		"500": {500, "<html>"}, "502": {502, "502 Bad Gateway"}, "429": {429, ""}, "401": {401, ""}, "404": {404, ""},
		"403": {403, "access too frequent"},
	} {
		set(t, s, exchangesim.Fault{ID: "one", Endpoint: infoPath, Kind: exchangesim.FaultStatus, Value: value})
		r := s.Client(0).Get(t, infoPath, "")
		require.Equal(t, want.status, r.Status)
		require.Contains(t, string(r.Body), want.body)
		if want.body == "" {
			require.Empty(t, r.Body)
		}
	}
	require.Len(t, s.Faults(), 1, "the same id replaces")
	require.Zero(t, s.Client(0).Get(t, keyPath, "").RetCode, "another path")
	require.Equal(t, 1, s.ClearFaults())
	require.Zero(t, s.Client(0).Get(t, infoPath, "").RetCode)
}

func TestFaultRetCodes(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	get := func() exchangesimtest.Response { return s.Client(0).Get(t, infoPath, "") }
	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultRetCode, Value: "10016"})
	require.Equal(t, 10016, get().RetCode)
	require.JSONEq(t, "{}", string(get().Result))
	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultRetCode, Value: "10028:only for unified"})
	require.Equal(t, "only for unified", get().RetMsg)
	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultRetCode, Value: "10006"})
	r := get()
	require.Equal(t, 10006, r.RetCode)
	require.Equal(t, "0", r.Header.Get("X-Bapi-Limit-Status"))
	require.Equal(t, noon().Add(time.Second), instant(t, r.Header.Get("X-Bapi-Limit-Reset-Timestamp")))
	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultRetCodeBare, Value: "10006"})
	r = get()
	require.Equal(t, 10006, r.RetCode)
	require.Equal(t, [3]string{}, limitHeaders(r))
}

func TestFaultSelection(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	results := func(c *exchangesimtest.Client, path, query string, n int) (codes []int) {
		for range n {
			codes = append(codes, c.Get(t, path, query).RetCode)
		}
		return codes
	}
	set(t, s, exchangesim.Fault{ID: "f", UID: s.UID(1), Skip: 1, EveryN: 2, Count: 2, Kind: exchangesim.FaultRetCode, Value: "10016"})
	require.Equal(t, []int{0, 0, 0}, results(s.Client(0), infoPath, "", 3), "another account")
	require.Equal(t, []int{0, 0, 10016, 0, 10016, 0, 0, 0}, results(s.Client(1), infoPath, "", 8))
	state := s.Faults()[0]
	require.Equal(t, [2]int{8, 2}, [2]int{state.Seen, state.Struck})

	set(t, s, exchangesim.Fault{ID: "f", Endpoint: positionPath, Query: "category=linear&settleCoin=USDC", Kind: exchangesim.FaultRetCode, Value: "10016"})
	require.Equal(t, []int{0}, results(s.Client(0), positionPath, "category=linear&settleCoin=USDT", 1))
	require.Equal(t, []int{10016}, results(s.Client(0), positionPath, "settleCoin=USDC&limit=5&category=linear", 1))
}

func TestFaultBodies(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Rows: exchangesim.Rows{Steady: true}})
	c := s.Client(0)
	get := func(kind exchangesim.FaultKind) exchangesimtest.Response {
		set(t, s, exchangesim.Fault{ID: "one", Endpoint: openPath, Kind: kind})
		return c.Get(t, openPath, "category=spot")
	}
	r := get(exchangesim.FaultHTML)
	require.Equal(t, http.StatusOK, r.Status)
	require.Equal(t, "text/html", r.Header.Get("Content-Type"))
	require.Equal(t, -1, r.RetCode)
	r = get(exchangesim.FaultMalformed)
	require.Equal(t, http.StatusOK, r.Status)
	require.Contains(t, r.Header.Get("Content-Type"), "application/json")
	require.False(t, json.Valid(r.Body))
	r = get(exchangesim.FaultShape)
	require.Zero(t, r.RetCode)
	require.JSONEq(t, `{"list":"none"}`, string(r.Result))
	rows, _ := exchangesimtest.List[any](t, get(exchangesim.FaultEmpty))
	require.Empty(t, rows)

	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultTruncate})
	resp, err := http.DefaultClient.Do(c.Request(t.Context(), t, openPath, "category=spot"))
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, resp.ContentLength/2, int64(len(body)))
}

func TestFaultConnections(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultReset, Count: 1})
	_, err := http.DefaultClient.Do(c.Request(t.Context(), t, infoPath, "")) //nolint:bodyclose // there is no answer
	require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF), "%v", err)

	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultHang, Value: "20ms", Count: 1})
	_, err = http.DefaultClient.Do(c.Request(t.Context(), t, infoPath, "")) //nolint:bodyclose // there is no answer
	require.ErrorIs(t, err, io.EOF)

	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultLatency, Value: "50ms"})
	begin := time.Now()
	require.Zero(t, c.Get(t, infoPath, "").RetCode)
	require.GreaterOrEqual(t, time.Since(begin), 50*time.Millisecond)
	require.Equal(t, 2, s.Stats().Endpoints[infoPath].Results["aborted"])
}

func TestFaultClockDatesAnswers(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	honest, _ := exchangesimtest.List[any](t, s.Client(0).Get(t, walletPath, "accountType=UNIFIED"))
	set(t, s, exchangesim.Fault{Kind: exchangesim.FaultClock, Value: "24h"})
	r := s.Client(0).Get(t, walletPath, "accountType=UNIFIED")
	require.Equal(t, noon().Add(24*time.Hour).UnixMilli(), r.Time)
	dated, _ := exchangesimtest.List[any](t, r)
	require.Equal(t, honest, dated, "rows of today, dated tomorrow")
	r = s.Client(0).Get(t, timePath, "")
	require.Contains(t, string(r.Result), `"timeSecond":"`+r.Header.Get("Timenow")[:10])
}

func TestFaultCursors(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Rows: exchangesim.Rows{Positions: 7, Steady: true}})
	c := s.Client(0)
	const query = "category=inverse&limit=3"
	page := func(cursor string) ([]exchangesim.PositionRow, string) {
		return exchangesimtest.List[exchangesim.PositionRow](t, c.Get(t, positionPath, withCursor(query, cursor)))
	}
	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultStuckCursor})
	first, stuck := page("")
	again, same := page(stuck)
	require.Equal(t, first, again)
	require.Equal(t, stuck, same)

	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultStuckCursor, Value: "cycle"})
	_, second := page("")
	_, third := page(second)
	_, fourth := page(third)
	require.Equal(t, second, fourth, "the first page again, and so for ever")

	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultLastPage})
	_, cursor := page("")
	_, cursor = page(cursor)
	require.Equal(t, http.StatusInternalServerError, c.Get(t, positionPath, withCursor(query, cursor)).Status)
	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultLastPage, Value: "after_first"})
	_, cursor = page("")
	require.Equal(t, http.StatusInternalServerError, c.Get(t, positionPath, withCursor(query, cursor)).Status)
}

func TestFaultRows(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Rows: exchangesim.Rows{Positions: 7, Steady: true}})
	c := s.Client(0)
	all := walk[exchangesim.PositionRow](t, c, positionPath, "category=inverse&limit=200")
	require.Len(t, all, 7)

	set(t, s, exchangesim.Fault{ID: "size", Kind: exchangesim.FaultPageSize, Value: "2"})
	rows, cursor := exchangesimtest.List[exchangesim.PositionRow](t, c.Get(t, positionPath, "category=inverse&limit=200"))
	require.Equal(t, all[:2], rows)
	require.Equal(t, all, walk[exchangesim.PositionRow](t, c, positionPath, "category=inverse&limit=200"))
	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultOverlap, Value: "1"})
	rows, _ = exchangesimtest.List[exchangesim.PositionRow](t, c.Get(t, positionPath, withCursor("category=inverse&limit=200", cursor)))
	require.Equal(t, all[1:4], rows)
	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultSkipRows, Value: "1"})
	rows, _ = exchangesimtest.List[exchangesim.PositionRow](t, c.Get(t, positionPath, withCursor("category=inverse&limit=200", cursor)))
	require.Equal(t, all[3:4], rows)
	s.ClearFaults("size")

	for path, q := range map[string]struct{ query, key, number string }{
		positionPath: {"category=inverse", "symbol", "size"},
		openPath:     {"category=spot", "orderId", "qty"},
		tickerPath:   {"category=spot", "symbol", "lastPrice"},
	} {
		set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultBadRow, Value: "1"})
		bad, _ := exchangesimtest.List[map[string]any](t, c.Get(t, path, q.query))
		require.Equal(t, "not a number", bad[1][q.number])
		require.NotEmpty(t, bad[1][q.key])
		require.NotEqual(t, "not a number", bad[0][q.number])
		set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultKeylessRow, Value: "0"})
		bad, _ = exchangesimtest.List[map[string]any](t, c.Get(t, path, q.query))
		require.NotContains(t, bad[0], q.key)
		require.Contains(t, bad[1], q.key)
	}
	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultBadRow, Value: "0"})
	wallet, _ := exchangesimtest.List[exchangesim.WalletRow](t, c.Get(t, walletPath, "accountType=UNIFIED"))
	require.Equal(t, "not a number", wallet[0].Coin[0].WalletBalance)
	set(t, s, exchangesim.Fault{ID: "one", Kind: exchangesim.FaultEmpty})
	wallet, _ = exchangesimtest.List[exchangesim.WalletRow](t, c.Get(t, walletPath, "accountType=UNIFIED"))
	require.Empty(t, wallet)
}

func TestGarbledRowsKeepLargeNumbers(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Rows: exchangesim.Rows{Steady: true}})
	honest, _ := exchangesimtest.List[exchangesim.PositionRow](t, s.Client(0).Get(t, positionPath, "category=inverse"))
	set(t, s, exchangesim.Fault{Kind: exchangesim.FaultSkipRows, Value: "1"})
	garbled, _ := exchangesimtest.List[exchangesim.PositionRow](t, s.Client(0).Get(t, positionPath, "category=inverse"))
	require.Equal(t, honest[1:], garbled)
}

func TestParseFault(t *testing.T) {
	t.Parallel()
	f, err := exchangesim.ParseFault("endpoint=/v5/position/list, kind=status,value=500,every_n=3,count=2,skip=1,uid=7,query=category=linear&settleCoin=USDT,stage=response,id=x")
	require.NoError(t, err)
	require.Equal(t, exchangesim.Fault{
		ID: "x", Endpoint: positionPath, UID: "7", Query: "category=linear&settleCoin=USDT", Skip: 1, EveryN: 3, Count: 2,
		Kind: exchangesim.FaultStatus, Value: "500", Stage: exchangesim.StageResponse,
	}, f)
	for bad, message := range map[string]string{
		"":                             "not of the form",
		"kind":                         "not of the form",
		"kind=status,colour=red":       "unknown field",
		"kind=status,value=500,skip=x": "skip must be a number",
		"value=500":                    "unknown kind",
		"kind=status,value=200":        "400 to 599",
		"kind=retcode,value=0":         "other than 0",
		"kind=latency,value=fast":      "a duration",
		"kind=hang,value=fast":         "nothing or a duration",
		"kind=page_size,value=0":       "above 0",
		"kind=bad_row,value=-1":        "index of a row",
		"kind=stuck_cursor,value=very": "does not take",
		"kind=html,value=1":            "does not take",
		"kind=html,stage=later":        "stage must be",
		"kind=html,count=-1":           "negative",
		"kind=html,endpoint=/v5/nope":  "unknown endpoint",
	} {
		_, err := exchangesim.ParseFault(bad)
		require.ErrorContains(t, err, message, bad)
	}
}
