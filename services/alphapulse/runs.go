package main

import (
	"strings"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

const runHelp = `{id, account, subject_kind, subject_id, trigger, status, requested_types, follows, jobs_total,
jobs_succeeded, jobs_partial, jobs_failed, jobs_dead, jobs_skipped, jobs_cancelled, rows_changed, created_at,
started_at, deadline_at, finished_at`

const jobHelp = `jobs: [{id, data_type, lane, status, wait_reason, cancel_reason, attempt, max_attempts, owner, error_class,
error_code, error_message, rows_fetched, rows_changed, rows_deleted, exchange_requests, as_of, next_at, queued_at,
started_at, finished_at, window: [from, to] or null}],
totals: [{data_type, status, jobs, jobs_done, window: [from, to] or null, rows_fetched, rows_changed, rows_deleted,
exchange_requests, first_started_at, last_finished_at, error_class, error_message}]}`

// runsCommand is `alphapulse runs`.
func (p *program) runsCommand() *cobra.Command {
	return group("runs", "List runs, show one with its jobs, cancel one", "List runs, show one with its jobs, cancel one.",
		p.runsListCommand(), p.runsShowCommand(), p.runsCancelCommand())
}

func (p *program) runsListCommand() *cobra.Command {
	request := &controlv1.ListRunsRequest{}
	cmd := &cobra.Command{
		Use: "list", Short: "List runs, newest first", Args: noArguments,
		Long: "List runs, newest first. They are kept for 30 days.\n\nWith --json: {runs: [" + runHelp +
			"}], next_page_token}",
		Example: "  alphapulse runs list\n  alphapulse runs list --account main --status partial --limit 10",
	}
	r := p.remote(cmd)
	flags := cmd.Flags()
	flags.StringVar(&request.Account, "account", "", "only runs of this account")
	flags.StringVar(&request.Status, "status", "", "only runs of this status: running, succeeded, partial, failed, cancelled, expired")
	flags.StringVar(&request.Trigger, "trigger", "", "only runs of this trigger: schedule, manual, initial, backfill, verify, probe, …")
	flags.Int32Var(&request.PageSize, "limit", 20, "how many, 1 to 500")
	flags.StringVar(&request.PageToken, "page", "", "go on where a list ended: its next_page_token")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if request.GetPageSize() < 1 || request.GetPageSize() > 500 {
			return usageError("--limit must lie between 1 and 500")
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		ctx, end := interruptible(cmd.Context(), 0)
		defer end()
		res, err := c.ListRuns(ctx, request)
		if err != nil {
			return err
		}
		return r.listRuns(res)
	}
	return cmd
}

func (r *remote) listRuns(res *controlv1.ListRunsResponse) error {
	p := r.program
	if r.asJSON {
		views := []runView{}
		for _, run := range res.GetRuns() {
			views = append(views, viewRun(run))
		}
		return p.writeJSON(struct {
			Runs []runView `json:"runs"`
			Next string    `json:"next_page_token"`
		}{views, res.GetNextPageToken()})
	}
	if len(res.GetRuns()) == 0 {
		p.say("There are no such runs.")
		return nil
	}
	t := newTable(p.stdout, "RUN", "OF", "TRIGGER", "STATUS", "TYPES", "CHANGED", "CREATED", "TOOK")
	for _, run := range res.GetRuns() {
		t.row(run.GetId(), of(run), run.GetTrigger(), run.GetStatus(), strings.Join(run.GetRequestedTypes(), ","),
			count(run.GetRowsChanged()), moment(run.GetCreatedAt()), orDash(took(run)))
	}
	if err := t.end(); err != nil {
		return err
	}
	if next := res.GetNextPageToken(); next != "" {
		p.say("There are more: --page %s", next)
	}
	return nil
}

// of is whom a run is about.
func of(run *controlv1.Run) string {
	if run.GetSubjectKind() == "market" {
		return "market"
	}
	return run.GetAccount()
}

func (p *program) runsCancelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "cancel ID", Short: "End a run early", Args: exactly(1, "the id of a run"),
		Long:    "End a run early: its open jobs are cancelled, and what they have not stored is not stored.\n\nWith --json: as `runs show`.",
		Example: "  alphapulse runs cancel 0191e8b4-…",
	}
	r := p.remote(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := r.connect()
		if err != nil {
			return err
		}
		ctx, end := interruptible(cmd.Context(), 0)
		defer end()
		res, err := c.CancelRun(ctx, &controlv1.CancelRunRequest{Id: args[0]})
		switch {
		case err != nil:
			return err
		case r.asJSON:
			return p.writeJSON(viewRun(res.GetRun()))
		}
		return p.printRun(res.GetRun(), false)
	}
	return cmd
}
