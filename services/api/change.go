package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/alphapulse/alphapulse/services/api/access"
)

// afterwards bounds what is written after a change, for which its caller may
// not wait any more.
const afterwards = 5 * time.Second

// change makes a change that is in the audit log before it is made.
func (a admission) change(
	ctx context.Context, req connect.AnyRequest, want need, next connect.UnaryFunc,
) (connect.AnyResponse, error) {
	noted, err := describe(callerOf(ctx), req)
	if err != nil {
		return nil, err
	}
	id, err := a.api.audit.Begin(ctx, noted)
	if err != nil {
		return nil, err
	}
	res, repeated, err := a.once(ctx, req, want, next)
	a.finish(ctx, id, outcomeOf(repeated, err), res)
	return res, err
}

// finish notes what became of a change. If that fails, its outcome stays
// unknown, which is the truth.
func (a admission) finish(ctx context.Context, id int64, outcome string, res connect.AnyResponse) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	account := ""
	if res != nil {
		if message, ok := res.Any().(proto.Message); ok {
			account = accountOf(message)
		}
	}
	if err := a.api.audit.End(ctx, id, outcome, account); err != nil {
		a.api.log.WithError(err).WithField("audit_id", id).WithField("outcome", outcome).Error("api: the outcome of a change was not noted")
	}
}

func outcomeOf(repeated bool, err error) string {
	switch {
	case err != nil:
		return connect.CodeOf(explain(err)).String()
	case repeated:
		return access.OutcomeRepeated
	default:
		return access.OutcomeOK
	}
}

// refused notes a change that its caller may not make.
func (a admission) refused(ctx context.Context, req connect.AnyRequest, why error) {
	noted, err := describe(callerOf(ctx), req)
	if err == nil {
		err = a.api.audit.Refused(ctx, noted, connect.CodeOf(why).String())
	}
	if err != nil {
		a.api.log.WithError(err).WithField("procedure", req.Spec().Procedure).Error("api: a refused change was not noted")
	}
}

// describe is a change as the audit log has it.
func describe(who caller, req connect.AnyRequest) (access.Change, error) {
	message, ok := req.Any().(proto.Message)
	if !ok {
		return access.Change{}, errors.New("a request that is no message")
	}
	shown, err := redacted(message)
	if err != nil {
		return access.Change{}, err
	}
	out := access.Change{
		Actor: who.actor, TokenID: who.token, RemoteAddress: who.address,
		Procedure: strings.TrimPrefix(req.Spec().Procedure, procedurePrefix),
		Account:   accountOf(message), Target: targetOf(message), Request: shown,
		IdempotencyKey: req.Header().Get(idempotencyHeader),
	}
	if strings.HasPrefix(out.Procedure, "AccountService/") {
		out.Account, out.Target = out.Target, ""
	}
	out.Account, out.Target = storableText(out.Account), shortened(storableText(out.Target))
	out.IdempotencyKey = strings.ToValidUTF8(storableText(out.IdempotencyKey), "\uFFFD")
	return out, nil
}

// shortened keeps what a person reads of a long list; the request has all of it.
func shortened(text string) string {
	const most = 200
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most]) + "…"
}
