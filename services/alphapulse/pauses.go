package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const pauseHelp = `{id, market_id, exchange, environment, account, data_type, lane, reason, created_by, from, until, in_force}`

// scopeFlags say what is to be paused or resumed.
type scopeFlags struct{ scope controlv1.PauseScope }

func (s *scopeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.scope.Exchange, "exchange", "", "of this exchange, such as bybit")
	flags.StringVar(&s.scope.Environment, "env", "", "of this environment: mainnet, testnet, demo")
	flags.StringVar(&s.scope.MarketId, "market", "", "of this market, by its id in `status --json`")
	flags.StringVar(&s.scope.Account, "account", "", "of this account; its market's prices go on")
	flags.StringSliceVar(&s.scope.Types, "type", nil, "data types, separated by commas: "+syncjob.JoinTypes(syncjob.Requestable()))
	flags.StringVar(&s.scope.Lane, "lane", "", "of one lane: live, backfill")
}

func (s *scopeFlags) empty() bool {
	c := &s.scope
	return c.Exchange == "" && c.Environment == "" && c.MarketId == "" && c.Account == "" && len(c.Types) == 0 && c.Lane == ""
}

// spanFlags say when a pause begins and ends.
type spanFlags struct {
	from, until dateFlag
	lasting     time.Duration
}

func (s *spanFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var(&s.from, "from", "when it begins: "+dateHelp+" (default now)")
	flags.Var(&s.until, "until", "when it ends by itself, given like --from")
	flags.DurationVar(&s.lasting, "for", 0, "how long it lasts, such as 2h, instead of --until")
}

func (s *spanFlags) check() error {
	switch {
	case s.lasting < 0:
		return usageError("--for must be positive")
	case s.lasting > 0 && !s.until.at.IsZero():
		return usageError("--for and --until say the same thing: give one of them")
	case !s.from.at.IsZero() && !s.until.at.IsZero() && !s.from.at.Before(s.until.at):
		return usageError("--from %s is not before --until %s", &s.from, &s.until)
	}
	return nil
}

func (p *program) pauseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "pause", GroupID: "use", Short: "Stop synchronizing an exchange, an account, a data type or a lane", Args: noArguments,
		Long: `Stop synchronizing what the flags name together, for a while or until it is resumed; everything else goes on.
From when the pause begins nothing that it matches is planned: the slots that pass are counted in status. Jobs that
are in line wait, with no attempt counted, and are done as soon as it ends; jobs that run go on to their end. A sync
of what is paused is refused, naming the pause; a backfill waits. ` + "`accounts pause`" + ` instead stops an account and ends
its runs.

With --json: {pauses: [` + pauseHelp + `], schedules, jobs}
  schedules, jobs: how many enabled schedules and open jobs it matches now`,
		Example: "  alphapulse pause --exchange bybit --type orders --note 'they change the API' --for 2h\n" +
			"  alphapulse pause --account main --lane backfill --note 'month end' --until 2026-12-01\n" +
			"  alphapulse pause --all --note 'database upgrade' --dry-run",
	}
	r, scope, span := p.remote(cmd), &scopeFlags{}, &spanFlags{}
	request := &controlv1.CreatePauseRequest{Scope: &scope.scope}
	scope.add(cmd)
	span.add(cmd)
	cmd.Flags().BoolVar(&request.Everything, "all", false, "pause everything")
	cmd.Flags().StringVar(&request.Note, "note", "", "why, for those who read `status` (required)")
	cmd.Flags().BoolVar(&request.DryRun, "dry-run", false, "tell what it would touch and do nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if scope.empty() != request.GetEverything() {
			return usageError("say what to pause, or --all, and not both\nSee `%s --help`.", cmd.CommandPath())
		}
		return r.pause(cmd.Context(), request, span)
	}
	return cmd
}

func (p *program) maintenanceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "maintenance", GroupID: "use", Short: "Plan a maintenance window of an exchange", Args: noArguments,
		Long: `Plan a maintenance window of an exchange: a pause of all that concerns it, which begins and ends by itself.
` + "`resume`" + ` ends it early or takes it back; status shows it from now on. An exchange that announces
its maintenance in its answers is paused without this.

With --json: as pause.`,
		Example: "  alphapulse maintenance --exchange bybit --from 2026-12-01T02:00:00Z --for 3h\n" +
			"  alphapulse maintenance --exchange bybit --env mainnet --from 2026-12-01T02:00:00Z --until 2026-12-01T05:00:00Z --note 'matching engine'",
	}
	r, span := p.remote(cmd), &spanFlags{}
	request := &controlv1.CreatePauseRequest{Scope: &controlv1.PauseScope{}}
	flags := cmd.Flags()
	flags.StringVar(&request.Scope.Exchange, "exchange", "", "the exchange, such as bybit (required)")
	flags.StringVar(&request.Scope.Environment, "env", "", "of this environment alone: mainnet, testnet, demo")
	flags.StringVar(&request.Note, "note", "planned maintenance", "what it is about, for those who read `status`")
	flags.BoolVar(&request.DryRun, "dry-run", false, "tell what it would touch if it began now, and do nothing")
	span.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case request.GetScope().GetExchange() == "":
			return usageError("--exchange is required\nSee `%s --help`.", cmd.CommandPath())
		case span.lasting == 0 && span.until.at.IsZero():
			return usageError("a maintenance ends: give --until or --for")
		}
		return r.pause(cmd.Context(), request, span)
	}
	return cmd
}

func (r *remote) pause(ctx context.Context, request *controlv1.CreatePauseRequest, span *spanFlags) error {
	if strings.TrimSpace(request.GetNote()) == "" {
		return usageError("--note is required: it is what others read in `status`")
	}
	if err := span.check(); err != nil {
		return err
	}
	request.By, request.From, request.Until = r.program.person(), span.from.stamp(), span.until.stamp()
	if span.lasting > 0 {
		request.Lasting = durationpb.New(span.lasting)
	}
	return r.with(ctx, func(ctx context.Context, c *client) error {
		res, err := c.CreatePause(ctx, request)
		if err != nil {
			return err
		}
		return r.showCreated(res, request.GetDryRun())
	})
}

func (p *program) resumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "resume", GroupID: "use", Short: "End pauses early", Args: noArguments,
		Long: `End pauses early, or take back those that have not begun: one by its id, or those that have every value that is
given, or all. What waited for them is done at once. ` + "`accounts resume`" + ` instead starts an account that was
stopped by ` + "`accounts pause`" + `.

With --json: {pauses: [` + pauseHelp + `]}, as they were`,
		Example: "  alphapulse resume --exchange bybit --type orders\n  alphapulse resume --id 0191e8b4-…\n  alphapulse resume --all --dry-run",
	}
	r, scope := p.remote(cmd), &scopeFlags{}
	request := &controlv1.EndPauseRequest{Scope: &scope.scope}
	scope.add(cmd)
	cmd.Flags().StringVar(&request.Id, "id", "", "the pause of this id, as `pauses` shows it")
	cmd.Flags().BoolVar(&request.All, "all", false, "every pause")
	cmd.Flags().BoolVar(&request.DryRun, "dry-run", false, "tell which it would end and do nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		chosen := 0
		for _, given := range []bool{!scope.empty(), request.GetId() != "", request.GetAll()} {
			if given {
				chosen++
			}
		}
		if chosen != 1 {
			return usageError("say what to resume: flags such as --exchange and --type, or --id, or --all\nSee `%s --help`.", cmd.CommandPath())
		}
		request.By = p.person()
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.EndPause(ctx, request)
			if err != nil {
				return err
			}
			return r.showEnded(res, request.GetDryRun())
		})
	}
	return cmd
}

func (p *program) pausesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "pauses", GroupID: "use", Short: "List what is paused and what will be", Args: noArguments,
		Long:    "List the pauses in force and those to come.\n\nWith --json: {pauses: [" + pauseHelp + "]}",
		Example: "  alphapulse pauses",
	}
	r := p.remote(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.ListPauses(ctx, &controlv1.ListPausesRequest{})
			if err != nil {
				return err
			}
			return r.listPauses(res.GetPauses())
		})
	}
	return cmd
}

// person is who gives the command, for those who read of it later.
func (p *program) person() string {
	var user string
	for _, entry := range p.environ {
		if name, value, _ := strings.Cut(entry, "="); (name == "USER" || name == "LOGNAME") && value != "" {
			user = value
		}
	}
	if user == "" {
		user = "someone"
	}
	return user + "@" + hostName()
}
