package bybit

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func inMode(mode string) func(*Config) { return func(c *Config) { c.Target.Mode = mode } }

func TestScopesFollowTheAccountsMode(t *testing.T) {
	t.Parallel()
	type scopes = []exchange.Scope
	two := []scopes{
		{"unified", "fund"},
		{"linear:USDT", "linear:USDC", "inverse", "option"},
		{"spot", "linear", "inverse", "option:USDT", "option:USDC"},
		{"transaction_log", "funding_log", "deposit", "withdrawal", "transfer"},
	}
	one := []scopes{
		{"unified", "contract", "fund"},
		two[1], two[2],
		{"transaction_log", "contract_log", "funding_log", "deposit", "withdrawal", "transfer"},
	}
	old := []scopes{
		{"contract", "spot", "fund"},
		{"linear:USDT", "linear:USDC", "inverse"},
		{"spot", "linear", "inverse"},
		{"contract_log", "funding_log", "deposit", "withdrawal", "transfer"},
	}
	for mode, want := range map[string][]scopes{
		"":                                 two,
		"unified":                          two,
		"unified_2.0/regular_margin":       two,
		"unified_2.0_pro/isolated_margin":  two,
		"unified_status_9/new_margin":      two,
		"unified_1.0":                      one,
		"unified_1.0_pro/portfolio_margin": one,
		"classic/regular_margin":           old,
		"classic":                          old,
	} {
		client := newStand(t).client(t, inMode(mode))
		require.Equal(t, want[0], client.BalanceScopes(), mode)
		require.Equal(t, want[1], client.PositionScopes(), mode)
		require.Equal(t, append(scopes{"spot"}, want[1]...), client.OpenOrderScopes(), mode)
		require.Equal(t, want[2], scopesOf(client.FillHistories()), mode)
		require.Equal(t, want[3], scopesOf(client.LedgerHistories()), mode)
		require.Equal(t, scopes{"linear", "inverse"}, scopesOf(client.ClosedPnLHistories()), mode)
	}
}

func TestSettleCoinsOfTheMarketAreAskedFor(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(positionList, always(list("")))
	client := stand.client(t, func(c *Config) { c.Target.SettleCoins = []string{"USDC", "EUR1", ""} })
	require.Equal(t, []exchange.Scope{"linear:USDT", "linear:USDC", "linear:EUR1", "inverse", "option"}, client.PositionScopes())
	require.True(t, client.Positions(t.Context(), "linear:EUR1").Complete)
	require.Equal(t, "EUR1", stand.asked(positionList)[0].URL.Query().Get("settleCoin"))
	require.Equal(t, []exchange.Scope{"linear:USDT", "linear:USDC", "inverse", "option"}, stand.client(t).PositionScopes())
}

func TestWalletsOfOlderAccounts(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.Query().Get("accountType")
		_, _ = w.Write(list("", fmt.Sprintf(`{"accountType":"%s","coin":[{"coin":"BTC","walletBalance":"2","equity":"3","locked":"0.5","free":"1.5","availableToWithdraw":"1.25"}]}`, asked)))
	})
	client := stand.client(t, inMode("classic/regular_margin"))
	for wallet, available := range map[exchange.Scope]exchange.Number{"contract": "1.25", "spot": "1.5"} {
		got := client.Balances(t.Context(), wallet)
		require.True(t, got.Complete)
		require.Equal(t, []exchange.Balance{{Wallet: string(wallet), Asset: "BTC", Total: "2", Available: available, Locked: "0.5", Equity: "3"}}, got.Rows)
	}
	require.Equal(t, exchange.Unsupported, client.Balances(t.Context(), unified).Err.Class)
}

func TestAWalletAnsweredInPlaceOfAnotherIsNotTaken(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, always(list("", `{"accountType":"UNIFIED","coin":[{"coin":"BTC","walletBalance":"2"}]}`)))
	got := stand.client(t, inMode("unified_1.0")).Balances(t.Context(), contract)
	require.False(t, got.Complete)
	require.Equal(t, exchange.Incomplete, got.Err.Class)
	require.Empty(t, got.Rows)
}

func TestEverythingThatMayNotBeReadSaysSo(t *testing.T) {
	t.Parallel()
	refused := map[string]struct {
		environment string
		body        []byte
		want        exchange.Class
		says        string
	}{
		"no permission":               {"testnet", fixture(t, "errors/retcode_10005.json"), exchange.Permission, "permission"},
		"demo, by its own code":       {"demo", fixture(t, "errors/retcode_10032.json"), exchange.Unsupported, "the demo environment does not have this"},
		"demo, by the parameter code": {"demo", fixture(t, "errors/retcode_10001.null-result.json"), exchange.Unsupported, "the demo environment does not have this"},
		"a wrong parameter":           {"testnet", fixture(t, "errors/retcode_10001.null-result.json"), exchange.BadRequest, ""},
		"a classic account":           {"testnet", fixture(t, "errors/retcode_181014.json"), exchange.Unsupported, "unified trading account"},
	}
	for name, c := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			for _, ep := range []endpoint{coinBalances, fundingHistory, depositRecords, withdrawalRecords, transferRecords} {
				stand.on(ep, always(c.body))
			}
			client := stand.client(t, func(config *Config) { config.Target.Environment = c.environment })
			faults := []*exchange.Error{client.Balances(t.Context(), fund).Err}
			for _, book := range []exchange.Scope{fundingBook, depositBook, withdrawalBook, transferBook} {
				got := client.LedgerEntries(t.Context(), book, aDay())
				require.False(t, got.Complete)
				faults = append(faults, got.Err)
			}
			for _, fault := range faults {
				require.Equal(t, c.want, fault.Class)
				require.Contains(t, fault.Message, c.says)
			}
		})
	}
}

func TestDemoAnswersParametersElsewhereAsUsual(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(positionList, always(fixture(t, "errors/retcode_10001.null-result.json")))
	client := stand.client(t, func(c *Config) { c.Target.Environment = demo })
	require.Equal(t, exchange.BadRequest, client.Positions(t.Context(), inverse).Err.Class)
	stand.on(walletBalance, replay(t, "http/404-empty.json"))
	require.Equal(t, exchange.Unsupported, client.Balances(t.Context(), fund).Err.Class, "a path that is not there")
}

func TestDemoKeepsOrdersForAWeek(t *testing.T) {
	t.Parallel()
	client := newStand(t).client(t, func(c *Config) { c.Target.Environment = demo })
	require.Len(t, client.ClosedOrderHistories(), 4)
	for _, h := range client.ClosedOrderHistories() {
		require.Equal(t, demoDepth, h.Depth)
	}
	for _, h := range newStand(t).client(t).ClosedOrderHistories() {
		require.Equal(t, historyDepth, h.Depth)
	}
}

// The documentation's default for spot orders of a classic account is "Order".
func TestClassicSpotOrdersAreAskedForByTheirKind(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	answer := func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(list("", `{"orderId":"`+r.URL.Query().Get("orderFilter")+`1","orderStatus":"Filled"}`))
	}
	stand.on(orderHistory, answer)
	stand.on(orderRealtime, answer)
	client := stand.client(t, inMode("classic"))
	require.Len(t, client.ClosedOrders(t.Context(), spot, aDay()).Rows, 3)
	require.Len(t, client.OpenOrders(t.Context(), spot).Rows, 3)
	require.Len(t, client.ClosedOrders(t.Context(), linear, aDay()).Rows, 1)
	require.Len(t, stand.client(t).ClosedOrders(t.Context(), spot, aDay()).Rows, 1)
}
