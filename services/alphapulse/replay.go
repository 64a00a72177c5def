package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const replayHelp = `{replay_id, status, requested_by, note, filter: {since, until, account, types, exchange, status, run_id, from_seq,
to_seq}, rate, since, until, jobs_from_stream, jobs_from_tables, jobs_unknown, jobs_replayed, jobs_skipped, jobs_refused,
created_at, planned_at, finished_at`

const replayProgressHelp = `progress: {open, succeeded, partial, failed, dead, skipped, cancelled, rows_changed, exchange_requests} or null,
runs: [{run_id, account, status, jobs_total}], subjects: [{subject, account, from_stream, from_tables, replayed, skipped,
refused, refused_reasons}], stream_reaches_to}`

// replayRun is `alphapulse replay` and its flags.
type replayRun struct {
	*remote
	since, until             dateFlag
	account, types, exchange string
	status, run, sequence    string
	note                     string
	rate                     float64
	wait, dryRun             bool
	timeout                  time.Duration

	fromSequence, toSequence uint64 // of sequence
}

func (p *program) replayCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "replay", GroupID: "use", Short: "Do the readings of past jobs again, from the stream",
		Long: `Do the readings of past jobs again: those whose messages are in the stream SYNC_JOBS, and from the tables those that
the stream does not hold any more. Each gets a new job in a new run for each account or market, and reads the window
that the first one read. Readings of what is now are made once for each account and type; the jobs that this does for
too are counted as skipped. Newer data is never overwritten. Jobs that replays made are not replayed again unless their
run is named; probes, verifications and repairs never are.

It needs --since, --run or --seq. DATE is ` + dateHelp + `.

The schedulers drive a replay; it goes on when this command or the API ends, and where it was after a crash. Ctrl-C stops
the waiting; ` + "`replay cancel`" + ` ends the replay. Each is kept with who asked for what, and when: ` + "`replay list`" + `.

With --json: ` + replayHelp + `,
` + replayProgressHelp + `
  status: planning, running, finished, cancelled, failed; planned with --dry-run

Exit with --wait: 0 all new jobs ended well, 3 some did not, 4 none did, or it was cancelled, 5 still running at the
timeout; 2 wrong use, 1 anything else. Without --wait 0 says that the replay is there.`,
		Example: `  alphapulse replay --since 2025-01-31 --until 2025-02-01 --account main --type fills --dry-run
  alphapulse replay --since 2025-01-31T08:00:00Z --status failed --rate 20 --wait
  alphapulse replay --run 0191e8b4-… --note "rows were deleted"
  alphapulse replay --seq 1200-1800`,
		Args: noArguments,
	}
	b := &replayRun{remote: p.remote(cmd)}
	flags := cmd.Flags()
	flags.Var(&b.since, "since", "jobs that were on their way at this time or later")
	flags.Var(&b.until, "until", "and before this time (default now)")
	flags.StringVar(&b.account, "account", "", "only of this account (default all, and the markets)")
	flags.StringVar(&b.types, "type", "", "only of these data types, separated by commas: "+syncjob.JoinTypes(syncjob.Requestable()))
	flags.StringVar(&b.exchange, "exchange", "", "only of this exchange")
	flags.StringVar(&b.status, "status", "any", "only jobs that ended so: failed, dead, or any")
	flags.StringVar(&b.run, "run", "", "the jobs of this run")
	flags.StringVar(&b.sequence, "seq", "", "the jobs of this part of the stream, as in 1200-1800")
	flags.Float64Var(&b.rate, "rate", 100, "new jobs a second, at most")
	flags.StringVar(&b.note, "note", "", "why, for those who look at it later")
	flags.BoolVar(&b.dryRun, "dry-run", false, "tell what would be replayed, by subject, and do nothing")
	flags.BoolVar(&b.wait, "wait", false, "wait until it is done")
	flags.DurationVar(&b.timeout, "timeout", 24*time.Hour, "how long to wait")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return b.start(cmd.Context()) }
	cmd.AddCommand(p.replayListCommand(), p.replayShowCommand(), p.replayCancelCommand())
	return cmd
}

func (b *replayRun) request() (*controlv1.StartReplayRequest, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	filter := &controlv1.ReplayFilter{
		Since: b.since.stamp(), Until: b.until.stamp(), Account: b.account, Exchange: b.exchange, Status: b.status,
		RunId: b.run, FromSeq: b.fromSequence, ToSeq: b.toSequence,
	}
	if b.types != "" {
		types, err := syncjob.ParseTypes(b.types)
		if err != nil {
			return nil, usageError("--type: %v", err)
		}
		for _, t := range types {
			filter.Types = append(filter.Types, string(t))
		}
	}
	return &controlv1.StartReplayRequest{Filter: filter, Rate: b.rate, Note: b.note, DryRun: b.dryRun}, nil
}

func (b *replayRun) check() (err error) {
	if b.sequence != "" {
		if b.fromSequence, b.toSequence, err = parseSequences(b.sequence); err != nil {
			return err
		}
	}
	switch {
	case b.since.at.IsZero() && b.run == "" && b.sequence == "":
		return usageError("a replay needs --since, --run or --seq, as in: alphapulse replay --since 2025-01-31 --account main --dry-run")
	case b.status != "any" && b.status != "failed" && b.status != "dead":
		return usageError("--status %q: use failed, dead or any", b.status)
	case b.rate < 0.1 || b.rate > 10000:
		return usageError("--rate must lie between 0.1 and 10000")
	case b.timeout <= 0:
		return usageError("--timeout must be positive")
	default:
		return checkSpan(&b.since, &b.until)
	}
}

// parseSequences reads "1200-1800", or "1200-" to the stream's end.
func parseSequences(text string) (from, to uint64, err error) {
	first, last, ok := strings.Cut(text, "-")
	if from, err = strconv.ParseUint(strings.TrimSpace(first), 10, 62); err == nil && ok && strings.TrimSpace(last) != "" {
		to, err = strconv.ParseUint(strings.TrimSpace(last), 10, 62)
	}
	if err != nil || !ok || from == 0 || to > 0 && to < from {
		return 0, 0, usageError("--seq %q: give two sequences of the stream, as in 1200-1800", text)
	}
	return from, to, nil
}

func (b *replayRun) start(ctx context.Context) error {
	request, err := b.request()
	if err != nil {
		return err
	}
	c, err := b.connect()
	if err != nil {
		return err
	}
	ctx, end := interruptible(ctx, b.timeout)
	defer end()
	started, err := c.StartReplay(ctx, request)
	switch {
	case err != nil:
		return replayMaybeBegun(err)
	case b.dryRun:
		return b.previewed(started)
	case b.wait:
		return b.await(ctx, c, started.GetReplay())
	case b.asJSON:
		return b.program.writeJSON(viewReplay(started.GetReplay(), nil, nil))
	}
	r := started.GetReplay()
	b.program.say("Replay %s: the schedulers drive it.", r.GetId())
	b.program.say("Follow it: alphapulse replay show %s --wait", r.GetId())
	b.program.say("End it: alphapulse replay cancel %s", r.GetId())
	return nil
}
