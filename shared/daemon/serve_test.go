package daemon_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

func TestListenNamesTheSettingAndTheCause(t *testing.T) {
	t.Parallel()

	first, err := daemon.Listen("--http", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = first.Close() })

	_, err = daemon.Listen("--http", first.Addr().String())
	require.ErrorContains(t, err, "--http")
	require.ErrorContains(t, err, first.Addr().String()+" is taken by another process")

	_, err = daemon.Listen("ALPHAPULSE_HEALTH", "8080")
	require.ErrorContains(t, err, "ALPHAPULSE_HEALTH")
	require.ErrorContains(t, err, "HOST:PORT")
}

// serveWith runs a daemon whose only component serves handler. Closing the
// returned function's signal ends it.
func serveWith(t *testing.T, grace time.Duration, handler http.Handler) (address string, stop func(), ended <-chan error) {
	t.Helper()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)

	signals, result := make(chan os.Signal, 1), make(chan error, 1)

	go func() {
		result <- daemon.Daemon{
			Components: []daemon.Component{daemon.ServeHTTP("api", listener, &http.Server{Handler: handler}, nil)},
			Signals:    signals, Grace: grace,
		}.Run(context.Background())
	}()

	return "http://" + listener.Addr().String(), func() { signals <- os.Interrupt }, result
}

func TestRequestsInFlightFinish(t *testing.T) {
	t.Parallel()

	arrived, answer := make(chan struct{}), make(chan struct{})
	address, stop, ended := serveWith(t, time.Minute, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-daemon.Stopping(r.Context())
		<-answer

		_, _ = w.Write([]byte("whole"))
	}))

	body := make(chan string, 1)

	go func() {
		response, err := http.Get(address)
		if err != nil {
			body <- err.Error()

			return
		}
		defer response.Body.Close()

		text, _ := io.ReadAll(response.Body)
		body <- string(text)
	}()

	<-arrived
	stop()
	close(answer)
	require.Equal(t, "whole", <-body)
	require.NoError(t, <-ended)
}

func TestRequestsAreCutOffWhenWorkEnds(t *testing.T) {
	t.Parallel()

	arrived, gone := make(chan struct{}), make(chan error, 1)
	address, stop, ended := serveWith(t, 50*time.Millisecond, http.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request) {
			close(arrived)
			<-r.Context().Done()
			gone <- context.Cause(r.Context())
		},
	))

	go func() {
		response, err := http.Get(address)
		if err == nil {
			_ = response.Body.Close()
		}
	}()

	<-arrived
	stop()
	// Its cause is the end of the grace, or that of its connection: the server closes
	// those as soon as work has ended, which may be before the request hears of it.
	require.Error(t, <-gone)
	require.NoError(t, <-ended)
}

func TestServerThatFailsEndsTheProcess(t *testing.T) {
	t.Parallel()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())

	err = quiet(daemon.ServeHTTP("api", listener, &http.Server{Handler: http.NotFoundHandler()}, nil)).Run(t.Context())
	require.ErrorContains(t, err, "api: serving on 127.0.0.1")
}

func TestStoppingOutsideAServerBlocks(t *testing.T) {
	t.Parallel()

	require.Nil(t, daemon.Stopping(t.Context()))
}
