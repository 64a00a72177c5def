package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
)

// Timings of the connection.
const (
	callTimeout     = 5 * time.Second // one question to the broker
	reconnectWait   = 250 * time.Millisecond
	reconnectJitter = 500 * time.Millisecond
	pingInterval    = 10 * time.Second
	maxPublishes    = 4096 // unanswered publishes at once
)

// Queue is a connection to the broker. It is safe for concurrent use and
// survives any outage: it reconnects for ever.
type Queue struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	log    *logrus.Entry
	limits Limits
	now    func() time.Time
	// flushing is what is known of the server's disk.
	flushing Flushing
	link     *link
	jobs     incarnation
	counts   counters
}

// Connect starts a connection and returns without waiting for the broker: it
// may be started later. Await waits for it. The error is about the settings
// alone. Close the queue when done.
func Connect(ctx context.Context, cfg Config) (*Queue, error) {
	if err := errors.Join(cfg.Validate(), ctx.Err()); err != nil {
		return nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	q := &Queue{log: cfg.Log, limits: cfg.Limits.withDefaults(), now: cfg.Now, flushing: cfg.Flushing, link: newLink()}
	if q.now == nil {
		q.now = time.Now
	}
	options, err := q.options(cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	if q.nc, err = nats.Connect(cfg.URL, options...); err != nil {
		return nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	if q.nc.IsConnected() {
		q.link.set(true)
	}
	q.js, err = jetstream.New(q.nc,
		jetstream.WithDefaultTimeout(callTimeout),
		jetstream.WithPublishAsyncMaxPending(maxPublishes),
		jetstream.WithPublishAsyncTimeout(callTimeout))
	if err != nil {
		q.nc.Close()
		return nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	return q, nil
}

// Await returns when there is a connection to a broker with JetStream, or with
// an error that says what is wrong when ctx ends.
func (q *Queue) Await(ctx context.Context) error {
	retry := newBackoff()
	for {
		err := q.Ready(ctx)
		if err == nil {
			return nil
		}
		if !retry.wait(ctx) {
			return err
		}
	}
}

// Ready reports whether the broker answers now and offers JetStream. It does
// not wait for a lost connection to come back.
func (q *Queue) Ready(ctx context.Context) error {
	if !q.nc.IsConnected() {
		if last := q.nc.LastError(); last != nil {
			return fmt.Errorf("%w: %w", ErrUnreachable, last)
		}
		return fmt.Errorf("%w: not connected", ErrUnreachable)
	}
	ctx, cancel := q.call(ctx)
	defer cancel()
	if _, err := q.js.AccountInfo(ctx); err != nil {
		if errors.Is(err, jetstream.ErrJetStreamNotEnabled) {
			return fmt.Errorf("%w: %w: start nats-server with -js", ErrUnreachable, err)
		}
		return fmt.Errorf("asking the broker for JetStream: %w", apiError(err))
	}
	return nil
}

// Close sends what was written and ends the connection. Deliveries that were
// not settled come again elsewhere after AckWait; stop the fetches first.
func (q *Queue) Close() {
	if q.nc.IsConnected() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := q.nc.FlushWithContext(ctx); err != nil {
			q.log.WithError(err).Warn("broker: closing without a flush: unsent acks will be redelivered")
		}
	}
	q.nc.Close()
}

// options of the connection. Nothing is buffered while the broker is away
// (ReconnectBufSize): a publish then fails at once and certainly, instead of
// arriving minutes later when the tables have moved on.
func (q *Queue) options(cfg Config) ([]nats.Option, error) {
	options := []nats.Option{
		nats.Name(cfg.Name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, 2*reconnectJitter),
		nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(q.onConnect),
		nats.ReconnectHandler(q.onReconnect),
		nats.DisconnectErrHandler(q.onDisconnect),
		nats.ReconnectErrHandler(q.onReconnectError),
		nats.ClosedHandler(q.onClosed),
		nats.ErrorHandler(q.onAsyncError),
	}
	if cfg.InProcess != nil {
		options = append(options, nats.InProcessServer(cfg.InProcess))
	}
	if cfg.CAFile != "" {
		options = append(options, nats.RootCAs(cfg.CAFile))
	}
	who, err := identity(cfg)
	if err != nil {
		return nil, err
	}
	return append(options, who...), nil
}

// identity of the connection. The files are tried once here, so that a wrong
// path stops the start.
func identity(cfg Config) ([]nats.Option, error) {
	switch {
	case cfg.CredentialsFile != "":
		if _, err := os.Stat(cfg.CredentialsFile); err != nil {
			return nil, fmt.Errorf("reading the broker's credentials: %w", err)
		}
		return []nats.Option{nats.UserCredentials(cfg.CredentialsFile)}, nil
	case cfg.NKeySeedFile != "":
		option, err := nats.NkeyOptionFromSeed(cfg.NKeySeedFile)
		if err != nil {
			return nil, fmt.Errorf("reading the broker's NKey seed: %w", err)
		}
		return []nats.Option{option}, nil
	case cfg.TokenFile != "":
		if _, err := readToken(cfg.TokenFile); err != nil {
			return nil, fmt.Errorf("reading the broker's token: %w", err)
		}
		return []nats.Option{nats.TokenHandler(func() string {
			token, err := readToken(cfg.TokenFile)
			if err != nil {
				cfg.Log.WithError(err).Error("broker: the token cannot be read; connecting without one")
			}
			return token
		})}, nil
	}
	return nil, nil
}

func readToken(file string) (string, error) {
	content, err := os.ReadFile(file)
	return strings.TrimSpace(string(content)), err
}
