package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

func (p *program) accountsPauseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "pause NAME", Short: "Stop synchronizing an account",
		Long: "Stop synchronizing an account and end its open runs. Its market's prices go on.\n\nWith --json: " +
			accountHelp,
		Example: "  alphapulse accounts pause main --reason 'key rotation'",
		Args:    accountArgument(),
	}
	r := p.remote(cmd)
	var reason string
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who read `status`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return r.changing(cmd.Context(), func(ctx context.Context, c *client) (*controlv1.Account, string, error) {
			res, err := c.PauseAccount(ctx, &controlv1.PauseAccountRequest{Name: args[0], Reason: reason})
			return res.GetAccount(), "paused; `alphapulse accounts resume " + args[0] + "` starts it again", err
		})
	}
	return cmd
}

func (p *program) accountsResumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "resume NAME", Short: "Probe an account's key and synchronize it again",
		Long: "Probe the key of an account that is paused or was refused, and synchronize it again if the probe passes: " +
			"after a\nmended IP list, for example, no new key is needed.\n\nWith --json: " + accountHelp +
			"\nExit: 0 active, 1 not.",
		Example: "  alphapulse accounts resume main",
		Args:    accountArgument(),
	}
	r, wait := p.remote(cmd), &probePatience{}
	wait.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := r.connect()
		if err != nil {
			return err
		}
		ctx, end := interruptible(cmd.Context(), 0)
		defer end()
		res, err := c.ResumeAccount(ctx, &controlv1.ResumeAccountRequest{Name: args[0]})
		switch {
		case err != nil:
			return err
		case res.GetProbe() != nil:
			return r.awaitProbe(ctx, c, res.GetAccount(), res.GetProbe(), *wait)
		case r.asJSON:
			return p.writeJSON(viewAccount(res.GetAccount()))
		}
		p.say("Account %s is active already.", args[0])
		return nil
	}
	return cmd
}

func (p *program) accountsRemoveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "Remove an account, its key and its data",
		Long: "Remove an account: end its runs, delete its key and all its data (history included), and free its name.\n" +
			"Asks first; where nobody can be asked, --yes is needed.\n\nWith --json: " + accountHelp,
		Example: "  alphapulse accounts remove old --yes",
		Args:    accountArgument(),
	}
	r := p.remote(cmd)
	var yes bool
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := p.sureToRemove(args[0], yes); err != nil {
			return err
		}
		return r.changing(cmd.Context(), func(ctx context.Context, c *client) (*controlv1.Account, string, error) {
			res, err := c.RemoveAccount(ctx, &controlv1.RemoveAccountRequest{Name: args[0]})
			return res.GetAccount(), "removed with its key and its data", err
		})
	}
	return cmd
}

func (p *program) sureToRemove(name string, yes bool) error {
	if yes {
		return nil
	}
	sure, err := p.confirm("This deletes the key and all data of account "+plain(name)+". Type its name to go on: ", name)
	switch {
	case errors.Is(err, errNoTerminal):
		return usageError("removing account %s deletes its key and all its data: say --yes", name)
	case err != nil:
		return err
	case !sure:
		return errors.New("nothing was removed: that was not the account's name")
	}
	return nil
}

func (p *program) accountsCadenceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "cadence NAME --type TYPE --every DURATION", Short: "Change how often a data type is synchronized",
		Long: "Change how often a data type of an account is synchronized, from 1s to 168h. Prices belong to the account's\n" +
			"market: theirs change for every account of it.\n\nWith --json: {account, data_type, every_seconds, accounts}",
		Example: "  alphapulse accounts cadence main --type balances --every 30s",
		Args:    accountArgument(),
	}
	r := p.remote(cmd)
	var dataType string
	var every time.Duration
	cmd.Flags().StringVar(&dataType, "type", "", "one data type (required)")
	cmd.Flags().DurationVar(&every, "every", 0, "the new cadence, such as 30s (required)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dataType == "" || every <= 0 {
			return usageError("--type and a positive --every are required, as in: alphapulse accounts cadence %s --type balances --every 30s", args[0])
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		ctx, end := interruptible(cmd.Context(), 0)
		defer end()
		res, err := c.SetCadence(ctx, &controlv1.SetCadenceRequest{
			Name: args[0], DataType: dataType, Every: durationpb.New(every),
		})
		if err != nil {
			return err
		}
		return r.cadence(args[0], dataType, every, res.GetAccounts())
	}
	return cmd
}

func (r *remote) cadence(name, dataType string, every time.Duration, accounts int32) error {
	if r.asJSON {
		return r.program.writeJSON(struct {
			Account  string  `json:"account"`
			DataType string  `json:"data_type"`
			Every    float64 `json:"every_seconds"`
			Accounts int32   `json:"accounts"`
		}{name, dataType, every.Seconds(), accounts})
	}
	r.program.say("%s of %s are now synchronized every %s.", dataType, name, every)
	if accounts > 1 {
		r.program.say("They belong to its market, so this holds for its %d accounts.", accounts)
	}
	return nil
}

// changing makes a change that is done when the call returns.
func (r *remote) changing(
	ctx context.Context, change func(context.Context, *client) (*controlv1.Account, string, error),
) error {
	c, err := r.connect()
	if err != nil {
		return err
	}
	ctx, end := interruptible(ctx, 0)
	defer end()
	account, done, err := change(ctx, c)
	switch {
	case err != nil:
		return err
	case r.asJSON:
		return r.program.writeJSON(viewAccount(account))
	}
	r.program.say("Account %s is %s.", account.GetName(), done)
	return nil
}
