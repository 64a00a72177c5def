package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
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

// LiftBans makes the tables forget every ban.
func (w *World) LiftBans(ctx context.Context) error {
	return errors.Join(
		w.exec(ctx, "lifting the bans of markets",
			`UPDATE alphapulse.egresses SET banned_until = clock_timestamp() WHERE banned_until > clock_timestamp()`),
		w.exec(ctx, "lifting the bans of venues", `DELETE FROM alphapulse.egress_bans`))
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

// Scratch names a path below the world's directory that nothing is at yet.
func (w *World) Scratch(name string) (string, error) {
	if err := os.MkdirAll(w.path("scratch"), 0o755); err != nil { //nolint:gosec // the database runs as another user
		return "", fmt.Errorf("making a place for %s: %w", name, err)
	}
	return w.path("scratch", name+"-"+strconv.FormatInt(w.named.Add(1), 10)), nil
}
