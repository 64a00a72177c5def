package main

import (
	"context"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// coverageCommand is `alphapulse coverage`.
func (p *program) coverageCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "coverage NAME", GroupID: "use", Short: "Show how complete an account's histories are",
		Long: `Show how complete the histories of an account are: for each data type and category what was read to its end,
what is missing, and what the exchange does not serve any more (before the horizon). A scope that the key may not
read is named with the reason. It reads the tables and asks no exchange. All times are UTC.

With --json: {account, read_at, scopes: [{data_type, category, scope, covered: [[from, to]], missing: [[from, to]],
horizon, unreadable}]}, times in RFC 3339; from belongs to an interval, to does not; horizon is null where the
exchange serves everything, or it is not known yet.

Exit: 0 shown, whatever is missing; 2 wrong use, 1 anything else.`,
		Example: `  alphapulse coverage main
  alphapulse coverage main --type fills,ledger
  alphapulse coverage main --json | jq '.scopes[] | select(.missing != [])'`,
		Args: accountArgument(),
	}
	r := p.remote(cmd)
	var types string
	cmd.Flags().StringVar(&types, "type", "", "histories, separated by commas: "+syncjob.JoinTypes(syncjob.Histories())+
		" (default all of them)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return r.coverage(cmd.Context(), args[0], types) }
	return cmd
}

func (r *remote) coverage(ctx context.Context, name, types string) error {
	asked, err := historyTypes(types, nil)
	if err != nil {
		return err
	}
	return r.with(ctx, func(ctx context.Context, c *client) error {
		res, err := c.GetCoverage(ctx, &controlv1.GetCoverageRequest{Account: name, Types: asked})
		switch {
		case err != nil:
			return err
		case r.asJSON:
			return r.program.writeJSON(viewCoverage(name, res))
		}
		r.program.printCoverage(name, res, r.program.width())
		return nil
	})
}

// historyTypes reads a list of types that have a history; "" stands for those of
// fallback. Others are kept by snapshot and have no past to read.
func historyTypes(list string, fallback []syncjob.DataType) ([]string, error) {
	types := fallback
	if list != "" {
		var err error
		if types, err = syncjob.ParseTypes(list); err != nil {
			return nil, usageError("--type: %v", err)
		}
	}
	words := []string{}
	for _, t := range types {
		if !t.History() {
			return nil, usageError("--type: %s has no history: those that have are %s", t,
				syncjob.JoinTypes(syncjob.Histories()))
		}
		words = append(words, string(t))
	}
	return words, nil
}
