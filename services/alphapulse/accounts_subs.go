package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

func (p *program) accountsSubsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "subs NAME", Short: "List the sub-accounts of a master account", Args: accountArgument(),
		Long: `List the sub-accounts of a master account, as the last probe of its key found them, and which of them are kept
here. The probe runs once a day; ` + "`alphapulse accounts test NAME`" + ` runs it now. A sub-account is added with a key of its
own: alphapulse accounts add NAME --sub-of MASTER --uid UID.

With --json: {account, uid, is_master, listed_at, sub_accounts: [{uid, name, status, account_mode, remark, account}]},
account of a sub-account being the name that it has here, or empty.`,
		Example: "  alphapulse accounts subs main\n  alphapulse accounts test main && alphapulse accounts subs main --json",
	}
	r := p.remote(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.ListSubAccounts(ctx, &controlv1.ListSubAccountsRequest{Name: args[0]})
			if err != nil {
				return err
			}
			return r.listSubs(res)
		})
	}
	return cmd
}

// subsView is what `accounts subs --json` prints.
type subsView struct {
	Account  string     `json:"account"`
	UID      string     `json:"uid"`
	IsMaster bool       `json:"is_master"`
	ListedAt *time.Time `json:"listed_at"`
	Subs     []subView  `json:"sub_accounts"`
}

type subView struct {
	UID         string `json:"uid"`
	Name        string `json:"name"`
	Status      string `json:"status"`
	AccountMode string `json:"account_mode"`
	Remark      string `json:"remark"`
	Account     string `json:"account"`
}

func (r *remote) listSubs(res *controlv1.ListSubAccountsResponse) error {
	p, account := r.program, res.GetAccount()
	if r.asJSON {
		view := subsView{
			Account: account.GetName(), UID: account.GetExchangeUid(), IsMaster: account.GetIsMaster(),
			ListedAt: instant(res.GetListedAt()), Subs: []subView{},
		}
		for _, s := range res.GetSubAccounts() {
			view.Subs = append(view.Subs, subView{s.GetUid(), s.GetName(), s.GetStatus(), s.GetAccountMode(), s.GetRemark(), s.GetAccount()})
		}
		return p.writeJSON(view)
	}
	switch name := account.GetName(); {
	case account.GetParentUid() != "":
		p.say("Account %s is a sub-account itself, of UID %s.", name, plain(account.GetParentUid()))
		return nil
	case res.GetListedAt() == nil:
		p.say("The sub-accounts of %s were never listed: its key is no master's, may not list them, or was not probed since.\n"+
			"  Next: alphapulse accounts test %[1]s", name)
		return nil
	case len(res.GetSubAccounts()) == 0:
		p.say("Account %s has no sub-accounts (as of %s).", name, moment(res.GetListedAt()))
		return nil
	}
	t := newTable(p.stdout, "UID", "NAME", "STATUS", "MODE", "REMARK", "ACCOUNT HERE")
	for _, s := range res.GetSubAccounts() {
		t.row(s.GetUid(), s.GetName(), s.GetStatus(), orDash(s.GetAccountMode()), orDash(s.GetRemark()), orDash(s.GetAccount()))
	}
	if err := t.end(); err != nil {
		return err
	}
	p.say("As of %s. Add one: alphapulse accounts add NAME --sub-of %s --uid UID", moment(res.GetListedAt()), account.GetName())
	return nil
}
