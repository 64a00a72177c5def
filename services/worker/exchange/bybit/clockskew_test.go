package bybit

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/stretchr/testify/require"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestClockOfTheExchangeIsUsedFromTheFirstRequest(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"ours is late": time.Hour, "ours is early": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			stand.setAhead(ahead)
			stand.on(walletBalance, always(fixture(t, "edge/wallet-balance.no-coins.json")))
			client := stand.client(t)
			require.Nil(t, client.Balances(t.Context(), unified).Err)
			require.Len(t, stand.asked(walletBalance), 1)
			require.WithinDuration(t, time.Now().Add(ahead), client.Clock().Now(), time.Second)
		})
	}
}

func TestSkewIsMendedInsideTheCall(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"late": 30 * time.Second, "early": -3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := newStand(t)
			stand.on(walletBalance, always(fixture(t, "edge/wallet-balance.no-coins.json")))
			client := stand.client(t)
			require.Nil(t, client.Balances(t.Context(), unified).Err)
			stand.setAhead(ahead)
			require.Nil(t, client.Balances(t.Context(), unified).Err)
			require.Len(t, stand.asked(walletBalance), 3, "one fine, one refused, one after the clock was read")
		})
	}
}

func TestSkewThatStaysIsReported(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(walletBalance, always(fixture(t, "errors/retcode_10002.json")))
	got := stand.client(t).Balances(t.Context(), unified)
	require.Equal(t, exchange.ClockSkew, got.Err.Class)
	require.Contains(t, got.Err.Message, "server_timestamp[1767225600000]")
	require.Len(t, stand.asked(walletBalance), 2)
}

func TestUnreadableClockDoesNotStopTheReading(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(serverTime, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	stand.on(walletBalance, always(fixture(t, "edge/wallet-balance.no-coins.json")))
	client := stand.client(t)
	require.Nil(t, client.Balances(t.Context(), unified).Err)
	require.Nil(t, client.Balances(t.Context(), unified).Err)
	require.Len(t, stand.asked(serverTime), 1, "and is not asked for at every call")
}

func TestAnswersAreCheckedAgainstTheClock(t *testing.T) {
	t.Parallel()
	stand := newStand(t)
	stand.on(positionList, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"retCode":0,"result":{"list":[]},"time":` + itoa(stand.now().UnixMilli()) + `}`))
	})
	client := stand.client(t)
	require.Nil(t, client.Positions(t.Context(), inverse).Err)
	require.False(t, client.Clock().Doubted())
	stand.on(positionList, always(fixture(t, "edge/position-list.empty.json")))
	require.Nil(t, client.Positions(t.Context(), inverse).Err)
	require.True(t, client.Clock().Doubted(), "an answer of another day")
}
