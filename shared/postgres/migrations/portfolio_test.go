package migrations_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// holds stores balances of demo: "WALLET ASSET TOTAL EQUITY BORROWED", - for NULL.
func (b *book) holds(lines ...string) {
	b.t.Helper()
	for _, line := range lines {
		f := strings.Fields(line)
		b.exec(`INSERT INTO alphapulse.balances
    (account_id, wallet, asset, total, equity, borrowed, usd_value, run_id, as_of, observed_at)
SELECT $1, $2, $3, nullif($4, '-')::numeric, nullif($5, '-')::numeric, nullif($6, '-')::numeric, 1, $1, $7, $7`,
			b.account, f[0], f[1], f[2], f[3], f[4], b.at(5))
	}
}

// quotes stores last prices of a category: "SYMBOL PRICE SECOND".
func (b *book) quotes(category string, lines ...string) {
	b.t.Helper()
	for _, line := range lines {
		f := strings.Fields(line)
		b.exec(`INSERT INTO alphapulse.prices (market_id, category, symbol, last, scope, run_id, as_of, observed_at)
SELECT $1, $2, $3, nullif($4, '-')::numeric, $2, $1, $5::timestamptz + $6::text::interval, $5`,
			b.market, category, f[0], f[1], b.start, f[2]+" seconds")
	}
}

// walked records how the walk of a scope ended.
func (b *book) walked(column, dataType, scope string, second int, complete bool) {
	b.t.Helper()
	subject := map[string]string{"account_id": b.account, "market_id": b.market}[column]
	b.exec(`INSERT INTO alphapulse.sync_scopes (`+column+`, data_type, scope, as_of, complete) VALUES ($1, $2, $3, $4, $5)`,
		subject, dataType, scope, b.at(second), complete)
}

const shown = `
SELECT concat_ws(' ', wallet, asset, coalesce(price::text, '-'), coalesce(value_usdt::text, '-'),
                 coalesce(net_value_usdt::text, '-'), priced::text, coalesce(price_source, '-'), unpriced_reason)
FROM alphapulse.portfolio WHERE account = 'demo' ORDER BY wallet, asset`

func TestHoldingsAreValuedByTheirMarketAndNothingElse(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.quotes("spot", "BTCUSDT 60000 1", "ETHUSDT 3000 9", "USDCUSDT 0.9998 3", "AAAUSDC 2 2", "AAABTC 1 1", "BBBBTC 0.00000001 7",
		"CCCETH 2 2", "DDDEUR 5 1", "DEADUSDT 0 1", "NEWUSDT - 1", "FALLUSDT 0 1", "FALLETH 0.1 4")
	b.quotes("linear", "LINUSDT 77 1")
	b.holds("unified USDT -100.5 -100.5 100.5", "unified USDC 10 10 0", "unified BTC 0.000000000000000001 - -", "unified ETH 3 -2 5",
		"unified AAA 1 1 0", "unified BBB 123456789012.5 123456789012.5 0", "unified CCC 1 1 0", "unified DDD 1 1 0",
		"unified DEAD 4 4 0", "unified NEW 4 4 0", "unified LIN 4 4 0", "unified USD 4 4 0", "unified FALL 1 1 0",
		"fund BTC 2 - -", "fund SOL - - -", "contract ETH 1 - 1")
	require.Equal(t, []string{
		"contract ETH 3000 3000 - true ETHUSDT borrowed, and the exchange sent no equity",
		"fund BTC 60000 120000 120000 true BTCUSDT",
		"fund SOL - - - false - the exchange sent no balance",
		"unified AAA 1.9996 1.9996 1.9996 true AAAUSDC * USDCUSDT",
		"unified BBB 0.00060000 74074073.407500000 74074073.407500000 true BBBBTC * BTCUSDT",
		"unified BTC 60000 0.000000000000060000 0.000000000000060000 true BTCUSDT",
		"unified CCC 6000 6000 6000 true CCCETH * ETHUSDT",
		"unified DDD - - - false - no spot pair leads to USDT",
		"unified DEAD - - - false - its pair has no last price",
		"unified ETH 3000 9000 -6000 true ETHUSDT",
		"unified FALL 300.0 300.0 300.0 true FALLETH * ETHUSDT",
		"unified LIN - - - false - no spot pair leads to USDT",
		"unified NEW - - - false - its pair has no last price",
		"unified USD - - - false - no spot pair leads to USDT",
		"unified USDC 0.9998 9.9980 9.9980 true USDCUSDT",
		"unified USDT 1 -100.5 -100.5 true USDT",
	}, b.texts(shown))
	require.Equal(t, []string{"2", "1"}, b.texts(`
SELECT extract(epoch FROM price_as_of - $1)::int::text FROM alphapulse.portfolio
WHERE asset IN ('AAA', 'BBB') ORDER BY asset`, b.start), "the older of two prices")
}

func TestWithoutPricesNothingButUSDTIsValued(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.holds("unified USDT 1 1 0", "unified USDC 1 1 0")
	require.Equal(t, []string{
		"unified USDC - - - false - no prices of this market have been stored",
		"unified USDT 1 1 1 true USDT",
	}, b.texts(shown))
}

// total is a row of portfolio_totals; instants are seconds after the start.
type total struct {
	value, net string
	unpriced   []string
	complete   bool
	asOf       int
}

func (b *book) total(account string) (got total) {
	b.t.Helper()
	var n int
	require.NoError(b.t, b.db.QueryRow(b.t.Context(), `
SELECT coalesce(value_usdt::text, 'NULL'), coalesce(net_value_usdt::text, 'NULL'), unpriced, unpriced_count, complete,
       coalesce(extract(epoch FROM as_of - $2)::int, -1)
FROM alphapulse.portfolio_totals WHERE account = $1`, account, b.start).
		Scan(&got.value, &got.net, &got.unpriced, &n, &got.complete, &got.asOf))
	require.Len(b.t, got.unpriced, n)
	return got
}

func TestTotalsSayHowFarTheyCanBeTrusted(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	none := []string{}
	require.Equal(t, total{"NULL", "NULL", none, false, -1}, b.total("demo"), "nothing was read")
	b.walked("account_id", "balances", "unified", 20, true)
	require.Equal(t, total{"0", "0", none, true, 20}, b.total("demo"), "read, and empty")
	b.holds("unified USDT -5 -5 5")
	require.Equal(t, total{"-5", "-5", none, true, 20}, b.total("demo"), "a debt, and no price is needed")
	b.holds("unified BTC 2 1 1")
	require.Equal(t, total{"-5", "-5", []string{"BTC"}, false, 20}, b.total("demo"))
	b.quotes("spot", "BTCUSDT 10 1")
	b.walked("market_id", "prices", "spot", 15, true)
	require.Equal(t, total{"15", "5", none, true, 15}, b.total("demo"), "as old as its oldest part")

	b.holds("fund ODD 1 - -", "fund ZERO 0 - -", "unified ODD 1 1 0")
	require.Equal(t, total{"15", "5", []string{"ODD"}, false, 15}, b.total("demo"), "of none it needs no price")
	b.exec(`DELETE FROM alphapulse.balances WHERE asset = 'ODD'`)
	require.True(t, b.total("demo").complete)
	b.walked("account_id", "balances", "fund", 10, false)
	require.Equal(t, total{"15", "5", none, false, 10}, b.total("demo"), "a wallet was not read to its end")
	require.Equal(t, total{"NULL", "NULL", none, false, -1}, b.total("other"))
}

// The columns that were there keep their names, order and types.
func TestThePortfolioKeepsItsColumns(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	rows, err := b.db.Query(t.Context(), `SELECT * FROM alphapulse.portfolio`)
	require.NoError(t, err)
	var names []string
	for _, f := range rows.FieldDescriptions() {
		names = append(names, f.Name)
	}
	rows.Close()
	require.Equal(t, []string{
		"account_id", "account", "wallet", "asset", "total", "price", "value_usdt", "exchange_usd_value", "priced",
		"holding_changed_at", "price_as_of", "price_source", "unpriced_reason", "borrowed", "net", "net_value_usdt",
	}, names)
}
