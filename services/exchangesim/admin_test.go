package exchangesim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

// admin sends an admin request and returns status and decoded answer.
func admin(t *testing.T, s *exchangesimtest.Server, method, path, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var whole any
	require.NoError(t, json.Unmarshal(raw, &whole), string(raw))
	answer, isObject := whole.(map[string]any)
	if !isObject {
		answer = map[string]any{"list": whole}
	}
	return resp.StatusCode, answer
}

// change sends a change that must succeed.
func change(t *testing.T, s *exchangesimtest.Server, uid, name, body string) map[string]any {
	t.Helper()
	status, answer := admin(t, s, http.MethodPost, "/admin/accounts/"+uid+"/"+name, body)
	require.Equal(t, http.StatusOK, status, answer)
	require.NotZero(t, answer["time"])
	return answer
}

func coinRow(t *testing.T, s *exchangesimtest.Server, index int, name string) *exchangesim.CoinRow {
	t.Helper()
	rows, _ := exchangesimtest.List[exchangesim.WalletRow](t, s.Client(index).Get(t, walletPath, "accountType=UNIFIED"))
	for _, row := range rows[0].Coin {
		if row.Coin == name {
			return &row
		}
	}
	return nil
}

func TestAdminChangesBalances(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{})
	uid := s.UID(0)
	require.NotNil(t, coinRow(t, s, 0, "BTC"))
	change(t, s, uid, "balance", `{"asset":"BTC","amount":"0.123456789012345678"}`)
	require.Equal(t, "0.123456789012345678", coinRow(t, s, 0, "BTC").WalletBalance)
	clock.Advance(24 * time.Hour)
	require.Equal(t, "0.123456789012345678", coinRow(t, s, 0, "BTC").WalletBalance, "it no longer moves")
	before := clock.Now()
	clock.Advance(time.Second)
	change(t, s, uid, "remove-asset", `{"asset":"BTC"}`)
	require.Nil(t, coinRow(t, s, 0, "BTC"))
	require.NotNil(t, coinRow(t, s, 1, "BTC"), "another account's stays")
	rows, _ := exchangesimtest.List[exchangesim.WalletRow](t, s.Client(0).Get(t, walletPath, "accountType=UNIFIED&coin=BTC"))
	require.Equal(t, "0", rows[0].Coin[0].WalletBalance, "asked for by name, it is zero")
	truth, err := s.Truth(uid, before)
	require.NoError(t, err)
	require.Contains(t, canonical(t, truth.Balances), "0.123456789012345678", "the past stays")
}

func TestAdminChangesPositions(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{Rows: exchangesim.Rows{Steady: true}})
	uid := s.UID(0)
	get := func() map[string]exchangesim.PositionRow {
		found := map[string]exchangesim.PositionRow{}
		rows, _ := exchangesimtest.List[exchangesim.PositionRow](t, s.Client(0).Get(t, positionPath, "category=linear&settleCoin=USDT"))
		for _, row := range rows {
			found[row.Symbol] = row
		}
		return found
	}
	require.Contains(t, get(), "BTCUSDT")
	change(t, s, uid, "close-position", `{"category":"linear","symbol":"BTCUSDT","position_idx":0}`)
	require.NotContains(t, get(), "BTCUSDT")
	clock.Advance(100 * time.Hour)
	require.NotContains(t, get(), "BTCUSDT", "closed for good")
	status, answer := admin(t, s, http.MethodPost, "/admin/accounts/"+uid+"/close-position", `{"category":"linear","symbol":"BTCUSDT"}`)
	require.Equal(t, http.StatusNotFound, status, answer)
	change(t, s, uid, "open-position", `{"category":"linear","symbol":"MNTUSDT","side":"Sell","size":"12.5","avg_price":"0.9"}`)
	row := get()["MNTUSDT"]
	require.Equal(t, [3]string{"Sell", "12.5", "0.9"}, [3]string{row.Side, row.Size, row.AvgPrice})
	pnl := row.UnrealisedPnl
	clock.Advance(time.Hour)
	require.NotEqual(t, pnl, get()["MNTUSDT"].UnrealisedPnl, "it follows the market")
	for _, body := range []string{
		`{"category":"linear","symbol":"NOSUCH","side":"Buy","size":"1"}`, `{"category":"linear","symbol":"BTCUSDT","side":"Up","size":"1"}`,
		`{"category":"linear","symbol":"BTCUSDT","side":"Buy","size":"0"}`, `{"category":"linear","symbol":"BTCUSDT","side":"Buy","size":"1","position_idx":1}`,
		`{"category":"spot","symbol":"BTCUSDT","side":"Buy","size":"1"}`, `{"nonsense":1}`, `{`,
	} {
		status, answer := admin(t, s, http.MethodPost, "/admin/accounts/"+uid+"/open-position", body)
		require.Equal(t, http.StatusBadRequest, status, body)
		require.NotEmpty(t, answer["error"])
	}
}

func TestAdminChangesOrders(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Rows: exchangesim.Rows{Steady: true}})
	uid, c := s.UID(0), s.Client(0)
	open := func() map[string]exchangesim.OrderRow {
		found := map[string]exchangesim.OrderRow{}
		for _, row := range walk[exchangesim.OrderRow](t, c, openPath, "category=spot") {
			found[row.OrderID] = row
		}
		return found
	}
	natural := open()
	require.Len(t, natural, 4)
	placed, _ := change(t, s, uid, "place-order", `{"category":"spot","symbol":"BTCUSDT","side":"Buy","price":"50000","qty":"0.1","order_link_id":"mine"}`)["order_id"].(string)
	conditional, _ := change(t, s, uid, "place-order", `{"category":"spot","symbol":"ETHUSDT","side":"Sell","price":"5000","qty":"0.1","trigger_price":"4900"}`)["order_id"].(string)
	require.Equal(t, "New", open()[placed].OrderStatus)
	require.Equal(t, "Untriggered", open()[conditional].OrderStatus)
	byLink := walk[exchangesim.OrderRow](t, c, openPath, "category=spot&orderLinkId=mine")
	require.Len(t, byLink, 1)
	require.Equal(t, placed, byLink[0].OrderID)

	change(t, s, uid, "fill-order", `{"category":"spot","order_id":"`+placed+`"}`)
	change(t, s, uid, "cancel-order", `{"category":"spot","order_id":"`+conditional+`"}`)
	for id := range natural {
		change(t, s, uid, "cancel-order", `{"category":"spot","order_id":"`+id+`"}`)
	}
	require.Empty(t, open())
	closed := history(t, c, "category=spot&orderId="+placed)
	require.Equal(t, [2]string{"Filled", "0.1"}, [2]string{closed[placed].OrderStatus, closed[placed].CumExecQty})
	for id, row := range natural {
		want := "Cancelled"
		if row.CumExecQty != "0" {
			want = "PartiallyFilledCanceled"
		}
		got := history(t, c, "category=spot&orderId="+id)[id]
		require.Equal(t, [2]string{want, row.CumExecQty}, [2]string{got.OrderStatus, got.CumExecQty}, "fills are kept")
	}
	status, _ := admin(t, s, http.MethodPost, "/admin/accounts/"+uid+"/cancel-order", `{"category":"spot","order_id":"`+placed+`"}`)
	require.Equal(t, http.StatusNotFound, status, "ended already")
	change(t, s, uid, "forget-order", `{"category":"spot","order_id":"`+placed+`"}`)
	require.Empty(t, history(t, c, "category=spot&orderId="+placed), "without a trace")
	truth, err := s.Truth(uid, time.Time{})
	require.NoError(t, err)
	require.NotContains(t, canonical(t, truth.Orders), placed)
	require.Contains(t, canonical(t, truth.Orders), conditional)
}

func TestAdminChangesKeys(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	uid, c := s.UID(0), s.Client(0)
	info := func() (info exchangesim.KeyInfo) {
		r := c.Get(t, keyPath, "")
		require.Zero(t, r.RetCode, r.RetMsg)
		require.NoError(t, json.Unmarshal(r.Result, &info))
		return info
	}
	born := info()
	require.Equal(t, [2]any{1, c.Key}, [2]any{born.ReadOnly, born.APIKey})
	require.Equal(t, uid, strconv.FormatInt(born.UserID, 10))
	require.Equal(t, []string{"*"}, born.IPs)
	require.Positive(t, born.DeadlineDay)
	change(t, s, uid, "permissions", `{"read_only":false,"permissions":{"Wallet":["Withdraw"]}}`)
	require.Equal(t, 0, info().ReadOnly)
	require.Equal(t, []string{"Withdraw"}, info().Permissions["Wallet"])
	require.Equal(t, []string{"SpotTrade"}, info().Permissions["Spot"], "areas not named stay")
	change(t, s, uid, "ips", `{"ips":["127.0.0.1"]}`)
	bound := info()
	require.Equal(t, []string{"127.0.0.1"}, bound.IPs)
	require.Equal(t, [2]any{"1970-01-01T00:00:00Z", int64(-2)}, [2]any{bound.ExpiredAt, bound.DeadlineDay}, "bound keys do not expire")
	change(t, s, uid, "expiry", `{"expires":"2026-03-05T12:00:00Z"}`)
	require.Equal(t, "2026-03-05T12:00:00Z", info().ExpiredAt)
	change(t, s, uid, "uid", `{"uid":"424242"}`)
	require.EqualValues(t, 424242, info().UserID)
	change(t, s, "424242", "revoke-key", "")
	require.Equal(t, 10003, c.Get(t, keyPath, "").RetCode, "the new UID names the account too")
	change(t, s, uid, "restore-key", "")
	fresh := change(t, s, uid, "rotate-key", "")
	c.Key, c.Secret = fresh["key"].(string), fresh["secret"].(string)
	require.Equal(t, c.Key, info().APIKey)
	_, known := admin(t, s, http.MethodGet, "/admin/accounts/"+uid+"/credentials", "")
	require.Equal(t, [2]any{c.Key, c.Secret}, [2]any{known["key"], known["secret"]})
	for path, want := range map[string]int{
		"/admin/accounts/1/revoke-key": http.StatusNotFound, "/admin/accounts/" + uid + "/dance": http.StatusBadRequest, "/admin/nothing": http.StatusNotFound,
	} {
		status, answer := admin(t, s, http.MethodPost, path, "")
		require.Equal(t, want, status, path)
		require.NotEmpty(t, answer["error"])
	}
}

func TestAdminTruthOverHTTP(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	uid, at := s.UID(2), strconv.FormatInt(noon().UnixMilli(), 10)
	direct, err := s.TruthSince(uid, noon(), 3*24*time.Hour)
	require.NoError(t, err)
	for _, when := range []string{at, "2026-03-04T12:00:00Z", ""} {
		status, answer := admin(t, s, http.MethodGet, "/admin/truth?days=3&uid="+uid+"&at="+when, "")
		require.Equal(t, http.StatusOK, status)
		// Through float64, as admin decodes, on both sides.
		var want map[string]any
		require.NoError(t, json.Unmarshal([]byte(canonical(t, direct)), &want))
		require.Equal(t, want, answer)
	}
	_, prices := admin(t, s, http.MethodGet, "/admin/truth?at="+at, "")
	require.Equal(t, canonical(t, direct.Prices), canonical(t, prices["prices"]))
	for _, bad := range []string{"at=soon", "uid=1&at=" + at, "uid=" + uid + "&days=0", "at=2999-01-01T00:00:00Z"} {
		status, answer := admin(t, s, http.MethodGet, "/admin/truth?"+bad, "")
		require.GreaterOrEqual(t, status, 400, bad)
		require.NotEmpty(t, answer["error"])
	}
}

func TestAdminFaultsHoldsClockAndLimits(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Limits: true, LimitSizes: exchangesim.LimitSizes{IPRequests: 5}})
	status, f := admin(t, s, http.MethodPost, "/admin/faults", `{"endpoint":"/v5/market/time","kind":"status","value":"503"}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, http.StatusServiceUnavailable, s.Client(0).Get(t, timePath, "").Status)
	_, list := admin(t, s, http.MethodGet, "/admin/faults", "")
	require.EqualValues(t, 1, list["list"].([]any)[0].(map[string]any)["struck"])
	_, cleared := admin(t, s, http.MethodDelete, "/admin/faults?id="+f["id"].(string), "")
	require.EqualValues(t, 1, cleared["cleared"])
	status, _ = admin(t, s, http.MethodPost, "/admin/faults", `{"kind":"mischief"}`)
	require.Equal(t, http.StatusBadRequest, status)

	_, hold := admin(t, s, http.MethodPost, "/admin/hold", `{"endpoint":"/v5/market/time"}`)
	answered := make(chan exchangesimtest.Response, 1)
	go func() { answered <- s.Client(0).Get(t, timePath, "") }()
	_, held := admin(t, s, http.MethodGet, "/admin/hold?waiting=1&id="+hold["id"].(string), "")
	require.EqualValues(t, 1, held["list"].([]any)[0].(map[string]any)["waiting"])
	_, released := admin(t, s, http.MethodPost, "/admin/release", `{"endpoint":"/v5/market/time"}`)
	require.EqualValues(t, 1, released["released"])
	require.Zero(t, (<-answered).RetCode)

	_, clock := admin(t, s, http.MethodPost, "/admin/clock", `{"offset_ms":-3000}`)
	require.EqualValues(t, -3000, clock["offset_ms"])
	require.Equal(t, noon().Add(-3*time.Second).UnixMilli(), s.Client(0).Get(t, timePath, "").Time)
	require.Equal(t, 10002, s.Client(0).Get(t, infoPath, "").RetCode, "the client's clock is ahead now")
	admin(t, s, http.MethodPost, "/admin/clock", `{"offset_ms":0}`)
	require.Zero(t, s.Client(0).Get(t, infoPath, "").RetCode)

	require.Equal(t, http.StatusForbidden, s.Client(0).Get(t, timePath, "").Status)
	admin(t, s, http.MethodPost, "/admin/unban", "")
	require.Zero(t, s.Client(0).Get(t, timePath, "").RetCode)
	admin(t, s, http.MethodPost, "/admin/limits", `{"on":false}`)
	for range 20 {
		require.Zero(t, s.Client(0).Get(t, timePath, "").RetCode)
	}
	_, stats := admin(t, s, http.MethodGet, "/admin/stats", "")
	require.EqualValues(t, 27, stats["requests"])
	_, stats = admin(t, s, http.MethodPost, "/admin/stats/reset", "")
	require.EqualValues(t, 0, stats["requests"])
	_, health := admin(t, s, http.MethodGet, "/healthz", "")
	require.Equal(t, "ok", health["status"])
}

func TestAdminIsClosedToOthers(t *testing.T) {
	t.Parallel()
	status := func(x *exchangesim.Exchange, authorization string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/admin/stats", http.NoBody)
		r.Header.Set("Authorization", authorization)
		x.Handler().ServeHTTP(w, r)
		return w.Code
	}
	open, err := exchangesim.New(exchangesim.Config{Accounts: 1})
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, status(open, ""), "not known to be on loopback")
	guarded, err := exchangesim.New(exchangesim.Config{Accounts: 1, AdminToken: "let-me-in"})
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, status(guarded, ""))
	require.Equal(t, http.StatusForbidden, status(guarded, "Bearer let-me-out"))
	require.Equal(t, http.StatusOK, status(guarded, "Bearer let-me-in"))
}

func TestChangesAreBounded(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	for range 10_000 {
		_, err := s.SetBalance(s.UID(0), "BTC", "1")
		require.NoError(t, err)
	}
	_, err := s.SetBalance(s.UID(0), "BTC", "1")
	require.ErrorContains(t, err, "10000 changes already")
	_, err = s.SetBalance(s.UID(1), "BTC", "1")
	require.NoError(t, err)
	_, err = s.SetBalance(s.UID(1), "NOSUCH", "1")
	require.ErrorContains(t, err, "no asset")
	_, err = s.SetBalance(s.UID(1), "BTC", "much")
	require.ErrorContains(t, err, "decimal number")
}
