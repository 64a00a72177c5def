package bybit

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// The stand-in knows the public half of the key alone, so what it accepts was
// signed with the other.
func TestAnExchangeAcceptsRSASignatures(t *testing.T) {
	t.Parallel()
	private, public := exchangesimtest.NewRSAKey(t)
	s := exchangesimtest.Start(t, exchangesim.Config{RSAKeys: map[int]string{0: public}})
	key, secret, uid := exchangesim.Credentials(0, 0)
	client := func(secret string) *Client {
		client, err := New(Config{
			Target:      exchange.Target{Environment: "testnet", BaseURL: s.URL},
			Credentials: exchange.NewCredentials(key, []byte(secret)),
			Hosts:       hosts(t, wideBudget(t)),
		})
		require.NoError(t, err)
		return client
	}
	info, fault := client(exchangesimtest.PrivatePEM(t, private)).Probe(t.Context())
	require.Nil(t, fault)
	require.Equal(t, uid, info.UID)

	other, _ := exchangesimtest.NewRSAKey(t)
	for _, wrong := range []string{secret, exchangesimtest.PrivatePEM(t, other)} {
		_, fault := client(wrong).Probe(t.Context())
		require.NotNil(t, fault)
		require.Equal(t, exchange.Auth, fault.Class)
	}
}
