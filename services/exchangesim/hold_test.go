package exchangesim_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

func TestHoldShowsTheInstantAfterOrBefore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		stage exchangesim.Stage
		want  string
	}{
		{exchangesim.StageRequest, "2"},
		{exchangesim.StageResponse, "1"},
	} {
		t.Run(string(tt.stage), func(t *testing.T) {
			t.Parallel()
			s, _ := still(t, exchangesim.Config{})
			uid := s.UID(0)
			_, err := s.SetBalance(uid, "BTC", "1")
			require.NoError(t, err)
			id, err := s.Hold(exchangesim.Hold{Endpoint: walletPath, UID: uid, Stage: tt.stage})
			require.NoError(t, err)
			answers := make(chan exchangesimtest.Response, 3)
			for range 3 {
				go func() { answers <- s.Client(0).Get(t, walletPath, "accountType=UNIFIED&coin=BTC") }()
			}
			require.NoError(t, s.AwaitHeld(t.Context(), id, 3))
			require.Zero(t, s.Client(1).Get(t, walletPath, "accountType=UNIFIED").RetCode, "another account passes")
			require.Equal(t, 3, s.Stats().InFlight)
			_, err = s.SetBalance(uid, "BTC", "2")
			require.NoError(t, err)
			require.Equal(t, 1, s.Release(id))
			for range 3 {
				rows, _ := exchangesimtest.List[exchangesim.WalletRow](t, <-answers)
				require.Equal(t, tt.want, rows[0].Coin[0].WalletBalance)
			}
			require.Empty(t, s.Holds())
			require.Equal(t, 3, s.Stats().UIDs[uid].Results["ok"])
			require.GreaterOrEqual(t, s.Stats().Most, 3)
		})
	}
}

func TestHeldRequestEndsWithItsClient(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	id, err := s.Hold(exchangesim.Hold{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := http.DefaultClient.Do(s.Client(0).Request(ctx, t, infoPath, "")) //nolint:bodyclose // there is no answer
		gone <- err
	}()
	require.NoError(t, s.AwaitHeld(t.Context(), id, 1))
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	require.Eventually(t, func() bool { return s.Holds()[0].Waiting == 0 && s.Stats().InFlight == 0 }, 5*time.Second, time.Millisecond)
	require.Equal(t, 1, s.Stats().Endpoints[infoPath].Results["aborted"])
	require.Zero(t, s.Release("no such hold"))

	ended, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, s.AwaitHeld(ended, id, 5), context.Canceled)
	require.ErrorContains(t, s.AwaitHeld(t.Context(), "no such hold", 1), "no such hold")
	for _, h := range []exchangesim.Hold{{Stage: "later"}, {Endpoint: "/nowhere"}, {Query: "%zz"}} {
		_, err := s.Hold(h)
		require.ErrorContains(t, err, "holding requests")
	}
}

func TestStatsCountByPathUIDAndResult(t *testing.T) {
	t.Parallel()
	s, _ := still(t, exchangesim.Config{})
	c := s.Client(0)
	c.Get(t, infoPath, "")
	c.Get(t, infoPath, "")
	c.Get(t, positionPath, "category=linear")
	c.Get(t, timePath, "")
	c.Get(t, "/v5/secret/path", "")
	set(t, s, exchangesim.Fault{Kind: exchangesim.FaultMalformed})
	c.Get(t, infoPath, "")
	got := s.Stats()
	require.Equal(t, 6, got.Requests)
	require.Zero(t, got.InFlight)
	require.Equal(t, map[string]int{"ok": 2, "fault malformed": 1}, got.Endpoints[infoPath].Results)
	require.Equal(t, map[string]int{"10001": 1}, got.Endpoints[positionPath].Results)
	require.Equal(t, map[string]int{"http 404": 1}, got.Endpoints["other"].Results)
	require.Equal(t, map[string]int{infoPath: 3, positionPath: 1}, got.UIDs[s.UID(0)].ByEndpoint)
	s.ResetStats()
	require.Zero(t, s.Stats().Requests)
	require.Equal(t, 6, got.Requests, "what was given out does not change")
}
