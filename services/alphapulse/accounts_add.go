package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// addAccount is `alphapulse accounts add` and its flags.
type addAccount struct {
	*remote
	keys     keySource
	patience probePatience
	request  controlv1.AddAccountRequest
}

func (p *program) accountsAddCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "add NAME --exchange bybit --env mainnet|testnet|demo", Short: "Add an account and probe its key",
		Long: "Add an account and probe its key. " + keyHelp + `

The command returns when the probe has ended: the account is then active and its first sync has begun, or it
stays pending with the reason. A key that can trade or withdraw is refused unless --allow-write-key.

--uid names whose key it must be; a key of another UID is refused. --sub-of MASTER takes exchange, environment and
address from the account MASTER, whose sub-accounts ` + "`alphapulse accounts subs MASTER`" + ` lists.

With --json: ` + accountHelp + `
Exit: 0 active, 1 not (the account stays pending), 2 wrong use.`,
		Example: `  alphapulse accounts add main --exchange bybit --env testnet
  alphapulse accounts add hedge --sub-of main --uid 24681012 --key-file key --secret-file secret
  BYBIT_API_KEY_FILE=key BYBIT_API_SECRET_FILE=secret alphapulse accounts add main --exchange bybit --env mainnet
  alphapulse accounts add eu --exchange bybit --env mainnet --base-url https://api.bybit.eu`,
		Args: accountArgument(),
	}
	a := &addAccount{remote: p.remote(cmd)}
	flags := cmd.Flags()
	flags.StringVar(&a.request.Exchange, "exchange", "", "the exchange: bybit (required)")
	flags.StringVar(&a.request.Environment, "env", "", "the exchange's environment, such as mainnet, testnet, demo (required)")
	flags.StringVar(&a.request.BaseUrl, "base-url", "", "the exchange's address, if not the environment's usual one")
	flags.BoolVar(&a.request.StandIn, "stand-in", false, "--base-url is a stand-in exchange: allow http to any host")
	flags.BoolVar(&a.request.AllowWriteKey, "allow-write-key", false, "accept a key that can trade or withdraw")
	flags.StringVar(&a.request.SubOf, "sub-of", "", "the account of the master: in place of --exchange, --env and --base-url")
	flags.StringVar(&a.request.ExpectedUid, "uid", "", "refuse a key of any other UID (required with --sub-of)")
	a.insecureFlag(cmd)
	a.keys.add(cmd)
	a.patience.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), args[0]) }
	return cmd
}

// insecureFlag is for commands that send a key.
func (r *remote) insecureFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.insecureHTTP, "insecure-http", false,
		"send the key to an API on another machine although http does not encrypt it")
}

// check sees that the flags name one exchange, once.
func (a *addAccount) check(name string) error {
	r := &a.request
	switch {
	case r.GetSubOf() != "" && (r.GetExchange() != "" || r.GetEnvironment() != "" || r.GetBaseUrl() != ""):
		return usageError("--sub-of takes exchange, environment and address from its account: leave --exchange, --env and --base-url out")
	case r.GetSubOf() != "" && r.GetExpectedUid() == "":
		return usageError("--sub-of needs --uid: `alphapulse accounts subs %s` lists the sub-accounts", r.GetSubOf())
	case r.GetSubOf() == "" && (r.GetExchange() == "" || r.GetEnvironment() == ""):
		return usageError("--exchange and --env are required, as in: alphapulse accounts add %s --exchange bybit --env testnet", name)
	}
	return nil
}

func (a *addAccount) run(ctx context.Context, name string) error {
	if err := a.check(name); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	if err := c.mayCarryKeys(); err != nil {
		return err
	}
	ctx, end := interruptible(ctx, 0)
	defer end()
	exchange := a.request.GetExchange()
	if master := a.request.GetSubOf(); master != "" {
		if exchange, err = c.exchangeOf(ctx, master); err != nil {
			return err
		}
	}
	credentials, err := a.keys.read(ctx, a.program, exchange)
	if err != nil {
		return err
	}
	a.request.Name = name
	a.request.ApiKey, a.request.ApiSecret = credentials.Key.Reveal(), credentials.Secret.Reveal()
	added, err := c.AddAccount(ctx, &a.request)
	switch {
	case errors.Is(err, errInterrupted):
		return fmt.Errorf("interrupted: account %s may be there already, and pending\n"+
			"  Next: `alphapulse accounts list` shows it; `alphapulse accounts test %[1]s` probes its key", name)
	case err != nil:
		return err
	}
	return a.awaitProbe(ctx, c, added.GetAccount(), added.GetProbe(), a.patience)
}
