package bybit

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

// expectedClasses gives the class of every fixture under testdata/errors and
// testdata/http, asked of wallet-balance. A fixture that is missing here, or
// here and not there, fails the test.
func expectedClasses() map[string]exchange.Class {
	return map[string]exchange.Class{
		"errors/retcode_-1.json":                 exchange.ClockSkew,
		"errors/retcode_429.json":                exchange.Transient,
		"errors/retcode_10000.json":              exchange.Transient,
		"errors/retcode_10001.json":              exchange.Unsupported,
		"errors/retcode_10001.null-result.json":  exchange.BadRequest,
		"errors/retcode_10001.array-result.json": exchange.BadRequest,
		"errors/retcode_10002.json":              exchange.ClockSkew,
		"errors/retcode_10003.json":              exchange.Auth,
		"errors/retcode_10004.json":              exchange.Auth,
		"errors/retcode_10005.json":              exchange.Permission,
		"errors/retcode_10006.json":              exchange.RateLimited,
		"errors/retcode_10007.json":              exchange.Auth,
		"errors/retcode_10008.json":              exchange.Auth,
		"errors/retcode_10009.json":              exchange.Unsupported,
		"errors/retcode_10010.json":              exchange.Auth,
		"errors/retcode_10016.json":              exchange.Transient,
		"errors/retcode_10017.json":              exchange.BadRequest,
		"errors/retcode_10018.json":              exchange.Banned,
		"errors/retcode_10024.json":              exchange.Auth,
		"errors/retcode_10027.json":              exchange.Auth,
		"errors/retcode_10028.json":              exchange.Unsupported,
		"errors/retcode_10029.json":              exchange.Permission,
		"errors/retcode_10032.json":              exchange.Unsupported,
		"errors/retcode_33004.json":              exchange.Auth,
		"errors/retcode_110001.json":             exchange.BadRequest, // where no order is looked up
		"errors/retcode_181010.json":             exchange.BadRequest,
		"errors/retcode_181014.json":             exchange.Unsupported,
		"errors/retcode_181017.json":             exchange.BadRequest,
		"errors/retcode_3400214.json":            exchange.Transient,
		"http/403-ip-limit.json":                 exchange.Banned,
		"http/403-cloudfront-geo.json":           exchange.Unsupported,
		"http/404-empty.json":                    exchange.Unsupported,
		"http/401-empty.json":                    exchange.Auth,
		"http/429-empty.json":                    exchange.Transient,
		"http/502-html.json":                     exchange.Transient,
		"http/200-html.json":                     exchange.Transient,
		"http/200-10006-with-headers.json":       exchange.RateLimited,
		"http/200-10006-no-headers.json":         exchange.RateLimited,
		"http/200-ok-with-limit-headers.json":    exchange.Incomplete, // a wallet with an empty list
	}
}

func TestGotcha24EveryErrorFixtureHasItsClass(t *testing.T) {
	t.Parallel()
	expected := expectedClasses()
	for _, dir := range []string{"errors", "http"} {
		files, err := os.ReadDir(filepath.Join("testdata", dir))
		require.NoError(t, err)
		for _, file := range files {
			require.Contains(t, expected, dir+"/"+file.Name())
		}
	}
	for name, class := range expected {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			if filepath.Dir(name) == "http" {
				stand.on(walletBalance, replay(t, name))
			} else {
				stand.on(walletBalance, always(fixture(t, name)))
			}
			got := stand.client(t).Balances(t.Context(), unified)
			require.False(t, got.Complete)
			require.Empty(t, got.Rows)
			require.NotNil(t, got.Err)
			require.Equal(t, class, got.Err.Class, got.Err.Error())
			require.Contains(t, got.Err.Message, "reading the wallet balance")
		})
	}
}

func TestTableOfCodes(t *testing.T) {
	t.Parallel()
	cases := map[exchange.Class][]int64{
		exchange.Transient:   {429, 10000, 10016, 10019, 131001, 131003, 131200, 131201, 131230, 170001, 170007, 170032, 170234, 170146, 170147, 182105, 3100197, 131084, 3400214, 500000, 700012},
		exchange.RateLimited: {10006, 30035, 170222},
		exchange.Banned:      {10018},
		exchange.ClockSkew:   {-1, 10002},
		exchange.Auth:        {10003, 10004, 10007, 10008, 10010, 10024, 10027, 33004, -2015, 131004, 131065, 20096},
		exchange.Permission:  {10005, 10029},
		exchange.Unsupported: {10009, 10028, 100028, 10032, 181014, 182200, 500010, 500011},
		exchange.BadRequest:  {10001, 10014, 10017, 110018, 110019, 131002, 131202, 131203, 131207, 170130, 170105, 170121, 181000, 181008, 181009, 181010, 181012, 181013, 181017, 181018, 181019, 3500404, 3500406},
	}
	for class, codes := range cases {
		for _, code := range codes {
			got, known := classOfCode(code)
			require.True(t, known, code)
			require.Equal(t, class, got, code)
		}
	}
}

func TestUnknownCodeIsTriedTwice(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, always([]byte(`{"retCode":987654,"retMsg":"news","result":{}}`)))
	got := stand.client(t).Balances(t.Context(), unified)
	require.Equal(t, exchange.Transient, got.Err.Class)
	require.True(t, got.Err.Unclassified)
	require.Equal(t, "987654", got.Err.Code)
	require.Len(t, stand.asked(walletBalance), 2)
}

func TestAuthIsAskedOnce(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, always(fixture(t, "errors/retcode_10003.json")))
	got := stand.client(t).Balances(t.Context(), unified)
	require.Len(t, stand.asked(walletBalance), 1)
	require.Equal(t, "10003", got.Err.Code)
	require.Contains(t, got.Err.Message, "testnet", "the environment that was used")
	require.Contains(t, got.Err.Message, stand.URL)
	require.Contains(t, got.Err.Message, "another environment")
}

func TestTransientIsTriedThreeTimes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"http/502-html.json", "http/200-html.json", "http/429-empty.json"} {
		stand := newStand(t)
		stand.on(walletBalance, replay(t, name))
		stand.client(t).Balances(t.Context(), unified)
		require.Len(t, stand.asked(walletBalance), 3, name)
	}
}

func TestNotFoundElsewhereIsABadRequest(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	got := stand.client(t).Positions(t.Context(), inverse)
	require.Equal(t, exchange.BadRequest, got.Err.Class)
	require.Equal(t, "http 404", got.Err.Code)
	require.Contains(t, got.Err.Message, "base URL")
}

func TestAKnownCodeSaysMoreThanTheStatus(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status int
		body   string
		want   exchange.Class
	}{
		"429 with the rate limit's code":  {429, `{"retCode":10006,"retMsg":""}`, exchange.RateLimited},
		"403 for a region":                {403, `{"retCode":10009,"retMsg":""}`, exchange.Unsupported},
		"401 for an expired key":          {401, `{"retCode":33004,"retMsg":""}`, exchange.Auth},
		"403 with a code that is unknown": {403, `{"retCode":424242,"retMsg":""}`, exchange.Banned},
		"403 with success in the body":    {403, `{"retCode":0,"retMsg":"OK","result":{"list":[]}}`, exchange.Banned},
		"a server in trouble":             {503, `{"retCode":10003,"retMsg":""}`, exchange.Transient},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			stand.on(walletBalance, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			got := stand.client(t).Balances(t.Context(), unified)
			require.NotNil(t, got.Err)
			require.Equal(t, c.want, got.Err.Class)
		})
	}
}

func TestRateLimitIsOverWhenTheExchangeSays(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.setAhead(time.Hour)
	reset := stand.now().Add(20 * time.Second).Truncate(time.Millisecond)
	stand.on(walletBalance, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Bapi-Limit-Reset-Timestamp", itoa(reset.UnixMilli()))
		always(fixture(t, "errors/retcode_10006.json"))(w, r)
	})
	got := stand.client(t).Balances(t.Context(), unified)
	require.Equal(t, exchange.RateLimited, got.Err.Class)
	require.WithinDuration(t, reset.Add(-time.Hour).Add(resetMargin), got.Err.RetryAt, 100*time.Millisecond, "by our clock, not the exchange's")
	require.Len(t, stand.asked(walletBalance), 1, "a reset that far off is not waited for in the call")
}

func TestRateLimitWithoutAResetWaitsASecond(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, replay(t, "http/200-10006-no-headers.json"))
	started := time.Now()
	got := stand.client(t).Balances(t.Context(), unified)
	require.Len(t, stand.asked(walletBalance), 2)
	require.GreaterOrEqual(t, time.Since(started), time.Second)
	require.WithinDuration(t, time.Now().Add(time.Second), got.Err.RetryAt, 200*time.Millisecond)
}

func TestResetTimesAreBounded(t *testing.T) {
	t.Parallel()
	s := newStand(t).client(t).session
	at := func(reset string) time.Time {
		return s.retryAt(exchange.RateLimited, answer{header: http.Header{limitReset: {reset}}})
	}
	require.WithinDuration(t, time.Now().Add(time.Minute), at(itoa(time.Now().Add(time.Hour).UnixMilli())), time.Second)
	require.WithinDuration(t, time.Now(), at(itoa(time.Now().Add(-time.Hour).UnixMilli())), time.Second)
	require.WithinDuration(t, time.Now().Add(time.Second), at("soon"), 200*time.Millisecond)
}

func TestBanStopsTheWholeHost(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, replay(t, "http/403-ip-limit.json"))
	stand.on(positionList, always(list("")))
	client := stand.client(t)
	got := client.Balances(t.Context(), unified)
	require.Equal(t, exchange.Banned, got.Err.Class)
	require.WithinDuration(t, time.Now().Add(10*time.Minute), got.Err.RetryAt, 5*time.Second)
	next := client.Positions(t.Context(), inverse)
	require.Equal(t, exchange.Banned, next.Err.Class)
	require.Equal(t, got.Err.RetryAt, next.Err.RetryAt)
	require.Empty(t, stand.asked(positionList), "not one request more")
}

func TestRetryAfterIsHeeded(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	got := stand.client(t).Balances(t.Context(), unified)
	require.WithinDuration(t, time.Now().Add(30*time.Second), got.Err.RetryAt, 2*time.Second)
	require.Len(t, stand.asked(walletBalance), 1)
}
