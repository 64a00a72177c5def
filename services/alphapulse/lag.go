package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// minWatchInterval is how often a watch may ask.
const minWatchInterval = 500 * time.Millisecond

// lagCommand is `alphapulse lag`.
func (p *program) lagCommand() *cobra.Command {
	request := &controlv1.GetLagRequest{}
	cmd := &cobra.Command{
		Use: "lag", GroupID: "use", Short: "Show how far the fleet is behind its work", Args: noArguments,
		Long: `Show how far the fleet is behind its work, queue by queue: what is pending and in flight at the broker, what waits
for a time to come, how old the oldest job is that is not done, how many messages come and go, and how long the queue
will last at that rate; and which data is oldest against its objective (twice its cadence and 15 seconds).

PENDING and IN FLIGHT are what ` + "`nats consumer info SYNC_JOBS …`" + ` shows. IN/S and OUT/S are those of the last seconds or
minutes, DRAINS IN what is pending and in flight at their difference: "never" while the queue does not shrink.
STALE messages are of jobs that are over already: they cost a worker a glance each.

With --json: {read_at, broker_error, lanes: [{exchange, environment, data_type, lane, pending, in_flight, redelivered,
snoozed, held, stale, open, running, oldest_queued_at, oldest_age_seconds, arrivals_per_second,
completions_per_second, rate_window_seconds, drain_seconds, waiting_pulls, paused, missing, history: [{at, pending,
in_flight}]}], freshness: [{account, data_type, age_seconds, objective_seconds, stale}], freshness_total, stale_total}
  what is not known is null: drain_seconds while the queue does not shrink, pending while the broker does not answer
  missing: the broker has no such queue although there are jobs for it
With --watch --json: one such document after the other.`,
		Example: "  alphapulse lag\n  alphapulse lag --watch --type orders --lane backfill\n  alphapulse lag --account main --json",
	}
	r := p.remote(cmd)
	flags := cmd.Flags()
	flags.StringVar(&request.Exchange, "exchange", "", "only queues of this exchange")
	flags.StringVar(&request.Environment, "env", "", "only queues of this environment")
	flags.StringSliceVar(&request.DataTypes, "type", nil, "only queues of these data types, separated by commas")
	flags.StringVar(&request.Lane, "lane", "", "only queues of this lane: live or backfill")
	flags.StringVar(&request.Account, "account", "", "freshness of this account alone")
	freshness := 10
	flags.IntVar(&freshness, "freshness", freshness, "how many lines of freshness, the worst first; 0: none")
	var watch bool
	interval := 2 * time.Second
	flags.BoolVar(&watch, "watch", false, "show it again and again, until Ctrl-C")
	flags.DurationVar(&interval, "interval", interval, "how often, with --watch")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case interval < minWatchInterval:
			return usageError("--interval must be at least %s", minWatchInterval)
		case freshness < 0 || freshness > 10000:
			return usageError("--freshness must lie between 0 and 10000")
		}
		request.FreshnessLimit, request.History = int32(freshness), chartWidth
		if freshness == 0 {
			request.FreshnessLimit = -1
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			if !watch {
				return r.showLag(ctx, c, request, false)
			}
			return r.watchLag(ctx, c, request, interval)
		})
	}
	return cmd
}

// watchLag shows the lag until ctx ends. An API that is away for a moment does
// not end it.
func (r *remote) watchLag(ctx context.Context, c *client, request *controlv1.GetLagRequest, interval time.Duration) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		err := r.showLag(ctx, c, request, true)
		switch {
		case errors.Is(err, errInterrupted):
			return nil
		case err != nil && !passing(err):
			return err
		case err != nil:
			r.program.note("%v", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (r *remote) showLag(ctx context.Context, c *client, request *controlv1.GetLagRequest, again bool) error {
	res, err := c.GetLag(ctx, request)
	if err != nil {
		return err
	}
	if r.asJSON {
		return r.program.writeJSON(viewLag(res))
	}
	if again && isTerminal(r.program.stdout) {
		r.program.say("%s", clearScreen)
	}
	return r.program.printLag(res)
}
