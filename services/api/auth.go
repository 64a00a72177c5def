package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/access"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// guard decides who calls.
type guard struct {
	demanded bool
	token    [sha256.Size]byte // the static one
	tokens   *access.Tokens
	patience time.Duration // with the database, for looking up a token
	writer   *connect.ErrorWriter
}

func newGuard(cfg Config, tokens *access.Tokens) *guard {
	return &guard{
		demanded: !cfg.Token.IsEmpty(),
		token:    sha256.Sum256([]byte(cfg.Token.Reveal())),
		tokens:   tokens, patience: cfg.CallTimeout,
		writer: connect.NewErrorWriter(),
	}
}

// protect lets nobody pass who cannot be told, and says who calls.
func (g *guard) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), g.patience)
		who, err := g.identify(ctx, r.Header.Get("Authorization"))
		cancel()
		switch {
		case err == nil:
			who.address = hostOnly(r.RemoteAddr)
			next.ServeHTTP(w, r.WithContext(withCaller(r.Context(), who)))
		case connect.CodeOf(err) == connect.CodeUnauthenticated:
			w.Header().Set("WWW-Authenticate", "Bearer")
			g.refuse(w, r, http.StatusUnauthorized, err)
		default:
			g.refuse(w, r, http.StatusServiceUnavailable, err)
		}
	})
}

// identify tells who sends a header. The static token is compared by hashes of
// equal length in constant time, so that neither it nor its length can be found
// by measuring. A token of the table is never ignored, also where none is
// demanded.
func (g *guard) identify(ctx context.Context, authorization string) (caller, error) {
	scheme, given, _ := strings.Cut(authorization, " ")
	text := vault.NewSecret(strings.TrimSpace(given))
	bearer := strings.EqualFold(scheme, "Bearer")
	sum := sha256.Sum256([]byte(text.Reveal()))
	switch {
	case g.demanded && bearer && subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1:
		return caller{actor: actorStatic, scopes: access.Scopes()}, nil
	case bearer && access.IsToken(text.Reveal()):
		return g.lookUp(ctx, text)
	case g.demanded:
		return caller{}, unauthenticated(authorization != "")
	default:
		return caller{actor: actorLoopback, scopes: access.Scopes()}, nil
	}
}

// lookUp finds a token of the table.
func (g *guard) lookUp(ctx context.Context, text vault.Secret) (caller, error) {
	token, err := g.tokens.Find(ctx, text)
	switch {
	case err == nil:
		return caller{actor: token.Name, token: token.ID, text: text, scopes: token.Scopes}, nil
	case errors.Is(err, access.ErrUnknown):
		return caller{}, unauthenticated(true)
	case errors.Is(err, access.ErrExpired):
		return caller{}, ended("token_expired", token.Name, err)
	case errors.Is(err, access.ErrRevoked):
		return caller{}, ended("token_revoked", token.Name, err)
	default:
		return caller{}, explain(err)
	}
}

func unauthenticated(given bool) error {
	message := "this API demands a token"
	if given {
		message = "the token is not one of this API"
	}
	return problem(connect.CodeUnauthenticated, errors.New(message), &controlv1.Problem{
		Class: classUnauthenticated, Reason: "token",
		NextStep: "set " + TokenSetting + " or " + TokenSetting + "_FILE to a token of the API",
	})
}

// ended refuses a token that was good once.
func ended(reason, name string, err error) error {
	return problem(connect.CodeUnauthenticated, fmt.Errorf("%w: %s", err, name), &controlv1.Problem{
		Class: classUnauthenticated, Reason: reason,
		NextStep: "have another one made: `alphapulse tokens create NAME --scopes …`",
	})
}

// fromHere refuses what a web page could send through the browser of a person
// who may call: requests of another origin, and, while no token stands in the
// way, requests for another host name that somebody made resolve to loopback.
func (g *guard) fromHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origins := r.Header.Values("Origin")
		for _, origin := range origins {
			if !loopbackOrigin(origin) {
				g.refuse(w, r, http.StatusForbidden, foreign("origin", "requests from web pages of other origins are refused"))
				return
			}
		}
		if !g.demanded && !isLoopback(hostOnly(r.Host)) {
			g.refuse(w, r, http.StatusForbidden, foreign("host",
				"without a token this API answers only to localhost and loopback addresses"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func foreign(reason, message string) error {
	return problem(connect.CodePermissionDenied, errors.New(message), &controlv1.Problem{
		Class: classUnauthenticated, Reason: reason,
		NextStep: "call the API by its own address, or give it a token (" + TokenSetting + ")",
	})
}

// loopbackOrigin accepts http://localhost:3000 and the like. The origin "null"
// of sandboxed pages has no host.
func loopbackOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && isLoopback(u.Hostname())
}

func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// refuse answers in the protocol of the request, or with plain text.
func (g *guard) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	if g.writer.IsSupported(r) {
		_ = g.writer.Write(w, r, err) // the client has gone
		return
	}
	http.Error(w, err.Error(), status)
}
