package outage

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

// comeBack takes the whole fleet away for what the schedules take for an hour, and
// brings it back against an exchange that enforces its limits: a thousand accounts
// are overdue at once, and the exchange must not notice.
func comeBack(ctx context.Context, w *world.World, out io.Writer, r *Report) error {
	for _, role := range []world.Role{world.Scheduler, world.Worker, world.Aggregator} {
		if err := w.Retire(ctx, w.Members(role)...); err != nil {
			return err
		}
	}
	_, err := w.DB.Exec(ctx, `UPDATE alphapulse.schedules SET next_at = next_at - interval '1 hour' WHERE enabled`)
	if err != nil {
		return fmt.Errorf("taking an hour from the schedules: %w", err)
	}
	w.Exchange.SetLimits(true)
	w.Exchange.ResetStats()
	fmt.Fprintln(out, "the whole fleet was away for an hour, and comes back within the exchange's limits")
	began := time.Now()
	for _, role := range []world.Role{world.Scheduler, world.Scheduler, world.Aggregator, world.Worker, world.Worker} {
		if _, err := w.StartMember(role, nil, argsOf(role)...); err != nil {
			return err
		}
	}
	if err := awaitRead(ctx, w, out, began); err != nil {
		return err
	}
	r.ReturnSeconds = time.Since(began).Seconds()
	stats := w.Exchange.Stats()
	r.Requests = stats.Requests
	for _, tally := range stats.UIDs {
		r.RateLimited += tally.Results["10006"]
		r.Banned += tally.Results["http 403"]
	}
	return nil
}

// argsOf are the settings of a fleet in production: the scheduler stretches what is
// more than the budget, and the workers keep to four fifths of the limits.
func argsOf(role world.Role) []string {
	switch role {
	case world.Scheduler:
		return []string{"--jobs-size", "64", "--results-size", "16", "--events-size", "16", "--dead-size", "4"}
	case world.Worker:
		return []string{"--slots", "16"}
	default:
		return nil
	}
}

// awaitRead waits until the balances of every account with schedules were read
// since then.
func awaitRead(ctx context.Context, w *world.World, out io.Writer, since time.Time) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		left, err := w.Count(ctx, `
SELECT count(*) FROM alphapulse.schedules s LEFT JOIN alphapulse.sync_state t USING (subject_id, data_type)
WHERE s.enabled AND s.data_type = 'balances' AND coalesce(t.last_success_at, '-infinity') < $1`, since)
		if err != nil || left == 0 {
			return err
		}
		fmt.Fprintf(out, "%6d accounts to be read after %s\n", left, time.Since(since).Round(time.Second))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
