package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/access"
)

const (
	minLifetime = time.Minute
	maxLifetime = 10 * 365 * 24 * time.Hour
)

// tokens is TokenService.
type tokens struct{ *API }

// CreateToken implements TokenService.
func (s tokens) CreateToken(
	ctx context.Context, req *controlv1.CreateTokenRequest,
) (*controlv1.CreateTokenResponse, error) {
	scopes, err := checkNewToken(req)
	if err != nil {
		return nil, err
	}
	by := callerOf(ctx).actor
	made, text, err := s.tokens.Create(ctx, access.NewToken{
		Name: req.GetName(), Scopes: scopes, CreatedBy: by, ExpiresIn: req.GetExpiresIn().AsDuration(),
	})
	if err != nil {
		return nil, aboutToken(err)
	}
	s.log.WithField("token", made.Name).WithField("scopes", access.JoinScopes(scopes)).WithField("actor", by).
		Info("api: token created")
	return &controlv1.CreateTokenResponse{Token: tokenMessage(made), Text: text.Reveal()}, nil
}

func checkNewToken(req *controlv1.CreateTokenRequest) ([]access.Scope, error) {
	if err := checkTokenName(req.GetName()); err != nil {
		return nil, err
	}
	scopes, err := access.ParseScopes(req.GetScopes())
	if err != nil {
		return nil, badRequest("scopes", "", err)
	}
	if in := req.GetExpiresIn(); in != nil {
		if d := in.AsDuration(); in.CheckValid() != nil || d < minLifetime || d > maxLifetime {
			return nil, badRequest("expires_in", "", errors.New("a token lives for 1 minute to 10 years, or has no end"))
		}
	}
	return scopes, nil
}

// checkTokenName also refuses the name of those who have no token: the audit log
// would confuse the two.
func checkTokenName(name string) error {
	if err := checkNameOf("a token", name); err != nil {
		return err
	}
	if name == actorLoopback {
		return badRequest("name", "choose another name", fmt.Errorf("%q is what callers without a token are called", name))
	}
	return nil
}

// ListTokens implements TokenService.
func (s tokens) ListTokens(ctx context.Context, req *controlv1.ListTokensRequest) (*controlv1.ListTokensResponse, error) {
	found, err := s.tokens.List(ctx, req.GetAll())
	if err != nil {
		return nil, err
	}
	out := &controlv1.ListTokensResponse{}
	for _, token := range found {
		out.Tokens = append(out.Tokens, tokenMessage(token))
	}
	return out, nil
}

// RevokeToken implements TokenService.
func (s tokens) RevokeToken(
	ctx context.Context, req *controlv1.RevokeTokenRequest,
) (*controlv1.RevokeTokenResponse, error) {
	if err := checkNameOf("a token", req.GetName()); err != nil {
		return nil, err
	}
	revoked, err := s.tokens.Revoke(ctx, req.GetName())
	if err != nil {
		return nil, aboutToken(err)
	}
	s.log.WithField("token", revoked.Name).WithField("actor", callerOf(ctx).actor).Info("api: token revoked")
	return &controlv1.RevokeTokenResponse{Token: tokenMessage(revoked)}, nil
}

func aboutToken(err error) error {
	const list = "`alphapulse tokens list` shows those that exist"
	switch {
	case errors.Is(err, access.ErrNotFound):
		return notFound("token_not_found", list, err)
	case errors.Is(err, access.ErrNameTaken):
		return problem(connect.CodeAlreadyExists, err, &controlv1.Problem{
			Class: classConflict, Reason: "name_taken", NextStep: "choose another name, or revoke that one first; " + list,
		})
	default:
		return err
	}
}

func tokenMessage(t access.Token) *controlv1.Token {
	m := &controlv1.Token{
		Id: t.ID, Name: t.Name, Scopes: words(t.Scopes), CreatedBy: t.CreatedBy, CreatedAt: stamp(&t.CreatedAt),
		ExpiresAt: stamp(t.ExpiresAt), RevokedAt: stamp(t.RevokedAt), LastUsedAt: stamp(t.LastUsedAt), Status: "active",
	}
	switch {
	case t.RevokedAt != nil:
		m.Status = "revoked"
	case t.Expired:
		m.Status = "expired"
	}
	return m
}
