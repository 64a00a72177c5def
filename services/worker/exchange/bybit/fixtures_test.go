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

// landed is what became of a fixture. An empty class is a complete reading.
type landed struct {
	rows, faults int
	class        exchange.Class
}

func landing[T any](got exchange.Snapshot[T]) landed {
	l := landed{rows: len(got.Rows), faults: len(got.Faults)}
	if got.Err != nil {
		l.class = got.Err.Class
	}
	return l
}

// fixtureCase says which endpoint answers with a fixture, who reads it, and
// where it lands. endless: the endpoint answers so for every cursor.
type fixtureCase struct {
	endpoint endpoint
	read     func(*testing.T, *stand) landed
	want     landed
	endless  bool
}

func readBalances(scope exchange.Scope) func(*testing.T, *stand) landed {
	return func(t *testing.T, s *stand) landed { return landing(s.client(t).Balances(t.Context(), scope)) }
}

func readPositions(scope exchange.Scope) func(*testing.T, *stand) landed {
	return func(t *testing.T, s *stand) landed { return landing(s.client(t).Positions(t.Context(), scope)) }
}

func readOpen(scope exchange.Scope) func(*testing.T, *stand) landed {
	return func(t *testing.T, s *stand) landed {
		return landing(s.client(t, firstPassOnly).OpenOrders(t.Context(), scope))
	}
}

func readClosed(scope exchange.Scope) func(*testing.T, *stand) landed {
	return func(t *testing.T, s *stand) landed {
		return landing(s.client(t).ClosedOrders(t.Context(), scope, aDay()))
	}
}

func readFills(scope exchange.Scope) func(*testing.T, *stand) landed {
	return func(t *testing.T, s *stand) landed { return landing(s.client(t).Fills(t.Context(), scope, aDay())) }
}

func readLedger(scope exchange.Scope) func(*testing.T, *stand) landed {
	return func(t *testing.T, s *stand) landed {
		return landing(s.client(t).LedgerEntries(t.Context(), scope, aDay()))
	}
}

func readPrices(t *testing.T, s *stand) landed {
	return landing(s.market(t).Prices(t.Context(), linear))
}

func readInstruments(t *testing.T, s *stand) landed {
	return landing(s.market(t).Instruments(t.Context(), linear))
}

func readCandles(t *testing.T, s *stand) landed {
	window := exchange.Window{From: fixtureTime.Add(-24 * time.Hour), To: fixtureTime.Add(time.Hour)}
	return landing(s.market(t).Candles(t.Context(), exchange.Series{Category: linear, Symbol: "BTCUSDT", Interval: "60"}, window))
}

func readKey(t *testing.T, s *stand) landed {
	return readProbe(t, s, accountInfo, "edge/account-info.uta2.portfolio.json")
}

func readMode(t *testing.T, s *stand) landed {
	return readProbe(t, s, apiKeyInfo, "edge/query-api.readonly.missing-wallet.json")
}

// readProbe answers the probe's other question with a fixture of its own.
func readProbe(t *testing.T, s *stand, other endpoint, name string) landed {
	t.Helper()
	s.on(other, always(fixture(t, name)))
	_, fault := s.client(t).Probe(t.Context())
	if fault != nil {
		return landed{class: fault.Class}
	}
	return landed{rows: 1}
}

// readStatus asks for a wallet while the exchange is in trouble.
func readStatus(t *testing.T, s *stand) landed {
	s.on(walletBalance, always(fixture(t, "errors/retcode_10016.json")))
	got := s.client(t, func(c *Config) { c.Target.UID = "700003" }).Balances(t.Context(), unified)
	require.Contains(t, got.Err.Message, "Planned upgrade", "the maintenance is of accounts that end in 3 or 7")
	return landing(got)
}

// TestEveryFixtureLandsWhereItsIndexSays: a fixture without an entry fails, and
// so does an entry without its fixture. errors and http have a test of their own.
func TestEveryFixtureLandsWhereItsIndexSays(t *testing.T) {
	t.Parallel()
	cases := fixtureCases()
	for _, dir := range []string{"edge", "pages"} {
		files, err := os.ReadDir(filepath.Join("testdata", dir))
		require.NoError(t, err)
		for _, file := range files {
			require.Contains(t, cases, dir+"/"+file.Name())
		}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			body := fixture(t, name)
			stand.on(c.endpoint, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Has("cursor") && !c.endless {
					body = list("")
				}
				_, _ = w.Write(body)
			})
			require.Equal(t, c.want, c.read(t, stand))
		})
	}
}

func fixtureCases() map[string]fixtureCase {
	stuck := landed{rows: 2, class: exchange.Incomplete}
	return map[string]fixtureCase{
		"edge/wallet-balance.multi-coin.json":                        {walletBalance, readBalances(unified), landed{rows: 4}, false},
		"edge/wallet-balance.isolated.empty-totals.json":             {walletBalance, readBalances(unified), landed{rows: 1}, false},
		"edge/wallet-balance.portfolio-margin.json":                  {walletBalance, readBalances(unified), landed{rows: 1}, false},
		"edge/wallet-balance.no-coins.json":                          {walletBalance, readBalances(unified), landed{}, false},
		"edge/all-coins-balance.fund.multi.json":                     {coinBalances, readBalances(fund), landed{rows: 2}, false},
		"edge/position-list.linear.one-way.json":                     {positionList, readPositions("linear:USDT"), landed{rows: 2}, false},
		"edge/position-list.linear.zero-size.json":                   {positionList, readPositions("linear:USDT"), landed{}, false},
		"edge/position-list.linear.hedge.symbol-query.json":          {positionList, readPositions("linear:USDT"), landed{rows: 1}, false},
		"edge/position-list.linear.hedge.both-open.json":             {positionList, readPositions("linear:USDT"), landed{rows: 2}, false},
		"edge/position-list.linear.portfolio-margin.json":            {positionList, readPositions("linear:USDT"), landed{rows: 1}, false},
		"edge/position-list.linear.usdc.json":                        {positionList, readPositions("linear:USDC"), landed{rows: 1}, false},
		"edge/position-list.option.json":                             {positionList, readPositions(option), landed{rows: 1}, false},
		"edge/position-list.empty.json":                              {positionList, readPositions("linear:USDT"), landed{}, false},
		"edge/order-realtime.spot.json":                              {orderRealtime, readOpen(spot), landed{rows: 1}, false},
		"edge/order-realtime.linear.conditional.json":                {orderRealtime, readOpen("linear:USDT"), landed{rows: 2}, false},
		"edge/order-realtime.linear.partially-filled.json":           {orderRealtime, readOpen("linear:USDT"), landed{rows: 1}, false},
		"edge/order-realtime.option.json":                            {orderRealtime, readOpen(option), landed{rows: 1}, false},
		"edge/order-history.mixed-final.json":                        {orderHistory, readClosed(linear), landed{rows: 5}, false},
		"edge/order-history.spot.partially-filled-canceled.json":     {orderHistory, readClosed(spot), landed{rows: 1}, false},
		"edge/execution-list.funding.json":                           {executionList, readFills(linear), landed{rows: 2}, false},
		"edge/execution-list.spot.maker-rebate.json":                 {executionList, readFills(spot), landed{rows: 1}, false},
		"edge/execution-list.liquidation-adl.json":                   {executionList, readFills(linear), landed{rows: 3}, false},
		"edge/transaction-log.transfers.json":                        {transactionLog, readLedger(transactionBook), landed{rows: 3}, false},
		"edge/tickers.linear.json":                                   {tickers, readPrices, landed{rows: 2}, false},
		"edge/kline.linear.open-candle.json":                         {kline, readCandles, landed{rows: 2}, false},
		"edge/kline.empty.json":                                      {kline, readCandles, landed{}, false},
		"edge/query-api.readwrite.withdraw.json":                     {apiKeyInfo, readKey, landed{rows: 1}, false},
		"edge/query-api.readonly.missing-wallet.json":                {apiKeyInfo, readKey, landed{rows: 1}, false},
		"edge/account-info.uta2.portfolio.json":                      {accountInfo, readMode, landed{rows: 1}, false},
		"edge/account-info.classic.json":                             {accountInfo, readMode, landed{rows: 1}, false},
		"edge/system-status.ongoing.json":                            {systemStatus, readStatus, landed{class: exchange.Transient}, false},
		"edge/position-list.linear.never-traded.missing-fields.json": {positionList, readPositions("linear:USDT"), landed{}, false},

		"pages/order-realtime.p1.json":          {orderRealtime, readOpen("linear:USDT"), landed{rows: 3}, false},
		"pages/order-realtime.p2.json":          {orderRealtime, readOpen("linear:USDT"), landed{rows: 3}, false},
		"pages/order-realtime.p3.json":          {orderRealtime, readOpen("linear:USDT"), landed{rows: 1}, false},
		"pages/order-history.stuck.json":        {orderHistory, readClosed(linear), stuck, true},
		"pages/position-list.p1.json":           {positionList, readPositions("linear:USDT"), landed{rows: 2}, false},
		"pages/position-list.p2.json":           {positionList, readPositions("linear:USDT"), landed{rows: 1}, false},
		"pages/position-list.p3-empty.json":     {positionList, readPositions("linear:USDT"), landed{}, false},
		"pages/instruments-info.linear.p1.json": {instrumentsInfo, readInstruments, landed{rows: 2}, false},
		"pages/instruments-info.linear.p2.json": {instrumentsInfo, readInstruments, landed{rows: 1}, false},
	}
}
