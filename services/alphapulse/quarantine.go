package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const quarantineHelp = `{id, account, market, data_type, scope, row_key, reason, run_id, first_seen_at, last_seen_at, seen,
retried_at`

// quarantineCommand is `alphapulse quarantine`.
func (p *program) quarantineCommand() *cobra.Command {
	return group("quarantine", "Look at rows that were not understood, try them again, drop them",
		"Look at rows that came from an exchange and were not understood. The rest of their page was stored; they are\n"+
			"kept with their payload, secrets redacted, so that nothing is lost and a newer version can read them.",
		p.quarantineListCommand(), p.quarantineShowCommand(), p.quarantineRetryCommand(), p.quarantineDropCommand())
}

func (p *program) quarantineListCommand() *cobra.Command {
	request := &controlv1.ListQuarantineRequest{}
	cmd := &cobra.Command{
		Use: "list [NAME]", Short: "List rows in quarantine, last seen first", Args: atMostOne,
		Long: "List rows in quarantine, of one account or of all accounts and markets, last seen first.\n\nWith --json: {rows: [" +
			quarantineHelp + "}], total}",
		Example: "  alphapulse quarantine list\n  alphapulse quarantine list main --type orders",
	}
	r := p.remote(cmd)
	cmd.Flags().StringVar(&request.DataType, "type", "", "only of this data type: "+syncjob.JoinTypes(syncjob.Requestable()))
	cmd.Flags().Int32Var(&request.Limit, "limit", 100, "how many, 1 to 1000")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if request.GetLimit() < 1 || request.GetLimit() > 1000 {
			return usageError("--limit must lie between 1 and 1000")
		}
		if len(args) == 1 {
			request.Account = args[0]
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.ListQuarantine(ctx, request)
			if err != nil {
				return err
			}
			return r.listQuarantine(res)
		})
	}
	return cmd
}

func (p *program) quarantineShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a row with its payload", Args: exactly(1, "the number of a row, as `quarantine list` shows it"),
		Long:    "Show a row in quarantine with the payload that was not understood.\n\nWith --json: " + quarantineHelp + ", payload}",
		Example: "  alphapulse quarantine show 17\n  alphapulse quarantine show 17 --json | jq -r .payload",
	}
	r := p.remote(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, err := rowNumbers(args)
		if err != nil {
			return err
		}
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.GetQuarantined(ctx, &controlv1.GetQuarantinedRequest{Id: ids[0]})
			if err != nil {
				return err
			}
			return r.showQuarantined(res.GetRow())
		})
	}
	return cmd
}

// chosenRows are the rows that a command is about.
type chosenRows struct {
	all bool
	ids []int64
}

func (s *chosenRows) read(cmd *cobra.Command, args []string) (err error) {
	if s.all == (len(args) > 0) {
		return usageError("`%s` takes numbers of rows, or --all, and not both\nSee `%[1]s --help`.", cmd.CommandPath())
	}
	s.ids, err = rowNumbers(args)
	return err
}

func rowNumbers(args []string) ([]int64, error) {
	var ids []int64
	for _, arg := range args {
		id, err := strconv.ParseInt(strings.TrimSpace(arg), 10, 64)
		if err != nil || id < 1 {
			return nil, usageError("%q is not the number of a row: `alphapulse quarantine list` shows them", arg)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
