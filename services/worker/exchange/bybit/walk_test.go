package bybit

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

const (
	cursor3 = "page_args%3Dcccccccc-0000-4000-8000-000000000003%26symbol%3D6%26"
	cursor5 = "page_args%3Dcccccccc-0000-4000-8000-000000000005%26symbol%3D6%26"
)

func firstPassOnly(c *Config) { c.Settings.SkipStopOrders = true }

func TestGotcha7RowsThatMoveBetweenPagesAreCountedOnce(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(orderRealtime, byCursor(map[string][]byte{
		"":      fixture(t, "pages/order-realtime.p1.json"),
		cursor3: fixture(t, "pages/order-realtime.p2.json"),
		cursor5: fixture(t, "pages/order-realtime.p3.json"),
	}))
	got := stand.client(t, firstPassOnly).OpenOrders(t.Context(), "linear:USDT")
	require.Nil(t, got.Err)
	require.True(t, got.Complete)
	require.Len(t, got.Rows, 6)
	require.Len(t, stand.asked(orderRealtime), 3)
}

func TestGotcha7TheNewerOfTwoVersionsIsKept(t *testing.T) {
	t.Parallel()
	version := func(filled string, updated int) string {
		return fmt.Sprintf(`{"orderId":"a","cumExecQty":"%s","updatedTime":"%d"}`, filled, updated)
	}
	cases := map[string]struct{ first, second, want string }{
		"the second is newer": {version("1", 1000), version("2", 2000), "2"},
		"the second is older": {version("2", 2000), version("1", 1000), "2"},
		"the same time":       {version("1", 1000), version("2", 1000), "2"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			stand.on(orderRealtime, byCursor(map[string][]byte{"": list("two", c.first), "two": list("", c.second)}))
			got := stand.client(t, firstPassOnly).OpenOrders(t.Context(), spot)
			require.Len(t, got.Rows, 1)
			require.Equal(t, exchange.Number(c.want), got.Rows[0].FilledQuantity)
		})
	}
}

func TestGotcha4And8ShortPageIsNotTheLast(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	p1, p2 := fixture(t, "pages/position-list.p1.json"), fixture(t, "pages/position-list.p2.json")
	stand.on(positionList, func(w http.ResponseWriter, r *http.Request) {
		pages := [][]byte{p1, p2, fixture(t, "pages/position-list.p3-empty.json")}
		_, _ = w.Write(pages[min(len(stand.asked(positionList)), 3)-1])
	})
	got := stand.client(t).Positions(t.Context(), "linear:USDT")
	require.Nil(t, got.Err)
	require.True(t, got.Complete)
	require.Len(t, got.Rows, 3)
	require.Len(t, stand.asked(positionList), 3, "the walk ends on the empty page")
}

func TestGotcha4EmptyPageIsTheLastWhateverItsCursor(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(orderHistory, byCursor(map[string][]byte{"": list("a", `{"orderId":"1"}`), "a": list("b")}))
	got := stand.client(t).ClosedOrders(t.Context(), spot, aDay())
	require.Nil(t, got.Err)
	require.True(t, got.Complete)
	require.Len(t, stand.asked(orderHistory), 2)
}

func TestGotcha5StuckCursorEndsTheWalk(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(orderHistory, always(fixture(t, "pages/order-history.stuck.json")))
	got := stand.client(t).ClosedOrders(t.Context(), linear, aDay())
	require.False(t, got.Complete)
	require.Equal(t, exchange.Incomplete, got.Err.Class)
	require.Len(t, got.Rows, 2, "what was read is kept")
	require.Len(t, stand.asked(orderHistory), 2)
}

func TestGotcha5CursorsInACycleEndTheWalk(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	row := func(id string) string { return `{"orderId":"` + id + `"}` }
	stand.on(orderHistory, byCursor(map[string][]byte{
		"": list("a", row("1")), "a": list("b", row("2")), "b": list("a", row("3")),
	}))
	got := stand.client(t).ClosedOrders(t.Context(), linear, aDay())
	require.False(t, got.Complete)
	require.Equal(t, exchange.Incomplete, got.Err.Class)
	require.Len(t, got.Rows, 3)
	require.Len(t, stand.asked(orderHistory), 3)
}

func TestWalkIsBounded(t *testing.T) {
	t.Parallel()
	calls := 0
	w := newWalk[exchange.Price](newStand(t).client(t).session, nil)
	fault := w.run(t.Context(), tickers, func(context.Context, string) (page, *exchange.Error) {
		calls++
		return page{rows: rawRows(`{}`), cursor: fmt.Sprint(calls), at: fixtureTime}, nil
	}, ignore[exchange.Price])
	require.Equal(t, exchange.Incomplete, fault.Class)
	require.Equal(t, exchange.TooManyPages, fault.Code, "the worker may ask for less")
	require.Equal(t, maxPages, calls)
}

func TestFailingLaterPageKeepsWhatCame(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		answer http.HandlerFunc
		want   exchange.Class
	}{
		"server in trouble":  {replay(t, "http/502-html.json"), exchange.Transient},
		"permission gone":    {always(fixture(t, "errors/retcode_10005.json")), exchange.Permission},
		"cursor invalid":     {always([]byte(`{"retCode":3500404,"retMsg":"","result":{}}`)), exchange.BadRequest},
		"a result of {}":     {always([]byte(`{"retCode":0,"retMsg":"OK","result":{},"time":1767225600000}`)), exchange.Decode},
		"a list that is not": {always([]byte(`{"retCode":0,"retMsg":"OK","result":{"list":"x"},"time":1767225600000}`)), exchange.Decode},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			first := list("next", `{"symbol":"BTCUSDT","positionIdx":0,"side":"Buy","size":"1"}`)
			stand.on(positionList, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("cursor") == "" {
					_, _ = w.Write(first)
					return
				}
				c.answer(w, r)
			})
			got := stand.client(t).Positions(t.Context(), "linear:USDT")
			require.False(t, got.Complete)
			require.Equal(t, c.want, got.Err.Class)
			require.Len(t, got.Rows, 1)
			require.Equal(t, fixtureTime, got.AsOf)
		})
	}
}

func TestGotcha25ListThatIsNotThereIsNotEmpty(t *testing.T) {
	t.Parallel()
	for _, result := range []string{`{}`, `null`, `{"list":null}`, `[]`, `"text"`} {
		stand := newStand(t)
		stand.on(positionList, always([]byte(`{"retCode":0,"retMsg":"OK","result":`+result+`,"time":1767225600000}`)))
		got := stand.client(t).Positions(t.Context(), inverse)
		require.False(t, got.Complete, result)
		require.Equal(t, exchange.Decode, got.Err.Class, result)
		require.NotEmpty(t, got.Err.Payload, result)
	}
}

func TestAsOfIsTheFirstPagesTime(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	row := func(id string) string {
		return `{"retCode":0,"result":{"list":[{"orderId":"` + id + `"}],"nextPageCursor":`
	}
	stand.on(orderHistory, byCursor(map[string][]byte{
		"":  []byte(row("1") + `"b"},"time":1767225600000}`),
		"b": []byte(row("2") + `""},"time":1767225609999}`),
	}))
	got := stand.client(t).ClosedOrders(t.Context(), spot, aDay())
	require.True(t, got.Complete)
	require.Equal(t, fixtureTime, got.AsOf)
}

func TestAsOfIsNeverInvented(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	body := []byte(`{"retCode":0,"retMsg":"OK","result":{"list":[]}}`)
	stand.on(positionList, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Timenow", "1767225600000")
		_, _ = w.Write(body)
	})
	client := stand.client(t)
	got := client.Positions(t.Context(), inverse)
	require.True(t, got.Complete)
	require.Equal(t, fixtureTime, got.AsOf)

	stand.on(positionList, always(body))
	got = client.Positions(t.Context(), inverse)
	require.False(t, got.Complete)
	require.Equal(t, exchange.Decode, got.Err.Class)
	require.True(t, got.AsOf.IsZero())
}

func TestCancelAbortsACallInFlight(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	arrived, left := make(chan struct{}), make(chan struct{})
	var once sync.Once
	stand.on(positionList, func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(arrived) })
		<-r.Context().Done()
		close(left)
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan exchange.Snapshot[exchange.Position], 1)
	client := stand.client(t)
	go func() { done <- client.Positions(ctx, inverse) }()
	<-arrived
	cancel()
	got := <-done
	<-left // the request itself was aborted, not only its waiting
	require.False(t, got.Complete)
	require.Equal(t, exchange.Transient, got.Err.Class)
	require.ErrorIs(t, got.Err, context.Canceled)
	require.Len(t, stand.asked(positionList), 1)
}

func TestManyFaultyRowsKeepTheirKeysButNotAllTheirPayloads(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 32<<10)
	many := maxFaultPayloads>>15 + 5
	var rows []string
	for i := range many {
		rows = append(rows, fmt.Sprintf(`{"orderId":"%d","qty":"%s"}`, i, long))
	}
	stand := newStand(t)
	stand.on(orderHistory, always(list("", rows...)))
	got := stand.client(t).ClosedOrders(t.Context(), spot, aDay())
	require.Len(t, got.Faults, many)
	require.Equal(t, rows[0], string(got.Faults[0].Payload), "a row is kept whole")
	require.Empty(t, got.Faults[many-1].Payload)
	require.Equal(t, fmt.Sprintf("spot/%d", many-1), got.Faults[many-1].Key)
}

// Rows that were neither understood nor kept are nowhere: the window that they are
// of must be read again.
func TestAWindowWhoseRowsCouldNotBeKeptIsNotRead(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 32<<10)
	for many, read := range map[int]bool{2: true, maxFaultPayloads>>15 + 5: false} {
		var rows []string
		for i := range many {
			rows = append(rows, fmt.Sprintf(`{"orderId":"%d","qty":"%s"}`, i, long))
		}
		stand := newStand(t)
		stand.on(orderHistory, always(list("", rows...)))
		got := stand.client(t).ClosedOrders(t.Context(), spot, aDay())
		require.Equal(t, read, got.Complete, "%d rows", many)
		if !read {
			require.Equal(t, exchange.Incomplete, got.Err.Class)
		}
	}
}

func TestRequestsAreTallied(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(orderHistory, byCursor(map[string][]byte{"": list("b", `{"orderId":"1"}`), "b": list("")}))
	ctx, tally := exchange.WithTally(t.Context())
	stand.client(t).ClosedOrders(ctx, spot, aDay())
	require.EqualValues(t, 2, tally.Requests())
}

func aDay() exchange.Window {
	return exchange.Window{From: fixtureTime.Add(-24 * time.Hour), To: fixtureTime}
}
