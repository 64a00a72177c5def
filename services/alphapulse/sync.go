package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Exit codes of commands that wait for a run.
const (
	exitPartial = 3
	exitFailed  = 4
	exitRunning = 5
)

// syncRun is `alphapulse sync` and its flags.
type syncRun struct {
	*remote
	types   string
	wait    bool
	dryRun  bool
	timeout time.Duration
}

func (p *program) syncCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sync NAME", GroupID: "use", Short: "Synchronize an account now",
		Long: `Synchronize an account now: start a run, or join one that has read nothing yet, so that no data is older than
the call. Without --wait the run's id is printed and the command returns. An account that was just added is
waited for until its key has been probed.

With --json: {run_id, status, jobs: [{data_type, status, rows_changed, error_class, error_message}]}
  status of the run: running, succeeded, partial, failed, cancelled, expired; planned with --dry-run
  status of a job: queued, running, waiting, succeeded, partial, failed, dead, skipped, cancelled; planned

Exit with --wait: 0 succeeded, 3 partial, 4 failed, expired or cancelled, 5 still running at the timeout;
2 wrong use, 1 anything else. Without --wait 0 says that the run is there.`,
		Example: `  alphapulse sync main
  alphapulse sync main --type balances,orders --wait
  alphapulse sync main --type all,fills,ledger --wait
  alphapulse sync main --wait --timeout 1m --json`,
		Args: accountArgument(),
	}
	s := &syncRun{remote: p.remote(cmd)}
	flags := cmd.Flags()
	flags.StringVar(&s.types, "type", "all", "data types, separated by commas: "+
		syncjob.JoinTypes(syncjob.Requestable())+"; all stands for "+syncjob.JoinTypes(syncjob.All()))
	flags.BoolVar(&s.wait, "wait", false, "wait until the run is over")
	flags.DurationVar(&s.timeout, "timeout", 5*time.Minute, "how long to wait")
	flags.BoolVar(&s.dryRun, "dry-run", false, "tell what would be done and do nothing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return s.run(cmd.Context(), args[0]) }
	return cmd
}

func (s *syncRun) run(ctx context.Context, name string) error {
	types, err := syncjob.ParseTypes(s.types)
	if err != nil {
		return usageError("--type: %v", err)
	}
	if s.timeout <= 0 {
		return usageError("--timeout must be positive")
	}
	c, err := s.connect()
	if err != nil {
		return err
	}
	ctx, end := interruptible(ctx, s.timeout)
	defer end()
	request := &controlv1.StartSyncRequest{Account: name, DryRun: s.dryRun}
	for _, t := range types {
		request.Types = append(request.Types, string(t))
	}
	if s.dryRun {
		return s.preview(ctx, c, request)
	}
	started, err := s.start(ctx, c, request)
	if err != nil {
		return maybeBegun(err)
	}
	if !s.wait {
		return s.begun(started)
	}
	return s.await(ctx, c, started)
}

func (s *syncRun) preview(ctx context.Context, c *client, request *controlv1.StartSyncRequest) error {
	told, err := c.StartSync(ctx, request)
	if err != nil {
		return err
	}
	if s.asJSON {
		view := syncView{Status: "planned", Jobs: []syncJobView{}}
		if told.GetAction() == "join" {
			view.RunID = told.GetRun().GetId()
		}
		for _, t := range told.GetTypes() {
			view.Jobs = append(view.Jobs, syncJobView{DataType: t, Status: "planned"})
		}
		return s.program.writeJSON(view)
	}
	s.program.say("Nothing was started. `alphapulse sync %s` would %s, for %s.", request.GetAccount(),
		intent(told), strings.Join(told.GetTypes(), ", "))
	return nil
}

func intent(told *controlv1.StartSyncResponse) string {
	switch told.GetAction() {
	case "join":
		return "join run " + told.GetRun().GetId() + ", which has read nothing yet"
	case "follow":
		return "start a run when run " + told.GetRun().GetId() + " has ended"
	default:
		return "start a run"
	}
}

// start starts the run. Of an account that is pending it first waits for the
// probe that is under way.
func (s *syncRun) start(
	ctx context.Context, c *client, request *controlv1.StartSyncRequest,
) (*controlv1.StartSyncResponse, error) {
	const probes = 3 // each may be replaced by a newer one
	for try := 0; ; try++ {
		started, err := c.StartSync(ctx, request)
		var told *apiError
		if err == nil || try == probes || !errors.As(err, &told) || told.problem.GetReason() != "account_pending" ||
			told.problem.GetRunId() == "" {
			return started, err
		}
		if !s.asJSON {
			s.program.note("Waiting for the probe of the account's key …")
		}
		probe, err := c.follow(ctx, told.problem.GetRunId(), func(*controlv1.Run) {})
		if errors.Is(err, errPatience) {
			return nil, s.unended(probe, told.problem.GetRunId())
		}
		if err != nil {
			return nil, s.stopped(err, told.problem.GetRunId())
		}
	}
}

// begun tells of a run that is not waited for.
func (s *syncRun) begun(started *controlv1.StartSyncResponse) error {
	run := started.GetRun()
	if s.asJSON {
		return s.program.writeJSON(viewSync(run))
	}
	switch started.GetAction() {
	case "join":
		s.program.say("Joined run %s, which had read nothing yet.", run.GetId())
	case "follow":
		s.program.say("Run %s starts when run %s has ended.", run.GetId(), run.GetFollows())
	default:
		s.program.say("Run %s has started.", run.GetId())
	}
	s.program.say("Follow it: alphapulse runs show %s --watch", run.GetId())
	return nil
}

// await waits for a run and gives the exit code of its status.
func (s *syncRun) await(ctx context.Context, c *client, started *controlv1.StartSyncResponse) error {
	id := started.GetRun().GetId()
	bar := s.program.progressOf(s.asJSON)
	run, err := c.follow(ctx, id, bar.show)
	bar.end()
	if run == nil {
		run = started.GetRun()
	}
	switch {
	case errors.Is(err, errPatience):
		return s.unended(run, id)
	case err != nil:
		return s.stopped(err, id)
	}
	if err := s.print(run); err != nil {
		return err
	}
	return exitOf(run)
}

// print shows a run that is over, or is not waited for any longer.
func (s *syncRun) print(run *controlv1.Run) error {
	if s.asJSON {
		return s.program.writeJSON(viewSync(run))
	}
	if err := s.program.printJobs(run); err != nil {
		return err
	}
	line := fmt.Sprintf("Run %s: %s", run.GetId(), run.GetStatus())
	if t := took(run); t != "" {
		line += fmt.Sprintf(" in %s, %s rows changed", t, count(run.GetRowsChanged()))
	}
	s.program.say("%s.", line)
	if hint := refusedKeyHint(run); hint != "" {
		s.program.note("%s", hint)
	}
	return nil
}

// refusedKeyHint says what to do when the exchange refused an account's key.
func refusedKeyHint(run *controlv1.Run) string {
	refused := slices.ContainsFunc(run.GetJobs(), func(j *controlv1.Job) bool {
		return j.GetErrorClass() == "auth" && !isOpen(j.GetStatus())
	})
	refused = refused || slices.ContainsFunc(run.GetTotals(), func(t *controlv1.TypeTotals) bool {
		return t.GetErrorClass() == "auth" && t.GetFailed() > 0
	})
	if refused {
		return fmt.Sprintf("The exchange refused the key. Next: `alphapulse accounts set-key %s`, or, once the key is "+
			"mended at the exchange, `alphapulse accounts resume %[1]s`.", orDash(run.GetAccount()))
	}
	return ""
}

// exitOf gives the exit code of a run that is over.
func exitOf(run *controlv1.Run) error {
	switch run.GetStatus() {
	case "succeeded":
		return nil
	case "partial":
		return &exitError{code: exitPartial}
	case runRunning:
		return &exitError{code: exitRunning}
	default:
		return &exitError{code: exitFailed}
	}
}

// unended is for a run that is still open at the timeout.
func (s *syncRun) unended(run *controlv1.Run, id string) error {
	if run == nil {
		run = &controlv1.Run{Id: id, Status: runRunning}
	}
	if err := s.print(run); err != nil {
		return err
	}
	return &exitError{code: exitRunning, message: fmt.Sprintf(
		"run %s is still running after %s; it goes on\n  Next: alphapulse runs show %[1]s --watch", id, s.timeout)}
}

// stopped is for a wait that ended before the run.
func (s *syncRun) stopped(err error, id string) error {
	if errors.Is(err, errInterrupted) {
		return fmt.Errorf("interrupted: run %s goes on\n  Next: `alphapulse runs show %[1]s --watch` follows it, "+
			"`alphapulse runs cancel %[1]s` ends it", id)
	}
	return fmt.Errorf("following run %s, which goes on: %w", id, err)
}

// syncView is what `sync --json` prints; users rely on it.
type syncView struct {
	RunID  string        `json:"run_id"`
	Status string        `json:"status"`
	Jobs   []syncJobView `json:"jobs"`
}

type syncJobView struct {
	DataType     string `json:"data_type"`
	Status       string `json:"status"`
	RowsChanged  int64  `json:"rows_changed"`
	ErrorClass   string `json:"error_class"`
	ErrorMessage string `json:"error_message"`
}

func viewSync(run *controlv1.Run) syncView {
	view := syncView{RunID: run.GetId(), Status: run.GetStatus(), Jobs: []syncJobView{}}
	for _, job := range run.GetJobs() {
		message := job.GetErrorMessage()
		if message == "" && job.GetStatus() == "cancelled" {
			message = cancels(job.GetCancelReason())
		}
		view.Jobs = append(view.Jobs, syncJobView{
			DataType: job.GetDataType(), Status: job.GetStatus(), RowsChanged: job.GetRowsChanged(),
			ErrorClass: job.GetErrorClass(), ErrorMessage: message,
		})
	}
	return view
}
