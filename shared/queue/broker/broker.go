package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/sirupsen/logrus"
)

// readyTimeout bounds the start; a store of millions of messages takes seconds
// to recover.
const readyTimeout = 60 * time.Second

// DefaultMaxStore is how much disk JetStream may use if the config does not say.
const DefaultMaxStore = 4 << 30

// Config of an embedded broker.
type Config struct {
	// StoreDir keeps the streams. It is required: without one the server would
	// silently choose a temporary directory.
	StoreDir string
	// Listen is the client address, such as 127.0.0.1:4222; port 0 picks a free
	// one. Empty means none: only this process connects, through InProcessConn.
	Listen string
	// Monitor is the address of the HTTP monitoring endpoint; port 0 picks a
	// free one, empty means none.
	Monitor string
	// Token, if set, is demanded of every client.
	Token string
	// SyncAlways writes every message to the disk before confirming it.
	SyncAlways bool
	// MaxStore is how many bytes JetStream may store; DefaultMaxStore if 0.
	MaxStore int64
	// Name of the server in logs and stream information.
	Name string
	// Log receives the server's words.
	Log *logrus.Entry
}

// Broker is a running server.
type Broker struct {
	server *server.Server
	lock   *dirLock
	log    *logrus.Entry
}

// ErrStoreInUse: another process, or another broker of this one, has the store
// directory open.
var ErrStoreInUse = errors.New("the store directory is in use")

// Start runs a broker and returns when clients can connect. The error names
// what is in the way: a store in use, an address that is taken, a directory
// that cannot be written. A store that cannot be read is left as it is.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	broker, err := start(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("starting the embedded broker: %w", err)
	}
	return broker, nil
}

func start(ctx context.Context, cfg Config) (*Broker, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	options, err := cfg.options()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.StoreDir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDir(cfg.StoreDir)
	if err != nil {
		return nil, err
	}
	ns, err := server.NewServer(options)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	words := newServerLog(cfg.Log)
	ns.SetLoggerV2(words, false, false, false)
	b := &Broker{server: ns, lock: lock, log: cfg.Log}
	if err := b.await(ctx, words); err != nil {
		return nil, errors.Join(err, b.Stop())
	}
	b.log.WithFields(logrus.Fields{"store": cfg.StoreDir, "listen": b.ClientURL(), "monitor": b.MonitorURL()}).
		Info("broker: embedded server started")
	return b, nil
}

// await starts the server and waits until it is ready or has said that it
// cannot be.
func (b *Broker) await(ctx context.Context, words *serverLog) error {
	started := make(chan bool, 1)
	go func() {
		b.server.Start()
		started <- b.server.ReadyForConnections(readyTimeout)
	}()
	select {
	case err := <-words.fatal:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case ready := <-started:
		// A server whose JetStream or monitoring failed is "ready" all the same.
		select {
		case err := <-words.fatal:
			return err
		default:
		}
		if !ready {
			return fmt.Errorf("not ready after %v", readyTimeout)
		}
		if !b.server.JetStreamEnabled() {
			return errors.New("the server started without JetStream")
		}
		return nil
	}
}

func (c Config) options() (*server.Options, error) {
	if c.Log == nil {
		return nil, errors.New("the broker needs a log")
	}
	if c.StoreDir == "" {
		return nil, errors.New("the broker needs a store directory")
	}
	dir, err := filepath.Abs(c.StoreDir)
	if err != nil {
		return nil, err
	}
	options := &server.Options{
		ServerName:        c.Name,
		JetStream:         true,
		StoreDir:          dir,
		JetStreamMaxStore: c.MaxStore,
		SyncAlways:        c.SyncAlways,
		Authorization:     c.Token,
		NoSigs:            true, // else the server exits the process on a signal
		DontListen:        c.Listen == "",
	}
	if options.JetStreamMaxStore == 0 {
		options.JetStreamMaxStore = DefaultMaxStore
	}
	if c.Listen != "" {
		if options.Host, options.Port, err = hostPort(c.Listen); err != nil {
			return nil, fmt.Errorf("listen address: %w", err)
		}
	}
	if c.Monitor != "" {
		if options.HTTPHost, options.HTTPPort, err = hostPort(c.Monitor); err != nil {
			return nil, fmt.Errorf("monitor address: %w", err)
		}
	}
	return options, nil
}

// hostPort splits an address and writes port 0 as the server wants it.
func hostPort(address string) (string, int, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q is not a number from 0 to 65535", text)
	}
	if port == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(port), nil
}

// InProcessConn connects without a network; it makes a Broker usable as
// queue.Config.InProcess.
func (b *Broker) InProcessConn() (net.Conn, error) { return b.server.InProcessConn() }

// ClientURL is where clients of other processes connect, without the token;
// empty if the broker does not listen.
func (b *Broker) ClientURL() string {
	if b.server.Addr() == nil {
		return ""
	}
	return "nats://" + b.server.Addr().String()
}

// MonitorURL is the base of the monitoring endpoints; empty if there are none.
func (b *Broker) MonitorURL() string {
	address := b.server.MonitorAddr()
	if address == nil {
		return ""
	}
	return "http://" + address.String()
}

// SyncInterval is how long after it was confirmed a message may not be on the
// disk yet; 0: it always is.
func (b *Broker) SyncInterval() time.Duration {
	const unset = 2 * time.Minute // what the server then takes
	switch set := b.server.JetStreamConfig(); {
	case set == nil || set.SyncAlways:
		return 0
	case set.SyncInterval > 0:
		return set.SyncInterval
	default:
		return unset
	}
}

// Stop ends the server, waits until its store is closed and gives the
// directory free. Clients see a lost connection.
func (b *Broker) Stop() error {
	b.server.Shutdown()
	b.server.WaitForShutdown()
	return b.lock.release()
}
