package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// replayPoll is how often a replay is looked at while it is waited for.
const replayPoll = 500 * time.Millisecond

// replayMaybeBegun explains an interruption that came before the answer.
func replayMaybeBegun(err error) error {
	if err != errInterrupted { //nolint:errorlint // a wrapped one has been explained
		return err
	}
	return errors.New("interrupted: the replay may have begun already\n  Next: `alphapulse replay list` shows it")
}

func replayOpen(status string) bool { return status == "planning" || status == "running" }

// followReplay calls seen for each look at a replay until it is over or ctx ends,
// and returns the last one, also with an error. It survives a restart of the API.
func (c *client) followReplay(
	ctx context.Context, id string, seen func(*controlv1.GetReplayResponse),
) (*controlv1.GetReplayResponse, error) {
	var last *controlv1.GetReplayResponse
	answered := time.Now()
	for {
		res, err := c.GetReplay(ctx, &controlv1.GetReplayRequest{Id: id})
		if err == nil {
			last, answered = res, time.Now()
			seen(res)
		}
		switch {
		case err == nil && !replayOpen(res.GetReplay().GetStatus()):
			return last, nil
		case ctx.Err() != nil:
			return last, context.Cause(ctx)
		case err != nil && (!passing(err) || time.Since(answered) > followPatience):
			return last, err
		}
		timer := time.NewTimer(replayPoll)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// await follows a replay to its end, and gives the exit code of how it went.
func (b *replayRun) await(ctx context.Context, c *client, r *controlv1.Replay) error {
	bar := b.program.replayProgress(b.asJSON)
	last, err := c.followReplay(ctx, r.GetId(), bar.show)
	bar.end()
	if last == nil {
		last = &controlv1.GetReplayResponse{Replay: r}
	}
	switch {
	case errors.Is(err, errInterrupted):
		return fmt.Errorf("interrupted: replay %s goes on\n  Next: `alphapulse replay show %[1]s --wait` follows it, "+
			"`alphapulse replay cancel %[1]s` ends it", r.GetId())
	case err != nil && !errors.Is(err, errPatience):
		return fmt.Errorf("following replay %s, which goes on: %w", r.GetId(), err)
	}
	if failed := b.shown(last); failed != nil {
		return failed
	}
	if err != nil {
		return &exitError{code: exitRunning, message: fmt.Sprintf(
			"replay %s is still running after %s; it goes on\n  Next: alphapulse replay show %[1]s --wait", r.GetId(), b.timeout)}
	}
	return exitOfReplay(last)
}

// exitOfReplay is how a replay that is over went.
func exitOfReplay(res *controlv1.GetReplayResponse) error {
	p := res.GetProgress()
	switch {
	case res.GetReplay().GetStatus() != "finished":
		return &exitError{code: exitFailed}
	case p.GetPartial()+p.GetFailed()+p.GetDead()+p.GetCancelled() > 0:
		return &exitError{code: exitPartial}
	default:
		return nil
	}
}

func (p *program) replayListCommand() *cobra.Command {
	request := &controlv1.ListReplaysRequest{}
	cmd := &cobra.Command{
		Use: "list", Short: "List replays, the latest first: who asked for what, and when", Args: noArguments,
		Long:    "List replays, the latest first: who asked for what, and when. They are kept for 30 days.\n\nWith --json: {replays: [" + replayHelp + "}]}",
		Example: "  alphapulse replay list\n  alphapulse replay list --limit 5 --json",
	}
	r := p.remote(cmd)
	cmd.Flags().Int32Var(&request.PageSize, "limit", 20, "how many, 1 to 500")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if request.GetPageSize() < 1 || request.GetPageSize() > 500 {
			return usageError("--limit must lie between 1 and 500")
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.ListReplays(ctx, request)
			if err != nil {
				return err
			}
			return r.listReplays(res)
		})
	}
	return cmd
}

func (p *program) replayShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show how far a replay is", Args: exactly(1, "the id of a replay, as `replay list` shows it"),
		Long: "Show how far a replay is; with --wait until it is over, with the exit codes of `replay --wait`.\n\nWith --json: " +
			replayHelp + ",\n" + replayProgressHelp,
		Example: "  alphapulse replay show 0191e8b4-…\n  alphapulse replay show 0191e8b4-… --wait --timeout 1h",
	}
	b := &replayRun{remote: p.remote(cmd)}
	cmd.Flags().BoolVar(&b.wait, "wait", false, "wait until it is done")
	cmd.Flags().DurationVar(&b.timeout, "timeout", 24*time.Hour, "how long to wait")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if b.timeout <= 0 {
			return usageError("--timeout must be positive")
		}
		c, err := b.connect()
		if err != nil {
			return err
		}
		ctx, end := interruptible(cmd.Context(), b.timeout)
		defer end()
		res, err := c.GetReplay(ctx, &controlv1.GetReplayRequest{Id: args[0], Groups: true})
		switch {
		case err != nil:
			return err
		case b.wait:
			return b.await(ctx, c, res.GetReplay())
		}
		return b.shown(res)
	}
	return cmd
}

func (p *program) replayCancelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "cancel ID", Short: "End a replay early", Args: exactly(1, "the id of a replay"),
		Long: "End a replay early: no further job is made, and those that are open are cancelled. What was stored stays.\n\n" +
			"With --json: as `replay show`.",
		Example: "  alphapulse replay cancel 0191e8b4-…",
	}
	b := &replayRun{remote: p.remote(cmd)}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return b.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.CancelReplay(ctx, &controlv1.CancelReplayRequest{Id: args[0]})
			if err != nil {
				return err
			}
			return b.shown(&controlv1.GetReplayResponse{Replay: res.GetReplay(), Progress: res.GetProgress()})
		})
	}
	return cmd
}
