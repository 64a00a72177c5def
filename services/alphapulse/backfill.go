package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// backfillRun is `alphapulse backfill` and its flags.
type backfillRun struct {
	*remote
	types        string
	since, until dateFlag
	wait, dryRun bool
	timeout      time.Duration

	exchange string // of the account, whose limits the speed is measured by
}

func (p *program) backfillCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "backfill NAME --type orders,fills --since DATE", GroupID: "use", Short: "Read what is missing of an account's past",
		Long: `Read what is missing of an account's past: what is covered already is not read again. The time is cut into
windows, each a job in lane backfill; jobs of lane live go first. Rows and coverage are stored window by window, so
a backfill that was stopped goes on where it was when it is started again. What the exchange does not serve any
more is named and left out.

DATE is ` + dateHelp + `.

With --wait it shows how far it is, and at the end how fast each type was read and what share of the exchange's
limits that is. Ctrl-C stops the waiting; the backfill goes on.

With --json: {run_id, status, jobs: [{data_type, status, rows_changed, error_class, error_message, windows,
windows_done, rows_fetched, exchange_requests, seconds, rows_per_second, rows_limit_share, requests_per_second,
requests_limit_share}], plan: [{data_type, windows, from, to, scopes, underway: [[from, to]], least_seconds}],
out_of_reach: [{data_type, scope, from, to}]}
  status of the run: running, succeeded, partial, failed, cancelled, expired; planned with --dry-run; nothing_missing
  one entry of jobs for each data type, its windows added up; shares are 0 to 1, null where no limit is known

Exit with --wait: 0 succeeded or nothing missing, 3 partial, 4 failed, expired or cancelled, 5 still running at the
timeout; 2 wrong use, 1 anything else. Without --wait 0 says that the run is there.`,
		Example: `  alphapulse backfill main --type orders,fills --since 2024-12-01 --dry-run
  alphapulse backfill main --type orders,fills --since 2024-12-01 --wait
  alphapulse backfill main --type ledger --since 2025-01-31T08:00:00Z --until 2025-03-01 --wait --timeout 2h --json`,
		Args: accountArgument(),
	}
	b := &backfillRun{remote: p.remote(cmd)}
	flags := cmd.Flags()
	flags.StringVar(&b.types, "type", "", "histories, separated by commas: "+syncjob.JoinTypes(syncjob.Histories())+" (required)")
	flags.Var(&b.since, "since", "from when on (required)")
	flags.Var(&b.until, "until", "until when (default now)")
	flags.BoolVar(&b.wait, "wait", false, "wait until it is done")
	flags.DurationVar(&b.timeout, "timeout", 24*time.Hour, "how long to wait")
	flags.BoolVar(&b.dryRun, "dry-run", false, "tell what would be read and how long that takes, and do nothing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return b.run(cmd.Context(), args[0]) }
	return cmd
}

func (b *backfillRun) request(name string) (*controlv1.StartBackfillRequest, error) {
	switch {
	case b.types == "" || b.since.at.IsZero():
		return nil, usageError("--type and --since are required, as in: alphapulse backfill %s --type orders,fills --since 2025-01-31", name)
	case b.timeout <= 0:
		return nil, usageError("--timeout must be positive")
	}
	types, err := historyTypes(b.types, nil)
	if err == nil {
		err = checkSpan(&b.since, &b.until)
	}
	return &controlv1.StartBackfillRequest{
		Account: name, Types: types, Since: b.since.stamp(), Until: b.until.stamp(), DryRun: b.dryRun,
	}, err
}

func (b *backfillRun) run(ctx context.Context, name string) error {
	request, err := b.request(name)
	if err != nil {
		return err
	}
	c, err := b.connect()
	if err != nil {
		return err
	}
	ctx, end := interruptible(ctx, b.timeout)
	defer end()
	if b.exchange, err = c.exchangeOf(ctx, name); err != nil {
		return err
	}
	started, err := c.StartBackfill(ctx, request)
	if err != nil {
		return maybeBegun(err)
	}
	run := started.GetRun()
	if run != nil && b.wait {
		return b.await(ctx, c, request, started)
	}
	scopes, err := b.scopes(ctx, c, request)
	switch {
	case err != nil:
		return err
	case run != nil:
		return b.begun(name, started, scopes)
	case b.dryRun && busy(started.GetPlan()):
		return b.planned(name, started.GetPlan(), scopes)
	}
	return b.nothing(started.GetPlan(), scopes)
}

// busy reports whether a plan has anything to read.
func busy(plan []*controlv1.PlannedType) bool {
	return slices.ContainsFunc(plan, func(p *controlv1.PlannedType) bool {
		return p.GetWindows() > 0 || len(p.GetUnderway()) > 0
	})
}

// scopes are the horizons of what is read, as far as they are known by now, also
// after the waiting is over.
func (b *backfillRun) scopes(
	ctx context.Context, c *client, request *controlv1.StartBackfillRequest,
) ([]*controlv1.ScopeCoverage, error) {
	res, err := c.GetCoverage(context.WithoutCancel(ctx), &controlv1.GetCoverageRequest{
		Account: request.GetAccount(), Types: request.GetTypes(),
	})
	return res.GetScopes(), err
}

// nothing tells that there is nothing to read, and what cannot be read.
func (b *backfillRun) nothing(plan []*controlv1.PlannedType, scopes []*controlv1.ScopeCoverage) error {
	if b.asJSON {
		return b.program.writeJSON(b.view(&controlv1.Run{Status: "nothing_missing"}, plan, scopes))
	}
	b.program.say("Nothing is missing: what was asked for and the exchange still serves is stored already.")
	b.printOutOfReach(scopes)
	return nil
}

func (b *backfillRun) planned(name string, plan []*controlv1.PlannedType, scopes []*controlv1.ScopeCoverage) error {
	if b.asJSON {
		view := b.view(&controlv1.Run{Status: "planned"}, plan, scopes)
		for _, p := range plan {
			view.Jobs = append(view.Jobs, backfillTypeView{DataType: p.GetDataType(), Status: "planned", Windows: p.GetWindows()})
		}
		return b.program.writeJSON(view)
	}
	if err := b.printPlan(plan); err != nil {
		return err
	}
	b.printOutOfReach(scopes)
	b.program.say("Nothing was started. Without --dry-run `alphapulse backfill %s` would start it.", plain(name))
	return nil
}

// begun tells of a backfill that is not waited for.
func (b *backfillRun) begun(
	name string, started *controlv1.StartBackfillResponse, scopes []*controlv1.ScopeCoverage,
) error {
	run := started.GetRun()
	if b.asJSON {
		return b.program.writeJSON(b.view(run, started.GetPlan(), scopes))
	}
	if n := windowsOf(started.GetPlan()); n > 0 {
		b.program.say("Run %s reads %s.", run.GetId(), number(int(n), "window"))
	} else {
		b.program.say("Run %s, which has begun before, reads all of it.", run.GetId())
	}
	b.printOutOfReach(scopes)
	b.program.say("Follow it: alphapulse runs show %s --watch", run.GetId())
	b.program.say("What is covered: alphapulse coverage %s", plain(name))
	return nil
}

// await follows a backfill to its end, and gives the exit code of its status.
func (b *backfillRun) await(
	ctx context.Context, c *client, request *controlv1.StartBackfillRequest, started *controlv1.StartBackfillResponse,
) error {
	id, name := started.GetRun().GetId(), plain(request.GetAccount())
	bar := b.program.historyProgress(b.asJSON, b.exchange)
	run, err := c.followTotals(ctx, id, bar.show)
	bar.end()
	if run == nil {
		run = started.GetRun()
	}
	switch {
	case errors.Is(err, errInterrupted):
		return fmt.Errorf("interrupted: the backfill goes on as run %s\n  Next: `alphapulse runs show %[1]s --watch` follows it, "+
			"`alphapulse coverage %s` shows what is there, `alphapulse runs cancel %[1]s` ends it", id, name)
	case err != nil && !errors.Is(err, errPatience):
		return fmt.Errorf("following run %s, which goes on: %w", id, err)
	}
	scopes, failed := b.scopes(ctx, c, request)
	if failed != nil {
		return failed
	}
	if failed := b.print(run, started.GetPlan(), scopes); failed != nil {
		return failed
	}
	if err != nil {
		return &exitError{code: exitRunning, message: fmt.Sprintf(
			"run %s is still running after %s; it goes on\n  Next: alphapulse runs show %[1]s --watch", id, b.timeout)}
	}
	return exitOf(run)
}

// print shows a backfill that is over, or is not waited for any longer.
func (b *backfillRun) print(
	run *controlv1.Run, plan []*controlv1.PlannedType, scopes []*controlv1.ScopeCoverage,
) error {
	if b.asJSON {
		return b.program.writeJSON(b.view(run, plan, scopes))
	}
	if err := b.printSpeed(run); err != nil {
		return err
	}
	b.printOutOfReach(scopes)
	line := fmt.Sprintf("Run %s: %s", run.GetId(), run.GetStatus())
	if t := took(run); t != "" {
		line += " in " + t
	}
	b.program.say("%s.", line)
	if hint := refusedKeyHint(run); hint != "" {
		b.program.note("%s", hint)
	}
	return nil
}
