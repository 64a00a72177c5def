package exchangesim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

// shown is what one endpoint showed, and when.
type shown struct {
	name string
	time int64
	body string
}

func canonical(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	var whole any
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&whole))
	b, err = json.Marshal(whole)
	require.NoError(t, err)
	return string(b)
}

// lookAround reads every list of an account, as large pages as there are.
func lookAround(t *testing.T, c *exchangesimtest.Client) []shown {
	t.Helper()
	var all []shown
	add := func(name, path, query string) {
		r := c.Get(t, path, query)
		rows, _ := exchangesimtest.List[json.RawMessage](t, r)
		all = append(all, shown{name, r.Time, canonical(t, rows)})
	}
	for name, path := range map[string]string{"key": keyPath, "account": infoPath} {
		r := c.Get(t, path, "")
		require.Zero(t, r.RetCode, r.RetMsg)
		all = append(all, shown{name, r.Time, strings.ReplaceAll(canonical(t, r.Result), c.Key, "")})
	}
	add("wallet", walletPath, "accountType=UNIFIED")
	for _, scope := range []string{"linear:USDT", "linear:USDC", "inverse", "option"} {
		add("position "+scope, positionPath, "limit=200&"+scopeQuery(scope))
		add("open "+scope, openPath, "limit=50&"+scopeQuery(scope))
	}
	add("open spot", openPath, "limit=50&category=spot")
	for _, category := range []string{"spot", "linear", "inverse"} {
		add("price "+category, tickerPath, "category="+category)
	}
	return all
}

func scopeQuery(scope string) string {
	category, settle, ok := strings.Cut(scope, ":")
	if !ok {
		return "category=" + category
	}
	return "category=" + category + "&settleCoin=" + settle
}

// requireTrue compares what was shown with the truth at that instant, asked now.
func requireTrue(t *testing.T, s *exchangesimtest.Server, uid string, all []shown) {
	t.Helper()
	truths := map[int64]*exchangesim.Truth{}
	for _, was := range all {
		truth := truths[was.time]
		if truth == nil {
			var err error
			truth, err = s.TruthSince(uid, time.UnixMilli(was.time), time.Hour)
			require.NoError(t, err)
			require.Equal(t, was.time, truth.Time)
			truths[was.time] = truth
		}
		kind, scope, _ := strings.Cut(was.name, " ")
		var want any
		switch kind {
		case "key":
			want = truth.Key
		case "account":
			want = truth.Account
		case "wallet":
			want = []exchangesim.WalletRow{truth.Wallet}
		case "position":
			want = truth.Positions[scope]
		case "open":
			want = truth.OpenOrders[scope]
		case "price":
			want = truth.Prices[scope]
		}
		require.Equal(t, canonical(t, want), was.body, "%s at %d", was.name, was.time)
	}
}

func TestTruthEqualsWhatWasShown(t *testing.T) {
	t.Parallel()
	s, clock := still(t, exchangesim.Config{Accounts: 5})
	for index := range 5 {
		uid, c := s.UID(index), s.Client(index)
		all := lookAround(t, c)
		for range 5 {
			_, err := s.SetBalance(uid, "BTC", "1.000000000000000001")
			require.NoError(t, err)
			_, _, err = s.PlaceOrder(uid, exchangesim.OrderSpec{Category: "spot", Symbol: "BTCUSDT", Side: "Buy", Price: "50000", Qty: "0.1"})
			require.NoError(t, err)
			all = append(all, lookAround(t, c)...)
			_, err = s.RemoveAsset(uid, "BTC")
			require.NoError(t, err)
			clock.Advance(17 * time.Minute)
			all = append(all, lookAround(t, c)...)
		}
		requireTrue(t, s, uid, all)
	}
}

// TestTruthUnderConcurrentChanges uses the real clock, where requests and
// changes fall into the same millisecond.
func TestTruthUnderConcurrentChanges(t *testing.T) {
	t.Parallel()
	s := exchangesimtest.Start(t, exchangesim.Config{Seed: 5, Tick: 10 * time.Millisecond})
	uid := s.UID(0)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < 5000 && err == nil; i++ { // 5000: below the bound on changes
			select {
			case <-stop:
				i = 5000
			default:
				_, err = s.SetBalance(uid, "ETH", fmt.Sprintf("%d.5", i+1))
			}
		}
		done <- err
	}()
	var all []shown
	for range 150 {
		r := s.Client(0).Get(t, walletPath, "accountType=UNIFIED")
		rows, _ := exchangesimtest.List[json.RawMessage](t, r)
		all = append(all, shown{"wallet", r.Time, canonical(t, rows)})
	}
	close(stop)
	require.NoError(t, <-done)
	requireTrue(t, s, uid, all)
}

func TestTruthOfClosedOrdersEqualsHistory(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{HistoryBy: "updated"})
	for index := range 4 {
		truth, err := s.Truth(s.UID(index), noon())
		require.NoError(t, err)
		for _, category := range []string{"spot", "linear", "inverse", "option"} {
			rows := walk[exchangesim.OrderRow](t, s.Client(index), historyPath, "limit=50&category="+category)
			require.NotEmpty(t, rows)
			require.ElementsMatch(t, truth.History[category], rows)
			for _, row := range truth.Orders[category] {
				if slices.Contains([]string{"New", "PartiallyFilled", "Untriggered"}, row.OrderStatus) {
					open := slices.Concat(truth.OpenOrders[category], truth.OpenOrders[category+":USDT"], truth.OpenOrders[category+":USDC"])
					require.Contains(t, open, row)
				}
			}
		}
	}
}

// walk reads all pages of a list, in the way that escapes the cursor.
func walk[T any](t *testing.T, c *exchangesimtest.Client, path, query string) []T {
	t.Helper()
	var all []T
	cursor := ""
	for range 200 {
		rows, next := exchangesimtest.List[T](t, c.Get(t, path, withCursor(query, cursor)))
		all = append(all, rows...)
		if next == "" || len(rows) == 0 {
			return all
		}
		require.NotEqual(t, cursor, next)
		cursor = next
	}
	require.Fail(t, "the walk does not end")
	return nil
}

func TestTruthRefusesWhatIsNotDecided(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	uid := s.UID(0)
	_, err := s.Truth(uid, noon().Add(time.Millisecond))
	require.ErrorIs(t, err, exchangesim.ErrFuture)
	_, err = s.Truth(uid, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	require.ErrorIs(t, err, exchangesim.ErrBeforeEpoch)
	_, err = s.Truth("1", noon())
	require.ErrorIs(t, err, exchangesim.ErrUnknownUID)
	_, err = s.TruthSince(uid, noon(), -time.Hour)
	require.ErrorContains(t, err, "span")
	_, _, err = s.Prices(noon().Add(time.Hour))
	require.ErrorIs(t, err, exchangesim.ErrFuture)
}

func TestSameSeedSameWorld(t *testing.T) {
	t.Parallel()
	first, _ := still(t, exchangesim.Config{Seed: 11, Accounts: 40})
	second, _ := still(t, exchangesim.Config{Seed: 11, Accounts: 3})
	other, _ := still(t, exchangesim.Config{Seed: 12, Accounts: 3})
	for _, at := range []time.Time{noon(), noon().Add(-time.Hour), noon().Add(-300 * 24 * time.Hour)} {
		for index := range 3 {
			a, err := first.Truth(first.UID(index), at)
			require.NoError(t, err)
			b, err := second.Truth(second.UID(index), at)
			require.NoError(t, err)
			require.Equal(t, canonical(t, a), canonical(t, b))
			c, err := other.Truth(other.UID(index), at)
			require.NoError(t, err)
			require.NotEqual(t, canonical(t, a.Balances), canonical(t, c.Balances))
			require.NotEqual(t, canonical(t, a.Prices), canonical(t, c.Prices))
		}
	}
}
