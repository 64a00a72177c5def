package daemon_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

func healthy(context.Context) error { return nil }

func get(t *testing.T, url string) (int, string) {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)

	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)

	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	return response.StatusCode, string(body)
}

// ask calls the handler without a network.
func ask(t *testing.T, handler http.Handler, path string) (int, daemon.Report) {
	t.Helper()

	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))

	var report daemon.Report
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &report))
	require.Equal(t, "application/json", recorder.Header().Get("Content-Type"))

	return recorder.Code, report
}

func TestEndpointsNameEachCheck(t *testing.T) {
	t.Parallel()

	handler := daemon.Endpoints{Ready: []daemon.Check{
		{Name: "postgres", Probe: healthy},
		{Name: "jetstream", Probe: func(context.Context) error { return errBroken }},
		{Name: "schema", Probe: func(context.Context) error { panic("oh") }},
	}}.Handler()

	code, report := ask(t, handler, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.False(t, report.OK)
	require.Len(t, report.Checks, 3)

	for index, want := range []daemon.Result{
		{Name: "postgres", OK: true},
		{Name: "jetstream", Error: "broken"},
		{Name: "schema", Error: "panic: oh"},
	} {
		report.Checks[index].Seconds = 0
		require.Equal(t, want, report.Checks[index])
	}

	code, report = ask(t, handler, "/livez")
	require.Equal(t, http.StatusOK, code, "not ready is not dead")
	require.True(t, report.OK)
	require.Empty(t, report.Checks)
}

// A probe that ignores its context costs its timeout, and is not called again
// while it hangs.
func TestHangingCheck(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32

		let := make(chan struct{})
		handler := daemon.Endpoints{Ready: []daemon.Check{
			{Name: "hangs", Timeout: 3 * time.Second, Probe: func(context.Context) error {
				calls.Add(1)
				<-let

				return nil
			}},
			{Name: "well", Probe: healthy},
		}}.Handler()

		started := time.Now()
		code, report := ask(t, handler, "/readyz")
		require.Equal(t, 3*time.Second, time.Since(started))
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Equal(t, "no answer within 3s", report.Checks[0].Error)
		require.True(t, report.Checks[1].OK)

		code, _ = ask(t, handler, "/readyz")
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Equal(t, 3*time.Second, time.Since(started), "the call that hangs has had its time")
		require.EqualValues(t, 1, calls.Load())

		close(let)
		synctest.Wait()

		code, _ = ask(t, handler, "/readyz")
		require.Equal(t, http.StatusOK, code)
		require.EqualValues(t, 2, calls.Load())
	})
}

func TestCheckTimeoutReachesTheProbe(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		handler := daemon.Endpoints{Ready: []daemon.Check{{Name: "slow", Probe: func(ctx context.Context) error {
			<-ctx.Done()

			return ctx.Err()
		}}}}.Handler()

		started := time.Now()
		code, _ := ask(t, handler, "/readyz")
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Equal(t, daemon.DefaultCheckTimeout, time.Since(started))
	})
}

func TestMetrics(t *testing.T) {
	t.Parallel()

	registry := daemon.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "alphapulse_test_total", Help: "A test."})
	registry.MustRegister(counter)
	counter.Add(3)

	server := httptest.NewServer(daemon.Endpoints{Metrics: registry}.Handler())
	defer server.Close()

	code, body := get(t, server.URL+"/metrics")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "\nalphapulse_test_total 3\n")
	require.Contains(t, body, "go_goroutines ")
	require.Regexp(t, `(?m)^go_goroutines_before_scrape [1-9]\d*$`, body)
	require.Contains(t, body, "process_")

	bare := httptest.NewServer(daemon.Endpoints{}.Handler())
	defer bare.Close()

	code, _ = get(t, bare.URL+"/metrics")
	require.Equal(t, http.StatusNotFound, code)
}

// While a process finishes its work it still answers, and says that it takes
// no more.
func TestEndpointsSayThatTheProcessStops(t *testing.T) {
	t.Parallel()

	listener, err := daemon.Listen("--health", "127.0.0.1:0")
	require.NoError(t, err)

	address := "http://" + listener.Addr().String()
	signals := make(chan os.Signal, 1)
	stopping, finish := make(chan struct{}), make(chan struct{})
	worker := daemon.Component{Name: "worker", Run: func(take, _ context.Context) error {
		<-take.Done()
		close(stopping)
		<-finish

		return nil
	}}

	endpoints := daemon.Endpoints{
		Live:  []daemon.Check{{Name: "loop", Probe: healthy}},
		Ready: []daemon.Check{{Name: "postgres", Probe: healthy}},
	}
	ended := make(chan error, 1)

	go func() {
		ended <- daemon.Daemon{
			Components: []daemon.Component{worker, daemon.ServeEndpoints(listener, endpoints, nil)},
			Signals:    signals, Grace: time.Minute,
		}.Run(context.Background())
	}()

	code, _ := get(t, address+"/readyz")
	require.Equal(t, http.StatusOK, code)

	signals <- os.Interrupt

	<-stopping

	code, body := get(t, address+"/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, "stopping")

	code, _ = get(t, address+"/livez")
	require.Equal(t, http.StatusOK, code)

	close(finish)
	require.NoError(t, <-ended)

	_, err = new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	require.Error(t, err, "the port is free again")
}

// A note is shown while all is well and fails nothing, however it fails itself.
func TestANoteFailsNothing(t *testing.T) {
	t.Parallel()

	noted := func(note func(context.Context) (string, error)) daemon.Check {
		return daemon.Check{Name: "x", Probe: healthy, Note: note, Timeout: 400 * time.Millisecond}
	}
	broken := noted(func(context.Context) (string, error) { return "kept", nil })
	broken.Probe = func(context.Context) error { return errBroken }

	never := make(chan struct{})
	defer close(never)

	for want, check := range map[string]daemon.Check{
		"one copy":                        noted(func(context.Context) (string, error) { return "one copy", nil }),
		"not known: " + errBroken.Error(): noted(func(context.Context) (string, error) { return "", errBroken }),
		"not known: no answer in time": noted(func(context.Context) (string, error) {
			<-never

			return "", nil
		}),
	} {
		code, report := ask(t, daemon.Endpoints{Ready: []daemon.Check{check}}.Handler(), "/readyz")
		require.Equal(t, http.StatusOK, code, want)
		require.Equal(t, want, report.Checks[0].Note)
	}

	code, report := ask(t, daemon.Endpoints{Ready: []daemon.Check{broken}}.Handler(), "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Empty(t, report.Checks[0].Note)
}
