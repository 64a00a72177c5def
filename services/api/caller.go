package api

import (
	"context"

	"github.com/alphapulse/alphapulse/services/api/access"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// How callers without a token of the table are called.
const (
	actorStatic   = "static token"
	actorLoopback = "loopback"
)

// caller is who calls.
type caller struct {
	actor   string       // a token's name, actorStatic or actorLoopback
	token   int64        // of the table; 0: none
	text    vault.Secret // the token itself, to be looked up again
	scopes  []access.Scope
	address string // without the port
}

type callerKey struct{}

func withCaller(ctx context.Context, c caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// callerOf is who called; nobody, who may do nothing, if the call did not pass
// the guard.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}
