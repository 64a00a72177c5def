package world

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/alphapulse/alphapulse/services/exchangesim"
)

// exchange is the stand-in, served over HTTP.
type exchange struct {
	*exchangesim.Exchange
	url   string
	began time.Time
	stop  context.CancelFunc
	done  chan error
}

func startExchange(cfg Config) (*exchange, error) {
	began := time.Now().UTC().Truncate(24 * time.Hour).Add(-cfg.Past)
	x, err := exchangesim.New(exchangesim.Config{
		Seed: cfg.Seed, Accounts: cfg.Accounts, Epoch: began, Tick: time.Second,
		Rows: exchangesim.Rows{Assets: 3, Positions: 2, OpenOrders: 2, ClosedPerDay: 20},
		Faults: []exchangesim.Fault{
			{Kind: exchangesim.FaultLatency, Value: cfg.Latency.String()},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("making the exchange: %w", err)
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serving the exchange: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &exchange{Exchange: x, url: "http://" + listener.Addr().String(), began: began, stop: stop, done: make(chan error, 1)}
	go func() { e.done <- x.Serve(ctx, listener) }()
	return e, nil
}

func (e *exchange) close() error {
	e.stop()
	return <-e.done
}
