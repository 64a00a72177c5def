package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// exitDrift is for a verification that found differences.
const exitDrift = exitPartial

// maxDrift is how many differences are fetched, and shown.
const (
	maxDrift   = 10000
	shownDrift = 200
)

// verifyRun is `alphapulse verify` and its flags.
type verifyRun struct {
	*remote
	types        string
	since, until dateFlag
	sample       float64
	repair       bool
	timeout      time.Duration

	exchange string // of the account
}

func (p *program) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify NAME", GroupID: "use", Short: "Compare what is stored with the exchange, row by row",
		Long: `Compare what is stored with the exchange, row by row: read the exchange again and list each row that differs, with
the column, what is stored and what the exchange says. A row that changed at the exchange since the last sync is no
drift; such rows are counted as moved on. Columns that follow the market are not compared. It changes no data.

--repair starts a run that mends what was found, waits for it, and verifies again.

DATE is ` + dateHelp + `; --since, --until and
--sample concern histories, which are compared as far as they are covered.

With --json: {run_id, status, repair_run_id, verified_again_run_id, compared, moved, drifted, drift: [{data_type, scope, row_key, kind,
column, stored, exchange}], scopes: [{data_type, scope, windows, compared, moved, drifted}]}
  kind: changed, missing (the exchange has the row, the table does not), extra (the other way round)
  after --repair the figures are those of the last verification

Exit: 0 no drift, or repaired and verified again; 3 drift found; 4 not everything could be compared; 5 still running
at the timeout; 2 wrong use, 1 anything else.`,
		Example: `  alphapulse verify main
  alphapulse verify main --type fills --since 2025-01-01 --sample 0.1
  alphapulse verify main --repair --json`,
		Args: accountArgument(),
	}
	v := &verifyRun{remote: p.remote(cmd)}
	flags := cmd.Flags()
	flags.StringVar(&v.types, "type", "", "data types, separated by commas, or all: "+syncjob.JoinTypes(verifiable())+
		" (default all of these)")
	flags.Var(&v.since, "since", "of histories: from when on (default from where they are covered)")
	flags.Var(&v.until, "until", "of histories: until when (default to where they are covered)")
	flags.Float64Var(&v.sample, "sample", 1, "of histories: the share of the windows that is read, such as 0.1")
	flags.BoolVar(&v.repair, "repair", false, "mend what differs, and verify again")
	flags.DurationVar(&v.timeout, "timeout", 30*time.Minute, "how long to wait")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return v.run(cmd.Context(), args[0]) }
	return cmd
}

// verifiable lists the types that can be compared: what an account holds, and its
// histories. Prices and candles change under the comparison.
func verifiable() []syncjob.DataType {
	var types []syncjob.DataType
	for _, t := range syncjob.Requestable() {
		if !t.Shared() {
			types = append(types, t)
		}
	}
	return types
}

func (v *verifyRun) request(name string) (*controlv1.StartVerifyRequest, error) {
	switch {
	case !(v.sample > 0 && v.sample <= 1):
		return nil, usageError("--sample must be above 0 and at most 1: it is the share of the windows that is read")
	case v.timeout <= 0:
		return nil, usageError("--timeout must be positive")
	}
	request := &controlv1.StartVerifyRequest{
		Account: name, Since: v.since.stamp(), Until: v.until.stamp(), Sample: v.sample,
	}
	if v.types != "" {
		types, err := syncjob.ParseTypes(v.types)
		if err != nil {
			return nil, usageError("--type: %v", err)
		}
		for _, t := range types {
			switch {
			case !t.Shared():
				request.Types = append(request.Types, string(t))
			case v.types != "all":
				return nil, usageError("--type: %s cannot be verified: those that can are %s", t, syncjob.JoinTypes(verifiable()))
			}
		}
	}
	return request, checkSpan(&v.since, &v.until)
}

func (v *verifyRun) run(ctx context.Context, name string) error {
	request, err := v.request(name)
	if err != nil {
		return err
	}
	c, err := v.connect()
	if err != nil {
		return err
	}
	ctx, end := interruptible(ctx, v.timeout)
	defer end()
	if v.exchange, err = c.exchangeOf(ctx, name); err != nil {
		return err
	}
	found, err := v.verify(ctx, c, request)
	if err != nil {
		return v.unfinished(err)
	}
	result := verifyResult{first: found, last: found}
	if v.repair && found.told.GetDriftTotal() > 0 {
		if !v.asJSON {
			v.printFound(found)
		}
		if result, err = v.mend(ctx, c, request, found); err != nil {
			return v.unfinished(err)
		}
	}
	return v.report(name, result)
}

// foundDrift is a verification that is over.
type foundDrift struct {
	run  *controlv1.Run
	told *controlv1.GetVerificationResponse
}

// verifyResult is a verification, and, if it was asked for and needed, the repair
// and the verification after it.
type verifyResult struct {
	first, last foundDrift
	repair      *controlv1.Run
}

// waitEnded is a wait that was over before the run.
type waitEnded struct {
	cause error
	runID string
}

func (w *waitEnded) Error() string { return "waiting for run " + w.runID + ": " + w.cause.Error() }
func (w *waitEnded) Unwrap() error { return w.cause }

// verify starts a verification and waits for its end.
func (v *verifyRun) verify(ctx context.Context, c *client, request *controlv1.StartVerifyRequest) (foundDrift, error) {
	started, err := c.StartVerify(ctx, request)
	if err != nil {
		return foundDrift{}, err
	}
	run, err := v.follow(ctx, c, started.GetRun())
	if err != nil {
		return foundDrift{}, err
	}
	told, err := c.GetVerification(ctx, &controlv1.GetVerificationRequest{RunId: run.GetId(), Limit: maxDrift})
	return foundDrift{run, told}, err
}

func (v *verifyRun) follow(ctx context.Context, c *client, run *controlv1.Run) (*controlv1.Run, error) {
	bar := v.program.historyProgress(v.asJSON, v.exchange)
	defer bar.end()
	last, err := c.followTotals(ctx, run.GetId(), bar.show)
	if err != nil {
		return nil, &waitEnded{err, run.GetId()}
	}
	return last, nil
}

// mend repairs what was found and verifies again.
func (v *verifyRun) mend(
	ctx context.Context, c *client, request *controlv1.StartVerifyRequest, found foundDrift,
) (verifyResult, error) {
	result := verifyResult{first: found, last: found}
	started, err := c.StartRepair(ctx, &controlv1.StartRepairRequest{
		Account: request.GetAccount(), VerifyRunId: found.run.GetId(),
	})
	if err != nil || started.GetRun() == nil {
		return result, err
	}
	if !v.asJSON {
		v.program.note("Run %s repairs it.", started.GetRun().GetId())
	}
	if result.repair, err = v.follow(ctx, c, started.GetRun()); err != nil {
		return result, err
	}
	again := &controlv1.StartVerifyRequest{
		Account: request.GetAccount(), Types: request.GetTypes(), Since: request.GetSince(), Until: request.GetUntil(),
		Sample: 1, // another sample would miss what was mended
	}
	result.last, err = v.verify(ctx, c, again)
	return result, err
}

// unfinished tells of a wait that ended before its run.
func (v *verifyRun) unfinished(err error) error {
	var ended *waitEnded
	if !errors.As(err, &ended) {
		return err
	}
	next := fmt.Sprintf("\n  Next: alphapulse runs show %s --watch", ended.runID)
	switch {
	case errors.Is(err, errPatience):
		if v.asJSON {
			if err := v.program.writeJSON(verifyView{RunID: ended.runID, Status: runRunning, Drift: []driftView{}, Scopes: []verifiedView{}}); err != nil {
				return err
			}
		}
		return &exitError{code: exitRunning, message: fmt.Sprintf("run %s is still running after %s; it goes on%s",
			ended.runID, v.timeout, next)}
	case errors.Is(err, errInterrupted):
		return fmt.Errorf("interrupted: run %s goes on%s", ended.runID, next)
	default:
		return fmt.Errorf("following run %s, which goes on: %w", ended.runID, ended.cause)
	}
}

// report prints the result; the error is the exit code.
func (v *verifyRun) report(name string, result verifyResult) error {
	if v.asJSON {
		if err := v.program.writeJSON(viewVerify(result)); err != nil {
			return err
		}
	} else {
		v.printResult(name, result)
	}
	switch {
	case result.last.told.GetDriftTotal() > 0:
		return &exitError{code: exitDrift}
	case result.last.run.GetStatus() != "succeeded":
		return &exitError{code: exitFailed}
	}
	return nil
}
