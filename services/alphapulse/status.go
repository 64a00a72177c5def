package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

const clearScreen = "\x1b[H\x1b[2J"

func (p *program) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status [NAME]", GroupID: "use", Short: "Show how fresh and complete the data is",
		Long: `Show how fresh and complete the data of one account, or of all, is, and what stands in the way: failures,
scopes that could not be read and why, gaps in histories (see coverage), rows in
quarantine, drift that a verification found, stretched cadences, bans, pauses, keys that expire within 14, 7 and 1
days. It reads the tables and asks no exchange.

With --json: {read_at, accounts: [{name, exchange, environment, status, reason, key_expires_at, key_warning_days,
probed_at, quarantined, verify: {run_id, at, compared, drifted} or null, types: [{data_type, every_seconds,
age_seconds, as_of, last_attempt_at, last_success_at, stale, complete, coverage, consecutive_failures, error_class,
error_message, superseded, skipped, paused, unscheduled, unread_scopes: [{scope, error_class, error_code, error_message, at}]}]}], markets: [{id, exchange, environment, base_url, stretch}], bans: [{egress, market_id, until, reason}],
pauses: [` + pauseHelp + `],
worker_settings: [` + settingHelp + `]}
  key_warning_days: 14, 7 or 1 while the key expires within so many days, 0 once it has, else null
  coverage: of histories complete, gaps, or none; else empty
With --watch --json: one such document after the other.`,
		Example: "  alphapulse status\n  alphapulse status main --watch",
		Args:    atMostOne,
	}
	r := p.remote(cmd)
	var watch bool
	var interval time.Duration
	cmd.Flags().BoolVar(&watch, "watch", false, "show it again and again, until Ctrl-C")
	cmd.Flags().DurationVar(&interval, "interval", 2*time.Second, "how often, with --watch")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if interval < 100*time.Millisecond {
			return usageError("--interval must be at least 100ms")
		}
		request := &controlv1.GetStatusRequest{}
		if len(args) == 1 {
			request.Account = args[0]
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		ctx, end := interruptible(cmd.Context(), 0)
		defer end()
		if !watch {
			return r.showStatus(ctx, c, request, false)
		}
		return r.watchStatus(ctx, c, request, interval)
	}
	return cmd
}

// watchStatus shows the status until ctx ends. An API that is away for a moment
// does not end it.
func (r *remote) watchStatus(
	ctx context.Context, c *client, request *controlv1.GetStatusRequest, interval time.Duration,
) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		err := r.showStatus(ctx, c, request, true)
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

func (r *remote) showStatus(ctx context.Context, c *client, request *controlv1.GetStatusRequest, again bool) error {
	res, err := c.GetStatus(ctx, request)
	if err != nil {
		return err
	}
	if r.asJSON {
		return r.program.writeJSON(viewStatus(res))
	}
	if again && isTerminal(r.program.stdout) {
		r.program.say("%s", clearScreen)
	}
	return r.program.printStatus(res)
}
