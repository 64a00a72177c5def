package budget

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// banChannel carries the name of an egress that a venue refuses.
const banChannel = "alphapulse_bans"

const (
	// banPoll is the net below the notifications.
	banPoll = 2 * time.Second
	// pruneEvery and pruneAfter bound the tables: who comes back is new.
	pruneEvery = 10 * time.Minute
	pruneAfter = time.Hour
)

// Run listens for bans until ctx ends, then waits for what is under way. Every
// request that waits is answered before it returns.
func (f *Fleet) Run(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { f.listen(ctx) })
	parts.Go(func() { f.every(ctx, banPoll, f.readBans) })
	parts.Go(func() { f.every(ctx, pruneEvery, f.prune) })
	parts.Wait()
	f.stop.Store(true)
	f.busy.Wait()
}

func (f *Fleet) listen(ctx context.Context) {
	_ = f.db.Listen(ctx, []string{banChannel}, func(ctx context.Context, n postgres.Notification) {
		if n.Channel == "" || n.Payload == f.cfg.Egress {
			f.readBans(ctx)
		}
	})
}

func (f *Fleet) every(ctx context.Context, d time.Duration, do func(context.Context)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do(ctx)
		}
	}
}

// readBans stops this process where others have met a ban.
func (f *Fleet) readBans(ctx context.Context) {
	rows, err := f.db.Query(ctx, `
SELECT venue, banned_until - clock_timestamp(), reason FROM alphapulse.egress_bans
WHERE egress = $1 AND banned_until > clock_timestamp()`, f.cfg.Egress)
	if err == nil {
		var venue, reason string
		var left time.Duration
		_, err = pgx.ForEachRow(rows, []any{&venue, &left, &reason}, func() error {
			f.stopVenue(venue, time.Now().Add(left), reason)
			return nil
		})
	}
	if err != nil && ctx.Err() == nil {
		f.cfg.Log.WithError(err).Warn("bans of this address could not be read")
	}
}

// stopVenue stops the address if it is in use here. One that is not yet finds
// the ban with its first lease.
func (f *Fleet) stopVenue(venue string, until time.Time, reason string) {
	for _, a := range f.all() {
		if a.venue != venue {
			continue
		}
		a.mu.Lock()
		a.ban(until, reason)
		a.nudge()
		a.mu.Unlock()
	}
}

// prune forgets who has not been asked for in an hour.
func (f *Fleet) prune(ctx context.Context) {
	for _, table := range []string{"address_budgets", "account_budgets"} {
		_, err := f.db.Exec(ctx, `DELETE FROM alphapulse.`+table+` WHERE used_at < clock_timestamp() - $1::interval`, pruneAfter)
		if err != nil && ctx.Err() == nil {
			f.cfg.Log.WithError(err).WithField("table", table).Warn("old budgets could not be removed")
		}
	}
}

var (
	_ exchange.Budget  = (*Fleet)(nil)
	_ exchange.Learner = (*Fleet)(nil)
)
