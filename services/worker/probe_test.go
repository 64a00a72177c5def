package worker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// A key that the exchange accepts and that is not taken: it is another account's,
// or it can do more than read and nobody has allowed that.
func TestAKeyThatIsNotTaken(t *testing.T) {
	t.Parallel()
	trades := exchange.KeyInfo{UID: "1", CanTrade: true, Permissions: map[string][]string{"Spot": {"SpotTrade"}}}
	for name, test := range map[string]struct {
		job  ledger.Claimed
		info exchange.KeyInfo
		code string
	}{
		"a first key":             {ledger.Claimed{}, exchange.KeyInfo{UID: "1"}, ""},
		"the same owner":          {ledger.Claimed{ExchangeUID: "1"}, exchange.KeyInfo{UID: "1"}, ""},
		"another owner":           {ledger.Claimed{ExchangeUID: "2", AllowWrite: true}, exchange.KeyInfo{UID: "1"}, ledger.CodeOtherOwner},
		"it can trade":            {ledger.Claimed{}, trades, codeWriteKey},
		"it can withdraw":         {ledger.Claimed{}, exchange.KeyInfo{UID: "1", CanWithdraw: true}, codeWriteKey},
		"it can trade, and may":   {ledger.Claimed{AllowWrite: true}, trades, ""},
		"it can do both, and may": {ledger.Claimed{AllowWrite: true}, exchange.KeyInfo{UID: "1", CanTrade: true, CanWithdraw: true}, ""},
	} {
		fault := (&attempt{job: &test.job}).refuseKey(test.info)
		if test.code == "" {
			require.Nil(t, fault, name)
			continue
		}
		require.NotNil(t, fault, name)
		require.Equal(t, test.code, fault.Code, name)
		require.Equal(t, exchange.Permission, fault.Class, name)
	}
}
