package main

import (
	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// accountsCommand is `alphapulse accounts`.
func (p *program) accountsCommand() *cobra.Command {
	return group("accounts", "Add, test, pause and remove exchange accounts",
		"Add, test, pause and remove exchange accounts. A key is encrypted before it is stored, and only workers can\n"+
			"read it. Before anything else is asked of the exchange, a probe asks it what the key may do.",
		p.accountsAddCommand(), p.accountsListCommand(), p.accountsTestCommand(), p.accountsSetKeyCommand(),
		p.accountsPauseCommand(), p.accountsResumeCommand(), p.accountsRemoveCommand(), p.accountsCadenceCommand(),
		p.accountsSubsCommand())
}

func (p *program) accountsListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the accounts", Args: noArguments,
		Long:    "List the accounts.\n\nWith --json: {accounts: [" + accountHelp + "]}",
		Example: "  alphapulse accounts list\n  alphapulse accounts list --json | jq -r '.accounts[].name'",
	}
	r := p.remote(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := r.connect()
		if err != nil {
			return err
		}
		ctx, end := interruptible(cmd.Context(), 0)
		defer end()
		res, err := c.ListAccounts(ctx, &controlv1.ListAccountsRequest{})
		if err != nil {
			return err
		}
		return r.listAccounts(res.GetAccounts())
	}
	return cmd
}

func (r *remote) listAccounts(list []*controlv1.Account) error {
	p := r.program
	if r.asJSON {
		views := []accountView{}
		for _, account := range list {
			views = append(views, viewAccount(account))
		}
		return p.writeJSON(struct {
			Accounts []accountView `json:"accounts"`
		}{views})
	}
	if len(list) == 0 {
		p.say("There are no accounts yet. Add one: alphapulse accounts add main --exchange bybit --env testnet")
		return nil
	}
	t := newTable(p.stdout, "NAME", "EXCHANGE", "ENV", "STATUS", "UID", "KEY EXPIRES", "REASON")
	for _, a := range list {
		t.row(a.GetName(), a.GetExchange(), a.GetEnvironment(), a.GetStatus(), orDash(a.GetExchangeUid()), keyEnd(a),
			a.GetReason())
	}
	return t.end()
}
