package exchangesim_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

func withCursor(query, cursor string) string {
	if cursor == "" {
		return query
	}
	return query + "&cursor=" + url.QueryEscape(cursor)
}

func TestWalkShowsOneInstantWhileTheWorldMoves(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{Rows: exchangesim.Rows{Positions: 30, OpenOrders: 20}})
	uid, c := s.UID(0), s.Client(0)
	truth, err := s.Truth(uid, noon())
	require.NoError(t, err)
	require.Greater(t, len(truth.Positions["linear:USDT"]), 10)
	moving := func(t *testing.T) {
		clock.Advance(13 * time.Minute)
		_, err := s.OpenPosition(uid, exchangesim.PositionSpec{Category: "linear", Symbol: "BTCUSDT", Side: "Buy", Size: "0.777"})
		require.NoError(t, err)
		_, _, err = s.PlaceOrder(uid, exchangesim.OrderSpec{Category: "linear", Symbol: "BTCUSDT", Side: "Buy", Price: "1", Qty: "1"})
		require.NoError(t, err)
	}
	positions, pages := walkMoving[exchangesim.PositionRow](t, c, positionPath, "category=linear&settleCoin=USDT&limit=3", moving)
	require.Greater(t, pages, 3)
	require.Equal(t, truth.Positions["linear:USDT"], positions)

	r := c.Get(t, timePath, "")
	truth, err = s.Truth(uid, time.UnixMilli(r.Time))
	require.NoError(t, err)
	orders, pages := walkMoving[exchangesim.OrderRow](t, c, openPath, "category=linear&settleCoin=USDT&limit=2", moving)
	require.Greater(t, pages, 3)
	require.Equal(t, truth.OpenOrders["linear:USDT"], orders)
	require.True(t, slices.IsSortedFunc(orders, func(a, b exchangesim.OrderRow) int { return strings.Compare(b.CreatedTime, a.CreatedTime) }))
}

// walkMoving walks and lets the world move between pages. Every page but the
// first carries the present as its time.
func walkMoving[T any](t *testing.T, c *exchangesimtest.Client, path, query string, move func(*testing.T)) (all []T, pages int) {
	t.Helper()
	cursor, last := "", int64(0)
	for pages = 1; ; pages++ {
		r := c.Get(t, path, withCursor(query, cursor))
		require.Greater(t, r.Time, last)
		last = r.Time
		rows, next := exchangesimtest.List[T](t, r)
		all = append(all, rows...)
		if next == "" || len(rows) == 0 {
			return all, pages
		}
		cursor = next
		move(t)
	}
}

func TestCursorsHoldEscapesAndSurviveBothEncodings(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Rows: exchangesim.Rows{Positions: 5, Steady: true}})
	c := s.Client(0)
	const query = "category=inverse&limit=2"
	_, cursor := exchangesimtest.List[exchangesim.PositionRow](t, c.Get(t, positionPath, query))
	require.Regexp(t, `^page_token%3D.*%26$`, cursor)
	escaped, _ := exchangesimtest.List[exchangesim.PositionRow](t, c.Get(t, positionPath, query+"&cursor="+url.QueryEscape(cursor)))
	raw, _ := exchangesimtest.List[exchangesim.PositionRow](t, c.Get(t, positionPath, query+"&cursor="+cursor))
	require.Equal(t, escaped, raw)
	require.Len(t, raw, 2)
	for name, bad := range map[string]string{
		"escaped once too often": url.QueryEscape(url.QueryEscape(cursor)),
		"cut":                    url.QueryEscape(cursor[:len(cursor)/2]),
		"invented":               "12345",
	} {
		require.Equal(t, 10001, c.Get(t, positionPath, query+"&cursor="+bad).RetCode, name)
	}
	require.Equal(t, 10001, c.Get(t, positionPath, "category=option&cursor="+url.QueryEscape(cursor)).RetCode, "of another list")
	require.Equal(t, 10001, s.Client(1).Get(t, positionPath, query+"&cursor="+url.QueryEscape(cursor)).RetCode, "of another account")
}

func TestSomeWalksEndWithAnEmptyPage(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{Accounts: 40, Rows: exchangesim.Rows{Positions: 4, Steady: true}})
	ends := map[bool]int{}
	for index := range 40 {
		c := s.Client(index)
		rows, cursor := exchangesimtest.List[exchangesim.PositionRow](t, c.Get(t, positionPath, "category=inverse"))
		require.Len(t, rows, 4)
		ends[cursor != ""]++
		if cursor != "" {
			rows, cursor = exchangesimtest.List[exchangesim.PositionRow](t, c.Get(t, positionPath, withCursor("category=inverse", cursor)))
			require.Empty(t, rows)
			require.Empty(t, cursor)
		}
	}
	require.Greater(t, ends[true], 3)
	require.Greater(t, ends[false], 3)
}

func TestFlatLegsOfASymbol(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	const never = "category=linear&symbol=MNTUSDT" // the last coin: no slot trades it
	rows, cursor := exchangesimtest.List[exchangesim.PositionRow](t, s.Client(0).Get(t, positionPath, never))
	require.Len(t, rows, 1)
	require.NotEmpty(t, cursor, "the only page has a cursor")
	require.Equal(t, [4]string{"0", "", "", ""}, [4]string{rows[0].Size, rows[0].Side, rows[0].PositionValue, rows[0].UnrealisedPnl})
	require.Nil(t, rows[0].Seq)
	require.Nil(t, rows[0].IsReduceOnly)

	rows, _ = exchangesimtest.List[exchangesim.PositionRow](t, s.Client(3).Get(t, positionPath, never))
	require.Len(t, rows, 2, "both legs of an account in hedge mode")
	require.Equal(t, [2]int{2, 1}, [2]int{rows[0].PositionIdx, rows[1].PositionIdx})
	all, _ := exchangesimtest.List[exchangesim.PositionRow](t, s.Client(3).Get(t, positionPath, "category=linear&settleCoin=USDT"))
	for _, row := range all {
		require.NotEqual(t, "0", row.Size)
	}
}
