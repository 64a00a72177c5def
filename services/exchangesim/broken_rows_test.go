package exchangesim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

// TestOneRowIsBrokenWhereverItComes: a row named by its key is broken on every
// page that has it, and no other.
func TestOneRowIsBrokenWhereverItComes(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	for _, tt := range []struct{ path, query, key, number, status string }{
		{historyPath, "category=linear", "orderId", "qty", "orderStatus"},
		{openPath, "category=spot", "orderId", "qty", "orderStatus"},
		{fillsPath, "category=linear", "execId", "execQty", "execType"},
		{logPath, "accountType=UNIFIED", "id", "change", "type"},
		{closedPath, "category=linear", "orderId", "closedPnl", "execType"},
	} {
		before := walk[map[string]any](t, c, tt.path, tt.query+"&limit=50")
		name := before[len(before)/2][tt.key].(string)
		broken := func(kind exchangesim.FaultKind) (rows []map[string]any) {
			id := set(t, s, exchangesim.Fault{Endpoint: tt.path, UID: s.UID(0), Kind: kind, Value: "key=" + name})
			defer s.ClearFaults(id)
			for i, row := range walk[map[string]any](t, c, tt.path, tt.query+"&limit=50") {
				if canonical(t, row) != canonical(t, before[i]) {
					require.Equal(t, name, before[i][tt.key])
					rows = append(rows, row)
				}
			}
			require.NotEmpty(t, rows, "%s %s", tt.path, kind)
			return rows
		}
		require.Equal(t, "AddedNextMonth", broken(exchangesim.FaultUnknownStatus)[0][tt.status])
		require.IsType(t, map[string]any{}, broken(exchangesim.FaultWrongType)[0][tt.number])
		require.Equal(t, "not a number", broken(exchangesim.FaultBadRow)[0][tt.number])
		require.NotContains(t, broken(exchangesim.FaultKeylessRow)[0], tt.key)
	}
}

func TestFaultsOfNewEndpoints(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	for path, query := range map[string]string{
		fillsPath: "category=linear&limit=5", logPath: "limit=5", closedPath: "category=linear&limit=5", transferPath: "limit=2", fundHistoryPath: "limit=2",
	} {
		id := set(t, s, exchangesim.Fault{Endpoint: path, Kind: exchangesim.FaultStuckCursor})
		_, next := exchangesimtest.List[json.RawMessage](t, c.Get(t, path, query))
		_, again := exchangesimtest.List[json.RawMessage](t, c.Get(t, path, withCursor(query, next)))
		require.Equal(t, next, again, "stuck")
		s.ClearFaults(id)
		id = set(t, s, exchangesim.Fault{Endpoint: path, Kind: exchangesim.FaultStuckCursor, Value: "cycle"})
		first, next := exchangesimtest.List[json.RawMessage](t, c.Get(t, path, query))
		second, back := exchangesimtest.List[json.RawMessage](t, c.Get(t, path, withCursor(query, next)))
		third, _ := exchangesimtest.List[json.RawMessage](t, c.Get(t, path, withCursor(query, back)))
		require.NotEqual(t, first, second)
		require.Equal(t, first, third, "two pages for ever")
		s.ClearFaults(id)
	}
	set(t, s, exchangesim.Fault{Endpoint: fillsPath, Kind: exchangesim.FaultRetCode, Value: "10006", EveryN: 3})
	set(t, s, exchangesim.Fault{Endpoint: logPath, Query: "category=option", Kind: exchangesim.FaultRetCode, Value: "10001"})
	for i := 1; i <= 6; i++ {
		want := 0
		if i%3 == 0 {
			want = 10006
		}
		require.Equal(t, want, c.Get(t, fillsPath, "category=spot").RetCode, i)
	}
	require.Equal(t, 10001, c.Get(t, logPath, "category=option").RetCode)
	require.Zero(t, c.Get(t, logPath, "category=linear").RetCode)
}

func TestWalksOfNewListsShowOneInstant(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{IndexingDelay: -1})
	c := s.Client(0)
	for path, query := range map[string]string{fillsPath: "category=linear", logPath: "accountType=UNIFIED"} {
		from := clock.Now()
		all, pages := walkMoving[json.RawMessage](t, c, path, query+"&limit=5", func(*testing.T) { clock.Advance(11 * time.Minute) })
		require.Greater(t, pages, 5)
		kind := map[string]exchangesim.RecordType{fillsPath: exchangesim.RecordFills, logPath: exchangesim.RecordTransactions}[path]
		back := map[string]int{fillsPath: 7, logPath: 1}[path]
		r, err := s.Records(exchangesim.RecordQuery{UID: s.UID(0), Type: kind, Category: "linear", From: from.AddDate(0, 0, -back), At: from})
		require.NoError(t, err)
		require.Len(t, all, r.Total(), path)
		for i, row := range r.Slice(0, r.Total()) {
			require.Equal(t, canonical(t, row), canonical(t, all[i]))
		}
	}
}

func TestRecordsOverHTTP(t *testing.T) {
	t.Parallel()
	s := dense(t, 40, 10, 2, "BTCUSDT")
	for query, want := range map[string]int{
		"type=fills": 8 * 40, "type=fills&category=spot": 0, "type=transactions&limit=0": -1,
		fmt.Sprintf("type=fills&from=%d&to=%d", noon().AddDate(0, 0, -5).Truncate(24*time.Hour).UnixMilli(), noon().AddDate(0, 0, -4).Truncate(24*time.Hour).UnixMilli()-1): 40,
	} {
		status, answer := admin(t, s, http.MethodGet, "/admin/truth/history?uid="+s.UID(0)+"&"+query, "")
		require.Equal(t, http.StatusOK, status, answer)
		if want >= 0 {
			require.InDelta(t, want, answer["total"], 0, query)
			require.Len(t, answer["rows"], want)
			continue
		}
		require.Greater(t, answer["total"], float64(8*40), "with the transfers of these days")
		require.Empty(t, answer["rows"])
	}
	for query, want := range map[string]int{"type=dreams": 400, "type=fills&limit=x": 400, "type=fills&from=x": 400} {
		status, answer := admin(t, s, http.MethodGet, "/admin/truth/history?uid="+s.UID(0)+"&"+query, "")
		require.Equal(t, want, status, answer)
	}
	status, _ := admin(t, s, http.MethodGet, "/admin/truth/history?uid=1&type=fills", "")
	require.Equal(t, http.StatusNotFound, status)
}

func TestAdminOrdersFillAtTheirPrice(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{})
	id, _, err := s.PlaceOrder(s.UID(0), exchangesim.OrderSpec{Category: "linear", Symbol: "BTCUSDT", Side: "Buy", Price: "0.000000012345", Qty: "123456789012.5"})
	require.NoError(t, err)
	_, err = s.FillOrder(s.UID(0), "linear", id)
	require.NoError(t, err)
	clock.Advance(time.Minute)
	fill := executions(t, s.Client(0), "category=linear&orderId="+id)[0]
	require.Equal(t, [3]string{"0.000000012345", "123456789012.5", "1524.0740603593125"}, [3]string{fill.ExecPrice, fill.ExecQty, fill.ExecValue})
	require.Equal(t, [2]string{"0.000000012345", "123456789012.500"}, [2]string{fill.OrderPrice, fill.OrderQty})
}
