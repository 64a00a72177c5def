package world

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// JetStream is a connection of the harness's own to the broker; close it.
func (w *World) JetStream() (js jetstream.JetStream, closeConn func(), err error) {
	conn, err := nats.Connect(w.DirectBrokerURL(), nats.Timeout(5*time.Second), nats.Name("chaos"))
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	js, err = jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return js, conn.Close, nil
}

// LiftBans ends every ban before its time, as somebody does whom the exchange has
// told so.
func (w *World) LiftBans(ctx context.Context) error {
	return w.exec(ctx, "lifting the bans",
		`UPDATE alphapulse.egresses SET banned_until = clock_timestamp() WHERE banned_until > clock_timestamp()`)
}

// WakeBanned makes what was put off because of a ban due now.
func (w *World) WakeBanned(ctx context.Context) error {
	return w.exec(ctx, "waking what a ban has put off",
		`UPDATE alphapulse.sync_jobs SET next_at = clock_timestamp() WHERE status = 'waiting' AND error_class = 'banned'`)
}

func (w *World) exec(ctx context.Context, doing, sql string) error {
	if _, err := w.DB.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
