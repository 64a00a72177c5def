package main

import (
	"strings"
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// tokenView is a token in JSON.
type tokenView struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	Scopes     []string   `json:"scopes"`
	Status     string     `json:"status"`
	CreatedBy  string     `json:"created_by"`
	CreatedAt  *time.Time `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	RevokedAt  *time.Time `json:"revoked_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

func viewToken(t *controlv1.Token) tokenView {
	return tokenView{
		ID: t.GetId(), Name: t.GetName(), Scopes: t.GetScopes(), Status: t.GetStatus(), CreatedBy: t.GetCreatedBy(),
		CreatedAt: instant(t.GetCreatedAt()), ExpiresAt: instant(t.GetExpiresAt()), RevokedAt: instant(t.GetRevokedAt()),
		LastUsedAt: instant(t.GetLastUsedAt()),
	}
}

func (r *remote) listTokens(list []*controlv1.Token) error {
	p := r.program
	if r.asJSON {
		views := []tokenView{}
		for _, token := range list {
			views = append(views, viewToken(token))
		}
		return p.writeJSON(struct {
			Tokens []tokenView `json:"tokens"`
		}{views})
	}
	if len(list) == 0 {
		p.say("There are no tokens yet. Make one: alphapulse tokens create NAME --scopes read,sync")
		return nil
	}
	t := newTable(p.stdout, "NAME", "SCOPES", "STATUS", "BY", "CREATED", "EXPIRES", "LAST USED")
	for _, token := range list {
		t.row(token.GetName(), strings.Join(token.GetScopes(), ","), token.GetStatus(), token.GetCreatedBy(),
			moment(token.GetCreatedAt()), tokenEnd(token), moment(token.GetLastUsedAt()))
	}
	return t.end()
}

// tokenEnd says until when a token is good.
func tokenEnd(t *controlv1.Token) string {
	switch {
	case t.GetRevokedAt() != nil:
		return moment(t.GetRevokedAt())
	case t.GetExpiresAt() != nil:
		return moment(t.GetExpiresAt())
	default:
		return "revoked"
	}
}
