package main

import (
	"context"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/access"
)

const tokenHelp = `{id, name, scopes, status, created_by, created_at, expires_at, revoked_at, last_used_at`

const scopeHelp = `  read     what is stored and what is going on
  sync     start what reads an exchange: sync, backfill, verify, repair, candles
  operate  change what goes on: pause, resume, cancel, retry, drop, requeue, replay
  admin    accounts and their keys, tokens, the audit log, and everything above
No scope contains another one, but admin, which contains all: ` + "`sync --wait`" + ` needs sync to start the run and read to
watch it.`

// tokensCommand is `alphapulse tokens`.
func (p *program) tokensCommand() *cobra.Command {
	return group("tokens", "Make, list and revoke tokens of the API",
		"Make, list and revoke tokens of the API. A token does what its scopes allow:\n"+scopeHelp+"\n\n"+
			"ALPHAPULSE_TOKEN of the API itself has all scopes; it makes the first ones. An API without that setting lets\n"+
			"programs on its own machine do everything without a token.",
		p.tokensCreateCommand(), p.tokensListCommand(), p.tokensRevokeCommand())
}

func (p *program) tokensListCommand() *cobra.Command {
	request := &controlv1.ListTokensRequest{}
	cmd := &cobra.Command{
		Use: "list", Short: "List the tokens, without their text", Args: noArguments,
		Long:    "List the tokens, without their text, which nobody has kept.\n\nWith --json: {tokens: [" + tokenHelp + "}]}",
		Example: "  alphapulse tokens list\n  alphapulse tokens list --all --json | jq '.tokens[] | select(.last_used_at == null)'",
	}
	r := p.remote(cmd)
	cmd.Flags().BoolVar(&request.All, "all", false, "those that were revoked too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.ListTokens(ctx, request)
			if err != nil {
				return err
			}
			return r.listTokens(res.GetTokens())
		})
	}
	return cmd
}

func (p *program) tokensRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke NAME", Short: "End a token, at once and everywhere", Args: exactly(1, "the name of a token"),
		Long: "End a token: every API process refuses it from now on. A process that cannot reach the database just then\n" +
			"may take it for 30 seconds more.\n\nWith --json: " + tokenHelp + "}",
		Example: "  alphapulse tokens revoke grafana",
	}
	r := p.remote(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.RevokeToken(ctx, &controlv1.RevokeTokenRequest{Name: args[0]})
			switch {
			case err != nil:
				return err
			case r.asJSON:
				return p.writeJSON(viewToken(res.GetToken()))
			}
			p.say("Token %s is revoked.", plain(res.GetToken().GetName()))
			return nil
		})
	}
	return cmd
}

func scopeNames() string { return access.JoinScopes(access.Scopes()) }
