package main

import (
	"context"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

const decisionHelp = `decisions: [{job_id, account, data_type, action, reason, replacement_job_id}]`

// chosenDead are the dead letters that a command is about.
type chosenDead struct {
	filters     deadFilters
	all, dryRun bool
	note        string
}

func (s *chosenDead) add(cmd *cobra.Command) {
	s.filters.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&s.all, "all", false, "all that nobody has dealt with")
	flags.BoolVar(&s.dryRun, "dry-run", false, "tell what would be done, and do nothing")
	flags.StringVar(&s.note, "note", "", "why, for those who look at it later")
}

func (s *chosenDead) selection(cmd *cobra.Command, args []string) (*controlv1.DeadSelection, error) {
	given := 0
	for _, way := range []bool{len(args) > 0, s.all, s.filters.any()} {
		if way {
			given++
		}
	}
	if given != 1 {
		return nil, usageError("`%s` takes ids of dead jobs, or filters, or --all: one of these three\nSee `%[1]s --help`.",
			cmd.CommandPath())
	}
	return &controlv1.DeadSelection{
		JobIds: args, ErrorClass: s.filters.class, Account: s.filters.account, DataType: s.filters.dataType,
		Since: s.filters.since.stamp(), All: s.all,
	}, nil
}

func (p *program) deadRequeueCommand() *cobra.Command {
	var chosen chosenDead
	cmd := &cobra.Command{
		Use: "requeue JOB… | --class C --account A --type T --since DATE | --all", Short: "Have the work of dead jobs done after all",
		Long: `Have the work of dead jobs done after all: each gets a new job with the same window, parameters and lane, in a new
run for each account or market. Readings of what is now are made once for all letters that ask for the same one. A
letter is requeued once, unless its new job was cancelled or failed; one that dies again is a letter of its own.

With --json: {` + decisionHelp + `, runs: [{run_id, account, jobs_total}], remaining}
  action: requeue; join (one new job does this and another letter's work); refuse (reason says why)
Exit: 0 something was or would be requeued, or nothing was chosen; 1 all that was chosen was refused.`,
		Example: `  alphapulse dead requeue --all --dry-run
  alphapulse dead requeue --class transient --account main --note "the exchange is back"
  alphapulse dead requeue 0191e8b4-… 0191e8b5-…`,
		Args: cobra.ArbitraryArgs,
	}
	r := p.remote(cmd)
	chosen.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		selection, err := chosen.selection(cmd, args)
		if err != nil {
			return err
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.RequeueDead(ctx, &controlv1.RequeueDeadRequest{
				Selection: selection, DryRun: chosen.dryRun, Note: chosen.note,
			})
			if err != nil {
				return maybeBegun(err)
			}
			return r.requeued(res, chosen.dryRun)
		})
	}
	return cmd
}

func (p *program) deadDiscardCommand() *cobra.Command {
	var chosen chosenDead
	cmd := &cobra.Command{
		Use: "discard JOB… | --class C --account A --type T --since DATE | --all", Short: "Mark dead letters as dealt with",
		Long: `Mark dead letters as dealt with: they leave the list, and stay where ` + "`dead list --resolved`" + ` and ` + "`dead show`" + ` find
them. ` + "`dead requeue JOB`" + ` takes a discard back.

With --json: {` + decisionHelp + `, remaining}
  action: discard; refuse (reason says why)
Exit: 0 something was or would be discarded, or nothing was chosen; 1 all that was chosen was refused.`,
		Example: `  alphapulse dead discard --class deadline --since 2025-01-31 --dry-run
  alphapulse dead discard 0191e8b4-… --note "the account is gone"`,
		Args: cobra.ArbitraryArgs,
	}
	r := p.remote(cmd)
	chosen.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		selection, err := chosen.selection(cmd, args)
		if err != nil {
			return err
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.DiscardDead(ctx, &controlv1.DiscardDeadRequest{
				Selection: selection, DryRun: chosen.dryRun, Note: chosen.note,
			})
			if err != nil {
				return err
			}
			return r.discarded(res, chosen.dryRun)
		})
	}
	return cmd
}
