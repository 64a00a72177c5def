package daemon

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10

	// closeTimeout is what a server in the background gives requests in
	// flight when work has ended.
	closeTimeout = time.Second
)

// ServeHTTP is the component that serves HTTP on a listener. When take ends
// it refuses new connections and lets requests in flight finish; when work
// ends it cuts them off. Requests inherit work's values and end with it;
// [Stopping] tells their handlers that take has ended.
//
// The server's handler must be set; limits that are zero get safe values,
// except its write timeout, which streams must be able to outlast.
func ServeHTTP(name string, listener net.Listener, server *http.Server, log *logrus.Entry) Component {
	return Component{Name: name, Run: func(take, work context.Context) error {
		return serve(take, work, take.Done(), listener, server, log)
	}}
}

// ServeEndpoints is the background component that serves the endpoints: it
// answers until the very end of work, so that a process which is stopping says
// so instead of being gone.
func ServeEndpoints(listener net.Listener, endpoints Endpoints, log *logrus.Entry) Component {
	server := &http.Server{
		Handler:           endpoints.Handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		WriteTimeout:      time.Minute,
	}

	return Component{Name: "endpoints", Background: true, Run: func(take, work context.Context) error {
		return serve(take, work, work.Done(), listener, server, log)
	}}
}

// serve runs the server until stop, and then waits for requests in flight
// until work ends, or for closeTimeout when it already has.
func serve(
	take, work context.Context, stop <-chan struct{},
	listener net.Listener, server *http.Server, log *logrus.Entry,
) error {
	limit(server, log)

	server.BaseContext = func(net.Listener) context.Context {
		return context.WithValue(work, stoppingKey{}, take.Done())
	}

	served := make(chan error, 1)

	go func() { served <- Guard(func() error { return server.Serve(listener) }) }()

	select {
	case err := <-served:
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	case <-stop:
	}

	patience := work
	if work.Err() != nil {
		var cancel context.CancelFunc

		patience, cancel = context.WithTimeout(context.WithoutCancel(work), closeTimeout)
		defer cancel()
	}

	if server.Shutdown(patience) != nil {
		_ = server.Close()
	}

	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	}

	return nil
}

func limit(server *http.Server, log *logrus.Entry) {
	if server.ReadHeaderTimeout == 0 {
		server.ReadHeaderTimeout = readHeaderTimeout
	}

	if server.IdleTimeout == 0 {
		server.IdleTimeout = idleTimeout
	}

	if server.MaxHeaderBytes == 0 {
		server.MaxHeaderBytes = maxHeaderBytes
	}

	if server.ErrorLog == nil && log != nil {
		server.ErrorLog = stdlog.New(lines{log}, "", 0)
	}
}

// lines turns what net/http prints into lines of the process's log.
type lines struct{ log *logrus.Entry }

// Write implements io.Writer.
func (l lines) Write(line []byte) (int, error) {
	l.log.Warn(strings.TrimSpace(string(line)))

	return len(line), nil
}

type stoppingKey struct{}

// Stopping is closed when the process that serves this request stops taking
// work: a handler that streams for long ends its stream then. Outside a server
// of this package it is nil, which blocks for ever.
func Stopping(ctx context.Context) <-chan struct{} {
	stopping, _ := ctx.Value(stoppingKey{}).(<-chan struct{})

	return stopping
}
