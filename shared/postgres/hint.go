package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// hint is a notification that is sent after a commit.
type hint struct{ channel, payload string }

// hints are those of one transaction's closure.
type hints struct{ noted []hint }

const (
	hintsMost    = 256  // how many are sent together
	hintsWaiting = 4096 // how many may wait; more are dropped
	hintsRest    = 2 * time.Millisecond
	hintsTimeout = 2 * time.Second
)

// Hint notifies a channel once the transaction of the closure that ctx belongs to
// has committed; outside of one it does nothing. It is for what is found by polling
// anyway: if the process dies in between, if no connection is to be had, if thousands
// wait already, or if the commit is not answered, nobody is notified.
//
// A NOTIFY within the transaction would be surer and much dearer: its commit holds a
// lock of the whole database until it is flushed, so that all transactions which
// notify flush one after the other. A hint is sent by a transaction of its own, which
// is not flushed, with those that came meanwhile, each once.
func Hint(ctx context.Context, channel, payload string) {
	scope, _ := ctx.Value(txKey{}).(txScope)
	if h := (hint{channel, payload}); scope.hints != nil && !slices.Contains(scope.hints.noted, h) {
		scope.hints.noted = append(scope.hints.noted, h)
	}
}

func (db *DB) sendAfterCommit(h *hints) {
	for _, noted := range h.noted {
		if db.hintsWait.Add(1) > hintsWaiting {
			db.hintsWait.Add(-1)
			return
		}
		db.hinting.Add(noted)
	}
}

// sendHints sends what came together.
func (db *DB) sendHints(group []hint) {
	defer db.hintsWait.Add(-int64(len(group)))
	ctx, cancel := context.WithTimeout(context.Background(), hintsTimeout)
	defer cancel()
	var channels, payloads []string
	seen := make(map[hint]bool, len(group))
	for _, h := range group {
		if !seen[h] {
			seen[h], channels, payloads = true, append(channels, h.channel), append(payloads, h.payload)
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(`SELECT set_config('synchronous_commit', 'off', true)`)
	batch.Queue(`SELECT pg_notify(u.channel, u.payload) FROM unnest($1::text[], $2::text[]) AS u (channel, payload)`,
		channels, payloads)
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		db.log.WithError(err).WithField("hints", len(channels)).Debug("hints could not be sent; they are found by polling")
	}
}
