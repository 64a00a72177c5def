package bybit

import (
	"context"
	"errors"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// readClock is one reading of the exchange's clock for exchange.Clock. It goes
// before backfill whoever asks, since every request of the host waits for it.
func (s *session) readClock(ctx context.Context) (exchange.Reading, error) {
	ctx = exchange.WithPriority(ctx, exchange.Live)
	var reading exchange.Reading
	fault := s.host.Caller.Once(ctx, s.use(serverTime), func(ctx context.Context) error {
		sent := time.Now()
		got, fault := s.send(ctx, serverTime, "")
		received := time.Now()
		if fault != nil {
			return fault
		}
		server, err := s.serverTime(got)
		reading = exchange.Reading{Server: server, Sent: sent, Received: received}
		return err
	})
	if fault != nil {
		return exchange.Reading{}, fault
	}
	return reading, nil
}

// serverTime prefers the nanoseconds to the envelope's milliseconds.
func (s *session) serverTime(got reply) (time.Time, error) {
	result, fault := decodeResult[struct {
		Nano integer `json:"timeNano"`
	}](s, got)
	switch {
	case fault != nil:
		return time.Time{}, fault
	case result.Nano.value > 0:
		return time.Unix(0, result.Nano.value), nil
	case got.at.IsZero():
		return time.Time{}, errors.New("the answer names no time")
	default:
		return got.at, nil
	}
}
