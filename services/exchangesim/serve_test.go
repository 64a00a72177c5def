package exchangesim_test

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
)

func TestServeStopsWhatHangs(t *testing.T) {
	t.Parallel()
	x, err := exchangesim.New(exchangesim.Config{Accounts: 1, Faults: []exchangesim.Fault{{Endpoint: timePath, Kind: exchangesim.FaultHang}}})
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.Serve(ctx, l) }()
	id, err := x.Hold(exchangesim.Hold{Endpoint: infoPath})
	require.NoError(t, err)
	s := &exchangesimtest.Client{URL: "http://" + l.Addr().String(), Now: time.Now}
	s.Key, s.Secret, _ = exchangesim.Credentials(0, 0)
	dropped := make(chan error, 2)
	for _, path := range []string{timePath, infoPath} {
		go func() {
			_, err := http.DefaultClient.Do(s.Request(context.Background(), t, path, "")) //nolint:bodyclose // there is no answer
			dropped <- err
		}()
	}
	require.NoError(t, x.AwaitHeld(t.Context(), id, 1))
	require.Eventually(t, func() bool { return x.Stats().InFlight == 2 }, 5*time.Second, time.Millisecond)
	begin := time.Now()
	stop()
	require.NoError(t, <-ended)
	require.Less(t, time.Since(begin), 2*time.Second, "nothing was waited for")
	require.Error(t, <-dropped)
	require.Error(t, <-dropped)
	require.ErrorContains(t, x.Serve(t.Context(), l), "serving the stand-in exchange", "a closed listener is an error")
}

func TestAdminNeedsALoopbackListener(t *testing.T) {
	t.Parallel()
	x, err := exchangesim.New(exchangesim.Config{Accounts: 1})
	require.NoError(t, err)
	l, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.Serve(ctx, l) }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	for path, want := range map[string]int{"/admin/stats": http.StatusForbidden, "/healthz": http.StatusOK, timePath: http.StatusOK} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+path, http.NoBody)
		require.NoError(t, err)
		require.Equal(t, want, exchangesimtest.Do(t, req).Status, path)
	}
	stop()
	require.NoError(t, <-ended)
}

// TestAccountsCostNothing asks every one of ten thousand accounts for its
// wallet; not parallel, as it measures memory.
func TestAccountsCostNothing(t *testing.T) { //nolint:paralleltest // measures the heap
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // what the first one's finalizers let go
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const accounts = 10_000
	before := heap()
	x, err := exchangesim.New(exchangesim.Config{Seed: 1, Accounts: accounts})
	require.NoError(t, err)
	require.Less(t, heap()-before, int64(1<<20), "an exchange of 10,000 accounts")
	handler := x.Handler()
	for index := range accounts {
		key, secret, uid := exchangesim.Credentials(1, index)
		c := &exchangesimtest.Client{URL: "http://sim", Key: key, Secret: secret, Now: time.Now}
		w := newRecorder()
		handler.ServeHTTP(w, c.Request(t.Context(), t, infoPath, ""))
		require.Contains(t, w.body.String(), `"retCode":0`, strconv.Itoa(index)+" "+uid)
	}
	require.Equal(t, accounts, x.Stats().Endpoints[infoPath].Results["ok"])
	x.ResetStats()
	require.Less(t, heap()-before, int64(2<<20), "after all of them called")
	runtime.KeepAlive(x)
}
