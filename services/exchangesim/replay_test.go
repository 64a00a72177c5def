package exchangesim_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

// recordedAt is the envelope time of every recorded file.
const recordedAt = 1767225600000

func recorded(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile("testdata/replay/" + name)
	require.NoError(t, err)
	return bytes.TrimSpace(content)
}

func replaying(t *testing.T, folder fs.FS, when string) *exchangesimtest.Server {
	t.Helper()
	s, _ := still(t, exchangesim.Config{Replay: folder, ReplayTime: when})
	return s
}

// TestRecordedBodiesAreServedByteForByte, but for the time of the envelope.
func TestRecordedBodiesAreServedByteForByte(t *testing.T) {
	t.Parallel()
	now := replaying(t, os.DirFS("testdata/replay"), "")
	then := replaying(t, os.DirFS("testdata/replay"), exchangesim.ReplayRecorded)
	for file, request := range map[string][2]string{
		"v5-system-status.json":                                           {statusPath, ""},
		"v5-account-info.json":                                            {infoPath, ""},
		"v5-user-query-api.json":                                          {keyPath, ""},
		"v5-account-wallet-balance.accountType=UNIFIED.json":              {walletPath, "accountType=UNIFIED"},
		"v5-account-wallet-balance.accountType=SPOT.json":                 {walletPath, "accountType=SPOT"},
		"v5-position-list.category=linear.settleCoin=USDC.json":           {positionPath, "settleCoin=USDC&limit=200&category=linear"},
		"v5-order-realtime.category=spot.json":                            {openPath, "category=spot&limit=50"},
		"v5-market-tickers.category=linear.json":                          {tickerPath, "category=linear"},
		"v5-market-kline.category=linear.symbol=BTCUSDT.interval=60.json": {klinePath, "category=linear&symbol=BTCUSDT&interval=60&start=7"},
		"v5-market-instruments-info.category=linear.p1.json":              {instrumentsPath, "category=linear"},
		"v5-position-list.category=linear.settleCoin=USDT.p1.json":        {positionPath, "category=linear&settleCoin=USDT"},
		"v5-order-history.category=linear.json":                           {historyPath, "category=linear"},
		"v5-position-list.category=linear.symbol=BTCUSDT.p1.json":         {positionPath, "category=linear&symbol=BTCUSDT"},
		"v5-order-realtime.category=linear.settleCoin=USDT.p1.json":       {openPath, "category=linear&settleCoin=USDT"},
	} {
		want := recorded(t, file)
		got := then.Client(0).Get(t, request[0], request[1])
		require.Equal(t, string(want), string(got.Body), file)
		dated := now.Client(0).Get(t, request[0], request[1])
		require.Equal(t, http.StatusOK, dated.Status)
		require.Equal(t, strings.Replace(string(want), `"time": `+strconv.Itoa(recordedAt)+"\n}", `"time": `+millis(noon())+"\n}", 1), string(dated.Body), file)
		if bytes.Contains(want, []byte(strconv.Itoa(recordedAt)+"\n}")) {
			require.Equal(t, noon().UnixMilli(), dated.Time, file)
		}
	}
	require.Equal(t, "50", now.Client(0).Get(t, walletPath, "accountType=UNIFIED").Header.Get("X-Bapi-Limit"), "with the exchange's own headers")
}

func TestTheWorldAnswersWhatIsNotRecorded(t *testing.T) {
	t.Parallel()
	s := replaying(t, os.DirFS("testdata/replay"), "")
	truth, err := s.Truth(s.UID(0), noon())
	require.NoError(t, err)
	rows, _ := exchangesimtest.List[exchangesim.PositionRow](t, s.Client(0).Get(t, positionPath, "category=inverse"))
	require.Equal(t, truth.Positions["inverse"], rows)
	require.Equal(t, 10003, (&exchangesimtest.Client{URL: s.URL, Key: "nobody", Now: noon}).Get(t, infoPath, "").RetCode, "recordings are for those who may ask")
	stats := s.Stats().Endpoints[positionPath]
	require.Equal(t, map[string]int{"ok": 1}, stats.Results)
}

func TestWrappersSayStatusAndHeaders(t *testing.T) {
	t.Parallel()
	s := replaying(t, os.DirFS("testdata/replay"), "")
	c := s.Client(0)
	limited := c.Get(t, walletPath, "accountType=UNIFIED&coin=BTC")
	require.Equal(t, 10006, limited.RetCode)
	require.Equal(t, noon().UnixMilli(), limited.Time)
	require.Equal(t, strconv.FormatInt(noon().UnixMilli()+843, 10), limited.Header.Get("X-Bapi-Limit-Reset-Timestamp"), "as far from now as it was from then")
	require.Equal(t, "0", limited.Header.Get("X-Bapi-Limit-Status"))
	bare := c.Get(t, walletPath, "accountType=UNIFIED&coin=ETH")
	require.Equal(t, 10006, bare.RetCode)
	require.Empty(t, bare.Header.Get("X-Bapi-Limit"))
	html := c.Get(t, walletPath, "accountType=UNIFIED&coin=SOL")
	require.Equal(t, [2]any{http.StatusBadGateway, "text/html"}, [2]any{html.Status, html.Header.Get("Content-Type")})
	require.Contains(t, string(html.Body), "502 Bad Gateway")
	classic := c.Get(t, walletPath, "accountType=CONTRACT")
	require.Equal(t, http.StatusNotFound, classic.Status)
	require.Empty(t, classic.Body)
	require.Equal(t, map[string]int{"replayed": 4}, s.Stats().Endpoints[walletPath].Results)

	then := replaying(t, os.DirFS("testdata/replay"), exchangesim.ReplayRecorded)
	limited = then.Client(0).Get(t, walletPath, "accountType=UNIFIED&coin=BTC")
	require.Equal(t, "1767225600843", limited.Header.Get("X-Bapi-Limit-Reset-Timestamp"))
	require.Equal(t, int64(recordedAt), limited.Time)
}

func TestRecordedPagesFollowTheirCursors(t *testing.T) {
	t.Parallel()
	s := replaying(t, os.DirFS("testdata/replay"), "")
	c := s.Client(0)
	positions := walk[exchangesim.PositionRow](t, c, positionPath, "category=linear&settleCoin=USDT&limit=200")
	require.Len(t, positions, 3)
	orders := walk[exchangesim.OrderRow](t, c, openPath, "category=linear&settleCoin=USDT")
	require.Len(t, orders, 7, "with the row that two pages have")
	require.Len(t, walk[instrument](t, c, instrumentsPath, "category=linear"), 3)
	raw, _ := exchangesimtest.List[instrument](t, c.Get(t, instrumentsPath, "category=linear&cursor=first%3DBTCUSDT%26last%3DBTCPERP"))
	require.Equal(t, "ETHUSDT-27MAR26", raw[0].Symbol, "a cursor that was sent back without escaping it again")
	require.Equal(t, 10001, c.Get(t, positionPath, "category=linear&settleCoin=USDT&cursor=invented").RetCode)

	// A page alone is the first one: what its cursor leads to is empty.
	_, cursor := exchangesimtest.List[exchangesim.PositionRow](t, c.Get(t, positionPath, "category=linear&symbol=BTCUSDT"))
	require.NotEmpty(t, cursor)
	after, cursor := exchangesimtest.List[exchangesim.PositionRow](t, c.Get(t, positionPath, withCursor("category=linear&symbol=BTCUSDT", cursor)))
	require.Empty(t, after)
	require.Empty(t, cursor)

	// A file without a page answers any cursor: a stuck walk.
	_, cursor = exchangesimtest.List[exchangesim.OrderRow](t, c.Get(t, historyPath, "category=linear"))
	_, again := exchangesimtest.List[exchangesim.OrderRow](t, c.Get(t, historyPath, withCursor("category=linear", cursor)))
	require.Equal(t, cursor, again)
	served := map[string]int64{}
	for _, r := range s.Recordings() {
		served[r.File] = r.Served
	}
	require.Equal(t, int64(2), served["v5-order-history.category=linear.json"])
	_, answer := admin(t, s, http.MethodGet, "/admin/replay", "")
	require.Len(t, answer["list"], len(served))
}

func envelope(rows string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(`{"retCode":0,"result":{"list":[` + rows + `],"nextPageCursor":""},"time":1}`)}
}

func cursorTo(cursor string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(`{"retCode":0,"result":{"list":[],"nextPageCursor":"` + cursor + `"},"time":1}`)}
}

func TestTheMostDemandingRecordingWins(t *testing.T) {
	t.Parallel()
	_, _, uid := exchangesim.Credentials(7, 1)
	s := replaying(t, fstest.MapFS{
		"v5-order-history.json":                                     envelope(`"any"`),
		"v5-order-history.category=spot.json":                       envelope(`"spot"`),
		"v5-order-history.category=spot.uid=" + uid + ".json":       envelope(`"of one account"`),
		"v5-order-history.category=spot.orderLinkId=a%2Eb%20c.json": envelope(`"of a link"`),
		"v5-position-list.p1.json":                                  cursorTo("A"),
		"v5-position-list.p2.json":                                  cursorTo("B"),
		"v5-position-list.p3.json":                                  cursorTo("A"),
		"README.md":                                                 {Data: []byte("notes")},
		".hidden":                                                   {},
	}, "")
	get := func(index int, query string) string {
		rows, _ := exchangesimtest.List[string](t, s.Client(index).Get(t, historyPath, query))
		return rows[0]
	}
	require.Equal(t, "any", get(0, "category=option"))
	require.Equal(t, "spot", get(0, "category=spot&limit=5"))
	require.Equal(t, "of one account", get(1, "category=spot"))
	require.Equal(t, "of a link", get(0, "category=spot&orderLinkId=a.b+c"))
	var cursors []string
	for cursor := ""; len(cursors) < 5; {
		_, cursor = exchangesimtest.List[string](t, s.Client(0).Get(t, positionPath, "category=inverse&cursor="+cursor))
		cursors = append(cursors, cursor)
	}
	require.Equal(t, []string{"A", "B", "A", "B", "A"}, cursors, "a cycle of two pages")
}

func TestMalformedRecordingsAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	good := envelope("")
	for file, tt := range map[string]struct {
		folder fstest.MapFS
		reason string
	}{
		"v5-order-history.txt":                {fstest.MapFS{"v5-order-history.txt": good}, "no .json file"},
		"folder":                              {fstest.MapFS{"folder/v5-order-history.json": good}, "no .json file"},
		"v5-order-future.json":                {fstest.MapFS{"v5-order-future.json": good}, `"v5-order-future" is none; there are v5-market-time`},
		"v5-order-history.spot.json":          {fstest.MapFS{"v5-order-history.spot.json": good}, `"spot" in its name`},
		"v5-order-history.p2.category=a.json": {fstest.MapFS{"v5-order-history.p2.category=a.json": good}, `"p2" in its name`},
		"v5-order-history.category=%zz.json":  {fstest.MapFS{"v5-order-history.category=%zz.json": good}, "in its name"},
		"v5-order-history.a=1.json":           {fstest.MapFS{"v5-order-history.a=1.json": {Data: []byte("{")}}, "no JSON object"},
		"v5-order-history.a=2.json":           {fstest.MapFS{"v5-order-history.a=2.json": {Data: []byte("[]")}}, "no JSON object"},
		"v5-order-history.a=3.json":           {fstest.MapFS{"v5-order-history.a=3.json": {Data: []byte(`{"list":[]}`)}}, "neither a body with a retCode"},
		"v5-order-history.a=4.json":           {fstest.MapFS{"v5-order-history.a=4.json": {Data: []byte(`{"retCode":"x"}`)}}, "retCode"},
		"v5-order-history.a=5.json":           {fstest.MapFS{"v5-order-history.a=5.json": {Data: []byte(`{"status":99,"body":""}`)}}, "status must be 200 to 599"},
		"v5-order-history.a=6.json":           {fstest.MapFS{"v5-order-history.a=6.json": {Data: []byte(`{"status":200,"bodyy":""}`)}}, "bodyy"},
		"v5-order-history.p2.json":            {fstest.MapFS{"v5-order-history.p2.json": good}, "where page 1"},
		"v5-order-history.p1.json":            {fstest.MapFS{"v5-order-history.p1.json": good, "v5-order-history.p2.json": good}, "nothing leads to v5-order-history.p2.json"},
		"v5-order-history.b=1.a=1.json":       {fstest.MapFS{"v5-order-history.a=1.b=1.json": good, "v5-order-history.b=1.a=1.json": good}, "v5-order-history.a=1.b=1.json and"},
		"v5-order-history.json and":           {fstest.MapFS{"v5-order-history.json": good, "v5-order-history.p1.json": cursorTo("A")}, "they record the same request"},
	} {
		_, err := exchangesim.New(exchangesim.Config{Accounts: 1, Replay: tt.folder})
		require.ErrorContains(t, err, tt.reason, file)
		require.ErrorContains(t, err, file)
	}
	_, err := exchangesim.New(exchangesim.Config{Accounts: 1, Replay: os.DirFS("testdata/nowhere")})
	require.ErrorContains(t, err, "reading the folder")
	_, err = exchangesim.New(exchangesim.Config{Accounts: 1, ReplayTime: "later"})
	require.ErrorContains(t, err, "replay-time must be")
}

// TestEveryFixtureCanBeReplayed: whatever the adapter's tests read can be
// served, as the answer to any request.
func TestEveryFixtureCanBeReplayed(t *testing.T) {
	t.Parallel()
	fixtures := os.DirFS("../worker/exchange/bybit/testdata")
	seen := 0
	require.NoError(t, fs.WalkDir(fixtures, ".", func(name string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() || !strings.HasSuffix(name, ".json") {
			return nil
		}
		seen++
		content, err := fs.ReadFile(fixtures, name)
		require.NoError(t, err)
		s := replaying(t, fstest.MapFS{"v5-account-info.json": {Data: content}}, exchangesim.ReplayRecorded)
		r := s.Client(0).Get(t, infoPath, "")
		var want struct {
			Status int
			Body   *string
		}
		require.NoError(t, json.Unmarshal(content, &want))
		if want.Body == nil {
			require.Equal(t, string(bytes.TrimSpace(content)), string(r.Body), name)
			return nil
		}
		require.Equal(t, [2]any{want.Status, *want.Body}, [2]any{r.Status, string(r.Body)}, name)
		return nil
	}))
	require.Greater(t, seen, 20)
}
