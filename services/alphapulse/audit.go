package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

const auditHelp = `{records: [{id, at, actor, token_id (0: none), remote_address, procedure, account, target,
request (as asked for, secrets redacted), idempotency_key, outcome, finished_at}], next_page_token}. outcome: ok; repeated
(answered from what the same key did before); unknown (it is being made, or the process died meanwhile); else the code
of the error, such as permission_denied`

// auditCommand is `alphapulse audit`.
func (p *program) auditCommand() *cobra.Command {
	return group("audit", "See who has changed what", "See who has changed what through the API.", p.auditListCommand())
}

func (p *program) auditListCommand() *cobra.Command {
	request := &controlv1.ListAuditRequest{}
	var since dateFlag
	cmd := &cobra.Command{
		Use: "list", Short: "List changes, newest first", Args: noArguments,
		Long: "List what was changed through the API, also what was refused, newest first. The list is kept for good; it needs\n" +
			"a token with the scope admin.\n\nWith --json: " + auditHelp,
		Example: "  alphapulse audit list\n  alphapulse audit list --account main --since 2026-01-31 --json | jq '.records[].actor'",
	}
	r := p.remote(cmd)
	flags := cmd.Flags()
	flags.StringVar(&request.Account, "account", "", "only what was about this account")
	flags.StringVar(&request.Actor, "actor", "", "only of this token, or of 'static token' or 'loopback'")
	flags.Var(&since, "since", "only from this time on: "+dateHelp)
	flags.Int32Var(&request.PageSize, "limit", 50, "how many, 1 to 500")
	flags.StringVar(&request.PageToken, "page", "", "go on where a list ended: its next_page_token")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if request.GetPageSize() < 1 || request.GetPageSize() > 500 {
			return usageError("--limit must lie between 1 and 500")
		}
		request.Since = since.stamp()
		return r.with(cmd.Context(), func(ctx context.Context, c *client) error {
			res, err := c.ListAudit(ctx, request)
			if err != nil {
				return err
			}
			return r.listAudit(res)
		})
	}
	return cmd
}

// auditView is a record in JSON.
type auditView struct {
	ID             int64           `json:"id"`
	At             *time.Time      `json:"at"`
	Actor          string          `json:"actor"`
	TokenID        int64           `json:"token_id"`
	RemoteAddress  string          `json:"remote_address"`
	Procedure      string          `json:"procedure"`
	Account        string          `json:"account"`
	Target         string          `json:"target"`
	Request        json.RawMessage `json:"request"`
	IdempotencyKey string          `json:"idempotency_key"`
	Outcome        string          `json:"outcome"`
	FinishedAt     *time.Time      `json:"finished_at"`
}

func viewAudit(a *controlv1.AuditRecord) auditView {
	return auditView{
		ID: a.GetId(), At: instant(a.GetAt()), Actor: a.GetActor(), TokenID: a.GetTokenId(), RemoteAddress: a.GetRemoteAddress(),
		Procedure: a.GetProcedure(), Account: a.GetAccount(), Target: a.GetTarget(), Request: json.RawMessage(a.GetRequest()),
		IdempotencyKey: a.GetIdempotencyKey(), Outcome: a.GetOutcome(), FinishedAt: instant(a.GetFinishedAt()),
	}
}

func (r *remote) listAudit(res *controlv1.ListAuditResponse) error {
	p := r.program
	if r.asJSON {
		views := []auditView{}
		for _, record := range res.GetRecords() {
			views = append(views, viewAudit(record))
		}
		return p.writeJSON(struct {
			Records []auditView `json:"records"`
			Next    string      `json:"next_page_token"`
		}{views, res.GetNextPageToken()})
	}
	if len(res.GetRecords()) == 0 {
		p.say("There are no such changes.")
		return nil
	}
	t := newTable(p.stdout, "AT", "BY", "FROM", "DID", "ACCOUNT", "TARGET", "OUTCOME", "REQUEST")
	for _, a := range res.GetRecords() {
		t.row(moment(a.GetAt()), a.GetActor(), a.GetRemoteAddress(), a.GetProcedure(), orDash(a.GetAccount()),
			orDash(a.GetTarget()), a.GetOutcome(), a.GetRequest())
	}
	if err := t.end(); err != nil {
		return err
	}
	if next := res.GetNextPageToken(); next != "" {
		p.say("There are more: --page %s", next)
	}
	return nil
}
