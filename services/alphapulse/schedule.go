package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const scheduleHelp = `{schedules: [{account, market_id, exchange, environment, data_type, every_seconds, stretch, next_at, enabled,
paused, skipped}]}
  account: empty for what belongs to the market; stretch: how much longer than asked, because of the budget`

// scheduleCommand is `alphapulse schedule`.
func (p *program) scheduleCommand() *cobra.Command {
	return group("schedule", "Show and change how often data types are read",
		"Show and change how often data types are read, while everything runs.",
		p.scheduleListCommand(), p.scheduleSetCommand())
}

func (p *program) scheduleListCommand() *cobra.Command {
	request := &controlv1.ListSchedulesRequest{}
	cmd := &cobra.Command{
		Use: "list [NAME]", Short: "List what is read how often, and when next", Args: atMostOne,
		Long: "List what is read how often, and when next: of one account and its market, or of all.\n\nWith --json: " +
			scheduleHelp,
		Example: "  alphapulse schedule list\n  alphapulse schedule list main",
	}
	r := p.remote(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			request.Account = args[0]
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.ListSchedules(ctx, request)
			if err != nil {
				return err
			}
			return r.listSchedules(res.GetSchedules())
		})
	}
	return cmd
}

func (p *program) scheduleSetCommand() *cobra.Command {
	request := &controlv1.SetScheduleRequest{}
	cmd := &cobra.Command{
		Use: "set [NAME] --type TYPES", Short: "Change how often data types are read, or stop reading them", Args: atMostOne,
		Long: "Change how often data types are read, from 1s to 168h, or stop reading them: of an account and its market, or of\n" +
			"all accounts and markets of an exchange, an environment or a market. The next slot is the first one of the new\n" +
			"cadence after now, each account at its own, so that no burst comes of it. To stop for a while, see pause.\n" +
			"What belongs to a market, as prices do, changes for all its accounts.\n\nWith --json: " + scheduleHelp +
			"; those that were set",
		Example: "  alphapulse schedule set main --type balances,positions --every 10s\n" +
			"  alphapulse schedule set --exchange bybit --env testnet --type prices --every 1m\n" +
			"  alphapulse schedule set main --type ledger --disable",
	}
	r := p.remote(cmd)
	var every time.Duration
	var enable, disable bool
	flags := cmd.Flags()
	flags.StringSliceVar(&request.Types, "type", nil, "data types, separated by commas (required): "+syncjob.JoinTypes(syncjob.Requestable()))
	flags.DurationVar(&every, "every", 0, "the new cadence, such as 30s")
	flags.BoolVar(&enable, "enable", false, "read it by schedule again")
	flags.BoolVar(&disable, "disable", false, "read it only when somebody asks")
	flags.StringVar(&request.Exchange, "exchange", "", "of every account and market of this exchange")
	flags.StringVar(&request.Environment, "env", "", "of every account and market of this environment")
	flags.StringVar(&request.MarketId, "market", "", "of this market and every account of it, by its id in `status --json`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			request.Account = args[0]
		}
		byMarket := request.GetExchange() != "" || request.GetEnvironment() != "" || request.GetMarketId() != ""
		switch {
		case len(request.GetTypes()) == 0:
			return usageError("--type is required\nSee `%s --help`.", cmd.CommandPath())
		case byMarket == (len(args) == 1):
			return usageError("name an account, or --exchange, --env or --market, and not both\nSee `%s --help`.", cmd.CommandPath())
		case enable && disable, every < 0, every == 0 && !enable && !disable:
			return usageError("give a positive --every, or --enable or --disable\nSee `%s --help`.", cmd.CommandPath())
		}
		if every > 0 {
			request.Every = durationpb.New(every)
		}
		if enable || disable {
			request.Enabled = &enable
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.SetSchedule(ctx, request)
			if err != nil {
				return err
			}
			return r.listSchedules(res.GetSchedules())
		})
	}
	return cmd
}

// scheduleView is a schedule in JSON.
type scheduleView struct {
	Account      string     `json:"account"`
	MarketID     string     `json:"market_id"`
	Exchange     string     `json:"exchange"`
	Environment  string     `json:"environment"`
	DataType     string     `json:"data_type"`
	EverySeconds float64    `json:"every_seconds"`
	Stretch      float64    `json:"stretch"`
	NextAt       *time.Time `json:"next_at"`
	Enabled      bool       `json:"enabled"`
	Paused       bool       `json:"paused"`
	Skipped      int64      `json:"skipped"`
}

type schedulesView struct {
	Schedules []scheduleView `json:"schedules"`
}

func (r *remote) listSchedules(list []*controlv1.TypeSchedule) error {
	p := r.program
	if r.asJSON {
		views := []scheduleView{}
		for _, s := range list {
			views = append(views, scheduleView{
				s.GetAccount(), s.GetMarketId(), s.GetExchange(), s.GetEnvironment(), s.GetDataType(), s.GetEvery().AsDuration().Seconds(),
				s.GetStretch(), instant(s.GetNextAt()), s.GetEnabled(), s.GetPaused(), s.GetSkipped(),
			})
		}
		return p.writeJSON(schedulesView{views})
	}
	t := newTable(p.stdout, "ACCOUNT", "EXCHANGE", "ENV", "TYPE", "EVERY", "NEXT", "STATE", "SKIPPED")
	for _, s := range list {
		state, next := "on", moment(s.GetNextAt())
		switch {
		case !s.GetEnabled():
			state, next = "off", "-"
		case s.GetPaused():
			state = "paused"
		}
		account := s.GetAccount()
		if account == "" {
			account = "(market)"
		}
		t.row(account, s.GetExchange(), s.GetEnvironment(), s.GetDataType(), span(s.GetEvery().AsDuration()), next, state,
			count(s.GetSkipped()))
	}
	return t.end()
}
