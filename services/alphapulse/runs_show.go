package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// showRuns is `alphapulse runs show` and its flags.
type showRuns struct {
	*remote
	watch, jobs bool
}

func (p *program) runsShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a run and its jobs", Args: exactly(1, "the id of a run"),
		Long: "Show a run and its jobs. Where a run has many, such as a backfill with a job for each window, they are added up\n" +
			"by data type; --jobs lists them all.\n\nWith --json: " + runHelp + ",\n" + jobHelp +
			"\nWith --watch --json: the run when it is over.",
		Example: "  alphapulse runs show 0191e8b4-… --watch\n  alphapulse runs show 0191e8b4-… --jobs",
	}
	s := &showRuns{remote: p.remote(cmd)}
	cmd.Flags().BoolVar(&s.watch, "watch", false, "follow the run until it is over")
	cmd.Flags().BoolVar(&s.jobs, "jobs", false, "list every job, however many there are")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.with(cmd.Context(), func(ctx context.Context, c *client) error { return s.show(ctx, c, args[0]) })
	}
	return cmd
}

func (s *showRuns) show(ctx context.Context, c *client, id string) error {
	res, err := c.GetRun(ctx, &controlv1.GetRunRequest{Id: id, TotalsOnly: true})
	if err != nil {
		return err
	}
	run := res.GetRun()
	if s.watch && run.GetStatus() == runRunning {
		if run, err = s.follow(ctx, c, run); err != nil {
			return err
		}
	}
	if s.asJSON || s.jobs || !crowded(run) {
		// Also after an interrupted watch: ctx is over then, and the answer is not.
		res, err := c.GetRun(context.WithoutCancel(ctx), &controlv1.GetRunRequest{Id: id})
		if err != nil {
			return err
		}
		run = res.GetRun()
	}
	if s.asJSON {
		return s.program.writeJSON(viewRun(run))
	}
	return s.program.printRun(run, s.jobs)
}

// follow shows how far a run is until it is over or a person interrupts it.
func (s *showRuns) follow(ctx context.Context, c *client, run *controlv1.Run) (*controlv1.Run, error) {
	var last *controlv1.Run
	var err error
	if crowded(run) {
		exchange := ""
		if run.GetAccount() != "" {
			if exchange, err = c.exchangeOf(ctx, run.GetAccount()); err != nil {
				return nil, err
			}
		}
		bar := s.program.historyProgress(s.asJSON, exchange)
		last, err = c.followTotals(ctx, run.GetId(), bar.show)
		bar.end()
	} else {
		bar := s.program.progressOf(s.asJSON)
		last, err = c.follow(ctx, run.GetId(), bar.show)
		bar.end()
	}
	if err != nil && !errors.Is(err, errInterrupted) {
		return nil, err
	}
	if last == nil {
		return run, nil
	}
	return last, nil
}

// printRun shows a run to a person; its jobs one by one if all are asked for or
// they are few.
func (p *program) printRun(run *controlv1.Run, all bool) error {
	p.say("Run %s of %s: %s", run.GetId(), of(run), run.GetStatus())
	p.say("  trigger   %s", run.GetTrigger())
	p.say("  created   %s", moment(run.GetCreatedAt()))
	switch {
	case run.GetStartedAt() == nil && run.GetStatus() == runRunning:
		p.say("  started   not yet: it waits for run %s", run.GetFollows())
	default:
		p.say("  started   %s", moment(run.GetStartedAt()))
	}
	if run.GetFinishedAt() != nil {
		p.say("  finished  %s (%s)", moment(run.GetFinishedAt()), orDash(took(run)))
	} else {
		p.say("  deadline  %s", moment(run.GetDeadlineAt()))
	}
	p.say("")
	if crowded(run) && !all {
		if err := p.printTotals(run); err != nil {
			return err
		}
		p.say("Each job: alphapulse runs show %s --jobs", run.GetId())
		return nil
	}
	return p.printJobs(run)
}
