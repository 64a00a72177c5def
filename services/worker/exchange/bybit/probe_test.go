package bybit

import (
	"fmt"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func probe(t *testing.T, key, mode []byte) (exchange.KeyInfo, *exchange.Error) {
	t.Helper()
	stand := newStand(t)
	stand.on(apiKeyInfo, always(key))
	stand.on(accountInfo, always(mode))
	return stand.client(t).Probe(t.Context())
}

func keyBody(fields string) []byte {
	return []byte(`{"retCode":0,"retMsg":"","result":{` + fields + `},"time":1767225600000}`)
}

func TestProbeOfAReadOnlyKey(t *testing.T) {
	t.Parallel()
	got, fault := probe(t, fixture(t, "edge/query-api.readonly.missing-wallet.json"), fixture(t, "edge/account-info.uta2.portfolio.json"))
	require.Nil(t, fault)
	require.Equal(t, "70000001", got.UID)
	require.True(t, got.ReadOnly)
	require.False(t, got.CanTrade, "its permissions are to read")
	require.False(t, got.CanWithdraw)
	require.Equal(t, "unified_2.0_pro/portfolio_margin", got.AccountMode)
	require.Equal(t, time.Date(2026, 3, 8, 7, 20, 25, 0, time.UTC), got.ExpiresAt)
	require.Equal(t, fixtureTime, got.AsOf)
	require.Equal(t, []string{"Order", "Position"}, got.Permissions["ContractTrade"])
}

func TestProbeOfAKeyThatCanDoEverything(t *testing.T) {
	t.Parallel()
	got, fault := probe(t, fixture(t, "edge/query-api.readwrite.withdraw.json"), fixture(t, "edge/account-info.classic.json"))
	require.Nil(t, fault)
	require.False(t, got.ReadOnly)
	require.True(t, got.CanTrade)
	require.True(t, got.CanWithdraw)
	require.Equal(t, "classic/regular_margin", got.AccountMode)
}

func TestWhatAKeyCanDo(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		readOnly, permissions string
		trade, withdraw       bool
	}{
		"nothing":                 {"0", `{}`, false, false},
		"empty groups":            {"0", `{"Spot":[],"Wallet":null}`, false, false},
		"only history":            {"0", `{"Exchange":["ExchangeHistory"]}`, false, false},
		"moves between wallets":   {"0", `{"Wallet":["AccountTransfer"]}`, false, false},
		"moves to other accounts": {"0", `{"Wallet":["SubMemberTransfer"]}`, false, true},
		"withdraws":               {"0", `{"Wallet":["Withdraw"]}`, false, true},
		"trades spot":             {"0", `{"Spot":["SpotTrade"]}`, true, false},
		"a group that is new":     {"0", `{"Lottery":["Bet"]}`, true, false},
		"read only, as a boolean": {"true", `{"Spot":["SpotTrade"],"Wallet":["Withdraw"]}`, false, false},
		"read only, as text":      {`"1"`, `{"Spot":["SpotTrade"]}`, false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, fault := probe(t, keyBody(fmt.Sprintf(`"userID":5,"readOnly":%s,"permissions":%s`, c.readOnly, c.permissions)), fixture(t, "edge/account-info.classic.json"))
			require.Nil(t, fault)
			require.Equal(t, c.trade, got.CanTrade)
			require.Equal(t, c.withdraw, got.CanWithdraw)
		})
	}
}

func TestKeyWhoseAbilitiesAreUnclearIsAFault(t *testing.T) {
	t.Parallel()
	for _, fields := range []string{
		`"readOnly":1,"permissions":{}`,
		`"userID":0,"readOnly":1,"permissions":{}`,
		`"userID":5,"permissions":{}`,
		`"userID":5,"readOnly":1`,
		`"userID":5,"readOnly":2,"permissions":{}`,
		`"userID":5,"readOnly":0,"permissions":{"Spot":"SpotTrade"}`,
		`"userID":5,"readOnly":1,"permissions":{},"expiredAt":"soon"`,
	} {
		_, fault := probe(t, keyBody(fields), fixture(t, "edge/account-info.classic.json"))
		require.NotNil(t, fault, fields)
		require.Equal(t, exchange.Decode, fault.Class, fields)
	}
}

func TestGotcha26ExpiryOfKeysBoundToAddressesIsNone(t *testing.T) {
	t.Parallel()
	for _, at := range []string{`"expiredAt":"1970-01-01T00:00:00Z",`, `"expiredAt":"",`, ``} {
		got, fault := probe(t, keyBody(at+`"userID":5,"readOnly":1,"permissions":{}`), fixture(t, "edge/account-info.classic.json"))
		require.Nil(t, fault)
		require.True(t, got.ExpiresAt.IsZero())
	}
}

func TestGotcha22AccountModes(t *testing.T) {
	t.Parallel()
	key := keyBody(`"userID":5,"readOnly":1,"permissions":{},"uta":1,"unified":0`)
	for body, want := range map[string]string{
		`{"unifiedMarginStatus":1,"marginMode":"REGULAR_MARGIN"}`:   "classic/regular_margin",
		`{"unifiedMarginStatus":3}`:                                 "unified_1.0",
		`{"unifiedMarginStatus":"4","marginMode":"REGULAR_MARGIN"}`: "unified_1.0_pro/regular_margin",
		`{"unifiedMarginStatus":5,"marginMode":"ISOLATED_MARGIN"}`:  "unified_2.0/isolated_margin",
		`{"unifiedMarginStatus":9,"marginMode":"NEW_MARGIN"}`:       "unified_status_9/new_margin",
	} {
		// The documentation shows account/info without a time.
		got, fault := probe(t, key, []byte(`{"retCode":0,"retMsg":"OK","result":`+body+`}`))
		require.Nil(t, fault)
		require.Equal(t, want, got.AccountMode)
	}
	got, fault := probe(t, key, fixture(t, "errors/retcode_10005.json"))
	require.Nil(t, fault, "a mode that may not be read is no reason to refuse the key")
	require.Equal(t, "unified", got.AccountMode)
	_, fault = probe(t, key, fixture(t, "errors/retcode_10016.json"))
	require.Equal(t, exchange.Transient, fault.Class)
}

// Without its mode a unified 1.0 account would lose its contract wallet, as if it
// had been upgraded.
func TestTheModeThatWasFoundBeforeStaysIfItCannotBeRead(t *testing.T) {
	t.Parallel()
	for knew, want := range map[string]string{
		"":                           "unified",
		"unified_1.0/regular_margin": "unified_1.0/regular_margin",
		"classic/regular_margin":     "unified", // the key says that it was upgraded
	} {
		stand := newStand(t)
		stand.on(apiKeyInfo, always(keyBody(`"userID":5,"readOnly":1,"permissions":{},"uta":1`)))
		stand.on(accountInfo, always(fixture(t, "errors/retcode_10005.json")))
		got, fault := stand.client(t, func(c *Config) { c.Target.Mode = knew }).Probe(t.Context())
		require.Nil(t, fault)
		require.Equal(t, want, got.AccountMode, "known before: %q", knew)
	}
}

func TestProbeOfAnUnknownKey(t *testing.T) {
	t.Parallel()
	_, fault := probe(t, fixture(t, "errors/retcode_10003.json"), nil)
	require.Equal(t, exchange.Auth, fault.Class)
	require.Contains(t, fault.Message, "testnet")
}
