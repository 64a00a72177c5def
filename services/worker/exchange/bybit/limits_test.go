package bybit

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// ear is a budget that grants everything and keeps what it is told.
type ear struct {
	mu    sync.Mutex
	taken []exchange.Use
	uses  []exchange.Use
	said  []exchange.Allowance
}

func (e *ear) Take(_ context.Context, use exchange.Use) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.taken = append(e.taken, use)
	return nil
}

func (e *ear) Report(exchange.Use, *exchange.Error) {}

func (e *ear) Learn(use exchange.Use, said exchange.Allowance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.uses, e.said = append(e.uses, use), append(e.said, said)
}

// limited is an answer with the headers of a limit, at a time.
func limited(size, left string, at time.Time, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Bapi-Limit", size)
		w.Header().Set("X-Bapi-Limit-Status", left)
		w.Header().Set("X-Bapi-Limit-Reset-Timestamp", strconv.FormatInt(at.UnixMilli(), 10))
		_, _ = w.Write(body)
	}
}

func TestAnswersTellOfTheLimit(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	e := &ear{}
	config := s.config(t)
	config.Hosts, config.Target.UID = hosts(t, e), "77"
	client, err := New(config)
	require.NoError(t, err)
	wallet := fixture(t, "edge/wallet-balance.multi-coin.json")
	refusal := fixture(t, "errors/retcode_10006.json")
	for _, c := range []struct {
		answer    http.HandlerFunc
		told      bool
		remaining int
	}{
		{limited("40", "39", time.Now(), wallet), true, 39},
		{limited("40", "0", time.Now().Add(700*time.Millisecond), refusal), true, 0}, // the reset lies ahead
		{limited("40", "12", time.Now().Add(-time.Hour), wallet), true, 12},          // another clock's time
		{limited("", "", time.Now(), wallet), false, 0},
		{limited("0", "0", time.Now(), wallet), false, 0},
		{limited("40", "41", time.Now(), wallet), false, 0},
		{limited("many", "1", time.Now(), wallet), false, 0},
		{limited("100000", "1", time.Now(), wallet), false, 0},
	} {
		before := len(e.said)
		s.on(walletBalance, c.answer)
		began := time.Now()
		client.Balances(t.Context(), unified)
		if !c.told {
			require.Len(t, e.said, before)
			continue
		}
		require.Greater(t, len(e.said), before)
		said := e.said[before]
		require.Equal(t, 40, said.Limit)
		require.Equal(t, c.remaining, said.Remaining)
		require.WithinRange(t, said.Sent, began, time.Now())
		require.WithinRange(t, said.At, began.Add(-clockError), time.Now().Add(clockError))
		require.Equal(t, "77", e.uses[before].UID)
	}
}

func TestWhoPaysForARequest(t *testing.T) {
	t.Parallel()
	s := &session{uid: "77", venue: "v", host: &exchange.Host{Name: "h"}}
	for ep, perSecond := range map[endpoint]int{
		walletBalance: 50, orderHistory: 50, apiKeyInfo: 10, "/v5/account/transaction-log": 25, "/v5/new/endpoint": 5,
	} {
		use := s.use(ep)
		require.Equal(t, exchange.Limit{Requests: perSecond, Window: time.Second}, use.PerUID, ep)
		require.Equal(t, "77", use.UID)
	}
	for _, ep := range []endpoint{serverTime, tickers} {
		use := s.use(ep)
		require.Empty(t, use.UID, "public data is counted per address alone")
		require.Zero(t, use.PerUID)
		require.Equal(t, exchange.Limit{Requests: 600, Window: 5 * time.Second}, use.PerAddress)
		require.Equal(t, "v", use.Venue)
	}
}

func TestDocumentedHostsAreOneVenue(t *testing.T) {
	t.Parallel()
	for host, venue := range map[string]string{
		"api.bybit.com": "bybit", "api.bytick.com": "bybit", "api.bybit.eu": "bybit", "api-testnet.bybit.com": "bybit",
		"127.0.0.1:8090": "127.0.0.1:8090", "proxy.example": "proxy.example",
	} {
		require.Equal(t, venue, venueOf(host), host)
	}
}
