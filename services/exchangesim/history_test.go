package exchangesim_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

func instant(t *testing.T, ms string) time.Time {
	t.Helper()
	n, err := strconv.ParseInt(ms, 10, 64)
	require.NoError(t, err)
	return time.UnixMilli(n).UTC()
}

func history(t *testing.T, c *exchangesimtest.Client, query string) map[string]exchangesim.OrderRow {
	t.Helper()
	found := map[string]exchangesim.OrderRow{}
	for _, row := range walk[exchangesim.OrderRow](t, c, historyPath, "limit=50&"+query) {
		require.NotContains(t, found, row.OrderID)
		found[row.OrderID] = row
	}
	return found
}

func between(category string, from, to time.Time) string {
	return fmt.Sprintf("category=%s&startTime=%d&endTime=%d", category, from.UnixMilli(), to.UnixMilli())
}

func TestHistoryWindows(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	week := 7 * 24 * time.Hour
	last := history(t, c, "category=linear")
	require.Greater(t, len(last), 50)
	for _, row := range last {
		created := instant(t, row.CreatedTime)
		require.False(t, created.Before(noon().Add(-week)) || created.After(noon()))
		require.NotContains(t, []string{"New", "PartiallyFilled", "Untriggered"}, row.OrderStatus)
		require.NotNil(t, row.RpiTakerAccess, "history has fields of its own")
	}
	require.Equal(t, last, history(t, c, fmt.Sprintf("category=linear&startTime=%d", noon().Add(-week).UnixMilli())))
	require.Equal(t, last, history(t, c, fmt.Sprintf("category=linear&endTime=%d", noon().UnixMilli())))
	early := history(t, c, between("linear", noon().Add(-week), noon().Add(-3*24*time.Hour)))
	late := history(t, c, between("linear", noon().Add(-3*24*time.Hour).Add(time.Millisecond), noon()))
	require.Len(t, last, len(early)+len(late), "windows that touch lose and double nothing")
	require.NotEmpty(t, history(t, c, between("linear", noon().Add(-400*24*time.Hour), noon().Add(-395*24*time.Hour))), "two years deep")
}

func TestHistoryBoundsAreInclusive(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	for id, row := range history(t, c, "category=inverse&orderStatus=Filled") {
		created := instant(t, row.CreatedTime)
		require.Contains(t, history(t, c, between("inverse", created, created)), id)
		require.NotContains(t, history(t, c, between("inverse", created.Add(time.Millisecond), created.Add(time.Hour))), id)
		require.NotContains(t, history(t, c, between("inverse", created.Add(-time.Hour), created.Add(-time.Millisecond))), id)
		return
	}
	require.Fail(t, "no filled order in a week")
}

func TestUnfilledOrdersVanishAfterADay(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{HistoryBy: "updated"})
	c := s.Client(0)
	before := history(t, c, "category=linear")
	old, young := 0, 0
	for _, row := range before {
		if row.CumExecQty != "0" {
			continue
		}
		require.False(t, instant(t, row.UpdatedTime).Before(noon().Add(-24*time.Hour)), "%+v", row)
		require.Contains(t, []string{"Cancelled", "Rejected", "Deactivated"}, row.OrderStatus)
		young++
	}
	truth, err := s.Truth(s.UID(0), noon())
	require.NoError(t, err)
	for _, row := range truth.Orders["linear"] {
		if _, kept := before[row.OrderID]; !kept && row.OrderStatus != "New" && row.OrderStatus != "PartiallyFilled" && row.OrderStatus != "Untriggered" {
			require.Equal(t, "0", row.CumExecQty)
			old++
			r := c.Get(t, historyPath, "category=linear&orderId="+row.OrderID)
			rows, _ := exchangesimtest.List[exchangesim.OrderRow](t, r)
			require.Empty(t, rows, "a lookup finds no trace either")
		}
	}
	require.Positive(t, young)
	require.Positive(t, old)
	clock.Advance(24*time.Hour + time.Millisecond)
	after := history(t, c, "category=linear")
	for id, row := range before {
		if row.CumExecQty == "0" {
			require.NotContains(t, after, id)
		} else if !instant(t, row.UpdatedTime).Before(noon().Add(-5 * 24 * time.Hour)) {
			require.Equal(t, row, after[id], "fills are kept, and final rows do not change")
		}
	}
}

// TestLongLivedOrderIsInNoRecentWindow: the harder reading of the
// documentation, which only a lookup by id gets over.
func TestLongLivedOrderIsInNoRecentWindow(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{})
	uid, c := s.UID(0), s.Client(0)
	id, _, err := s.PlaceOrder(uid, exchangesim.OrderSpec{Category: "linear", Symbol: "BTCUSDT", Side: "Buy", Price: "1000", Qty: "0.5"})
	require.NoError(t, err)
	clock.Advance(9 * 24 * time.Hour)
	open, _ := exchangesimtest.List[exchangesim.OrderRow](t, c.Get(t, openPath, "category=linear&orderId="+id))
	require.Len(t, open, 1)
	_, err = s.FillOrder(uid, "linear", id)
	require.NoError(t, err)
	require.NotContains(t, history(t, c, "category=linear"), id)
	byID := history(t, c, "category=linear&orderId="+id)
	require.Equal(t, "Filled", byID[id].OrderStatus)
	require.Equal(t, "0.5", byID[id].CumExecQty)
	require.Empty(t, history(t, c, "category=inverse&orderId="+id), "of another category")
}

func TestOrdersAreFoundByTheirIDs(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{HistoryBy: "updated"})
	c := s.Client(2)
	links := 0
	for _, category := range []string{"spot", "linear", "inverse", "option"} {
		for id, row := range history(t, c, "category="+category) {
			require.Equal(t, map[string]exchangesim.OrderRow{id: row}, history(t, c, "category="+category+"&orderId="+id))
			if row.OrderLinkID != "" {
				links++
				require.Equal(t, map[string]exchangesim.OrderRow{id: row}, history(t, c, "category="+category+"&orderLinkId="+row.OrderLinkID))
			}
		}
	}
	require.Positive(t, links)
	for _, id := range []string{"1", "1579846626013723962", "00000000-0000-4000-8000-000000000000", "x"} {
		require.Empty(t, history(t, c, "category=linear&orderId="+id))
		require.Empty(t, history(t, c, "category=linear&orderLinkId="+id))
	}
}

func TestOrderFilters(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{HistoryBy: "updated"})
	c := s.Client(0)
	all := history(t, c, "category=spot")
	parts := 0
	for _, filter := range []string{"Order", "StopOrder", "tpslOrder", "OcoOrder", "BidirectionalTpslOrder"} {
		for id, row := range history(t, c, "category=spot&orderFilter="+filter) {
			require.Equal(t, all[id], row)
			require.Equal(t, filter == "Order", row.TriggerPrice == "")
			parts++
		}
	}
	require.Len(t, all, parts)
	filled := history(t, c, "category=spot&orderStatus=Filled")
	require.NotEmpty(t, filled)
	for _, row := range filled {
		require.Equal(t, "Filled", row.OrderStatus)
	}
	bySymbol := history(t, c, "category=linear&symbol=BTCPERP&settleCoin=USDT")
	require.NotEmpty(t, bySymbol, "symbol wins over settleCoin")
	for _, row := range bySymbol {
		require.Equal(t, "BTCPERP", row.Symbol)
	}
	for _, row := range history(t, c, "category=linear&settleCoin=USDC") {
		require.Regexp(t, "PERP$", row.Symbol)
	}
	recent := walk[exchangesim.OrderRow](t, c, openPath, "category=spot&openOnly=1&limit=50")
	require.NotEmpty(t, recent)
	for _, row := range recent {
		require.NotEqual(t, "New", row.OrderStatus)
	}
}
