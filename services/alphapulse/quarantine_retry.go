package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// retryRows is `alphapulse quarantine retry` and its flags.
type retryRows struct {
	*remote
	rows    chosenRows
	timeout time.Duration
}

func (p *program) quarantineRetryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "retry ID… | --all", Short: "Try to understand rows again, from their stored payloads",
		Long: `Try to understand rows again, from their stored payloads: workers read them as they would read them from the
exchange, which is not asked. A row that is understood now is stored and leaves the quarantine. The command waits
for the end.

With --json: {rows, understood, runs: [{run_id, account, status}]}
Exit: 0 all rows are understood now, 3 some are not, 4 a run failed, 5 still running at the timeout; 2 wrong use,
1 anything else.`,
		Example: "  alphapulse quarantine retry 17 18\n  alphapulse quarantine retry --all",
		Args:    cobra.ArbitraryArgs,
	}
	q := &retryRows{remote: p.remote(cmd)}
	cmd.Flags().BoolVar(&q.rows.all, "all", false, "all rows in quarantine")
	cmd.Flags().DurationVar(&q.timeout, "timeout", 5*time.Minute, "how long to wait")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := q.rows.read(cmd, args); err != nil {
			return err
		}
		if q.timeout <= 0 {
			return usageError("--timeout must be positive")
		}
		return q.run(cmd.Context())
	}
	return cmd
}

func (q *retryRows) run(ctx context.Context) error {
	c, err := q.connect()
	if err != nil {
		return err
	}
	ctx, end := interruptible(ctx, q.timeout)
	defer end()
	started, err := c.RetryQuarantine(ctx, &controlv1.RetryQuarantineRequest{Ids: q.rows.ids, All: q.rows.all})
	if err != nil {
		return err
	}
	var ended []*controlv1.Run
	for _, run := range started.GetRuns() {
		last, err := c.followTotals(ctx, run.GetId(), func(*controlv1.Run) {})
		switch {
		case errors.Is(err, errPatience), errors.Is(err, errInterrupted):
			return &exitError{code: exitRunning, message: fmt.Sprintf(
				"run %s is still running; it goes on\n  Next: alphapulse runs show %[1]s --watch", run.GetId())}
		case err != nil:
			return fmt.Errorf("following run %s, which goes on: %w", run.GetId(), err)
		}
		ended = append(ended, last)
	}
	return q.report(ctx, c, started, ended)
}

// report tells how many rows are understood now: those that have left.
func (q *retryRows) report(
	ctx context.Context, c *client, started *controlv1.RetryQuarantineResponse, ended []*controlv1.Run,
) error {
	left, err := q.left(ctx, c)
	if err != nil {
		return err
	}
	understood := max(started.GetRows()-left, 0)
	view := retryView{Rows: started.GetRows(), Understood: understood, Runs: []retryRunView{}}
	failed := false
	for _, run := range ended {
		view.Runs = append(view.Runs, retryRunView{run.GetId(), run.GetAccount(), run.GetStatus()})
		failed = failed || run.GetStatus() != "succeeded" && run.GetStatus() != "partial"
	}
	switch {
	case q.asJSON:
		if err := q.program.writeJSON(view); err != nil {
			return err
		}
	case started.GetRows() == 0:
		q.program.say("There is nothing in quarantine.")
	default:
		q.program.say("%s of %s understood now.", count(understood), number(int(started.GetRows()), "row"))
		for _, run := range ended {
			if run.GetStatus() != "succeeded" {
				q.program.say("Run %s: %s (alphapulse runs show %[1]s)", run.GetId(), run.GetStatus())
			}
		}
	}
	switch {
	case failed:
		return &exitError{code: exitFailed}
	case left > 0:
		return &exitError{code: exitPartial}
	}
	return nil
}

// left counts the rows of this call that are still in quarantine.
func (q *retryRows) left(ctx context.Context, c *client) (int64, error) {
	if q.rows.all {
		res, err := c.ListQuarantine(ctx, &controlv1.ListQuarantineRequest{Limit: 1})
		return res.GetTotal(), err
	}
	var left int64
	for _, id := range q.rows.ids {
		_, err := c.GetQuarantined(ctx, &controlv1.GetQuarantinedRequest{Id: id})
		var told *apiError
		switch {
		case err == nil:
			left++
		case !errors.As(err, &told) || told.problem.GetClass() != "not_found":
			return left, err
		}
	}
	return left, nil
}

// retryView is what `quarantine retry --json` prints.
type retryView struct {
	Rows       int64          `json:"rows"`
	Understood int64          `json:"understood"`
	Runs       []retryRunView `json:"runs"`
}

type retryRunView struct {
	RunID   string `json:"run_id"`
	Account string `json:"account"`
	Status  string `json:"status"`
}

func (p *program) quarantineDropCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "drop ID… | --all", Short: "Forget rows",
		Long: "Forget rows in quarantine and their payloads. A row that comes again is kept again. What was not stored " +
			"because of\nthem stays unstored.\n\nWith --json: {rows}",
		Example: "  alphapulse quarantine drop 17\n  alphapulse quarantine drop --all",
		Args:    cobra.ArbitraryArgs,
	}
	r, rows := p.remote(cmd), &chosenRows{}
	cmd.Flags().BoolVar(&rows.all, "all", false, "all rows in quarantine")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := rows.read(cmd, args); err != nil {
			return err
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.DropQuarantine(ctx, &controlv1.DropQuarantineRequest{Ids: rows.ids, All: rows.all})
			if err != nil {
				return err
			}
			if r.asJSON {
				return p.writeJSON(struct {
					Rows int64 `json:"rows"`
				}{res.GetRows()})
			}
			p.say("%s dropped.", number(int(res.GetRows()), "row"))
			return nil
		})
	}
	return cmd
}
