package api

import (
	"context"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/access"
)

// admission lets a caller do what its scopes allow, and notes what it changes.
type admission struct {
	api   *API
	needs map[string]need
}

// WrapUnary implements connect.Interceptor.
func (a admission) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		want, denied := a.admit(callerOf(ctx), req.Spec().Procedure)
		message, ok := req.Any().(proto.Message)
		change := want.change && !(ok && isDryRun(message))
		switch {
		case denied != nil && change:
			a.refused(ctx, req, denied)
			return nil, denied
		case denied != nil:
			return nil, denied
		case change:
			return a.change(ctx, req, want, next)
		default:
			return next(ctx, req)
		}
	}
}

// WrapStreamingClient implements connect.Interceptor; this side has no client.
func (a admission) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor. A stream outlives the
// look at its caller's token, so each message asks anew.
func (a admission) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if _, err := a.admit(callerOf(ctx), conn.Spec().Procedure); err != nil {
			return err
		}
		return next(ctx, guardedConn{conn, func() error { return a.again(ctx, conn.Spec().Procedure) }})
	}
}

// admit says what a procedure needs, or why its caller may not call it.
func (a admission) admit(who caller, procedure string) (need, error) {
	want, known := a.needs[procedure]
	if !known {
		return need{}, problem(connect.CodePermissionDenied,
			fmt.Errorf("nobody may call %s: it is not said which scope it needs", methodOf(procedure)),
			&controlv1.Problem{Class: classForbidden, Reason: "unknown_procedure"})
	}
	if access.Allows(who.scopes, want.scope) {
		return want, nil
	}
	return want, problem(connect.CodePermissionDenied,
		fmt.Errorf("token %s has not the scope %s, which %s needs", who.actor, want.scope, methodOf(procedure)),
		&controlv1.Problem{
			Class: classForbidden, Reason: "scope_" + string(want.scope),
			NextStep: fmt.Sprintf("use a token that has it: `alphapulse tokens create NAME --scopes %s` makes one", want.scope),
		})
}

// again admits the caller of an open stream once more.
func (a admission) again(ctx context.Context, procedure string) error {
	who := callerOf(ctx)
	if who.token != 0 {
		ctx, cancel := context.WithTimeout(ctx, a.api.cfg.CallTimeout)
		defer cancel()
		var err error
		if who, err = a.api.guard.lookUp(ctx, who.text); err != nil {
			return err
		}
	}
	_, err := a.admit(who, procedure)
	return err
}

// guardedConn sends nothing to whom the guard no longer allows it.
type guardedConn struct {
	connect.StreamingHandlerConn

	check func() error
}

// Send implements connect.StreamingHandlerConn.
func (c guardedConn) Send(message any) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.StreamingHandlerConn.Send(message)
}
