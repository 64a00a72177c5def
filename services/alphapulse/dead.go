package main

import (
	"context"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const letterHelp = `{job_id, run_id, account, exchange, environment, data_type, lane, trigger, attempts, max_attempts,
error_class, error_code, error_message, window: [from, to] or null, queued_at, started_at, died_at, announced_at,
replay_of, resolution: {resolution, replacement_job_id, replacement_status, resolved_by, resolved_at, note, settled} or null`

// deadCommand is `alphapulse dead`.
func (p *program) deadCommand() *cobra.Command {
	return group("dead", "Look at jobs whose attempts ran out, requeue them, discard them",
		"Look at dead letters: jobs whose attempts ran out and that no schedule repeats. A dead job never runs again; its\n"+
			"work is done by a new one. They are kept for 30 days, as runs are.",
		p.deadListCommand(), p.deadShowCommand(), p.deadRequeueCommand(), p.deadDiscardCommand())
}

// deadFilters are the flags that choose dead letters.
type deadFilters struct {
	class, account, dataType string
	since                    dateFlag
}

func (f *deadFilters) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.class, "class", "", "only of this error class: transient, lost, internal, deadline, …")
	flags.StringVar(&f.account, "account", "", "only of this account")
	flags.StringVar(&f.dataType, "type", "", "only of this data type: "+syncjob.JoinTypes(syncjob.Known()))
	flags.Var(&f.since, "since", "only those that died at this time or later")
}

func (f *deadFilters) any() bool {
	return f.class != "" || f.account != "" || f.dataType != "" || !f.since.at.IsZero()
}

func (p *program) deadListCommand() *cobra.Command {
	request := &controlv1.ListDeadRequest{}
	var filters deadFilters
	var check, announce bool
	cmd := &cobra.Command{
		Use: "list", Short: "List dead letters, the latest first", Args: noArguments,
		Long: `List dead letters that nobody has dealt with, the latest first. SINCE is ` + dateHelp + `.

With --check it compares the table with the stream SYNC_DEAD instead, which holds an obituary of each dead job; with
--announce too, those that are missing in the stream are announced again.

With --json: {letters: [` + letterHelp + `}], total, next_page_token}
With --check --json: {in_table, in_stream, missing: [job_id], unannounced, unknown: [job_id], put_back}
Exit with --check: 0 they agree, 1 obituaries are missing.`,
		Example: `  alphapulse dead list
  alphapulse dead list --class transient --account main --type orders --since 2025-01-31
  alphapulse dead list --check --announce`,
	}
	r := p.remote(cmd)
	filters.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&request.Resolved, "resolved", false, "also those that were requeued or discarded")
	flags.Int32Var(&request.PageSize, "limit", 50, "how many, 1 to 500")
	flags.StringVar(&request.PageToken, "page", "", "go on where a list ended: its next_page_token")
	flags.BoolVar(&check, "check", false, "compare the table with the stream SYNC_DEAD")
	flags.BoolVar(&announce, "announce", false, "with --check: have missing obituaries announced again")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case request.GetPageSize() < 1 || request.GetPageSize() > 500:
			return usageError("--limit must lie between 1 and 500")
		case announce && !check:
			return usageError("--announce goes with --check")
		}
		request.ErrorClass, request.Account, request.DataType = filters.class, filters.account, filters.dataType
		request.Since = filters.since.stamp()
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			if check {
				found, err := c.CheckDead(ctx, &controlv1.CheckDeadRequest{Announce: announce})
				if err != nil {
					return err
				}
				return r.checkedDead(found)
			}
			res, err := c.ListDead(ctx, request)
			if err != nil {
				return err
			}
			return r.listDead(res)
		})
	}
	return cmd
}

func (p *program) deadShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show JOB", Short: "Show a dead letter with every attempt and what it would read",
		Args: exactly(1, "the id of a dead job, as `dead list` shows it"),
		Long: `Show a dead letter: every attempt with its error, what the job would read (window, parameters, lane, trigger), what
of the exchange's answers was kept (secrets redacted), and what became of it.

With --json: ` + letterHelp + `,
attempt_errors: [{attempt, owner, started_at, ended_at, error_class, error_code, error_message}], params,
payloads: [{scope, error_class, error_message, payload, at}]}`,
		Example: "  alphapulse dead show 0191e8b4-…\n  alphapulse dead show 0191e8b4-… --json | jq '.attempt_errors'",
	}
	r := p.remote(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.GetDead(ctx, &controlv1.GetDeadRequest{JobId: args[0]})
			if err != nil {
				return err
			}
			return r.showDead(res)
		})
	}
	return cmd
}
