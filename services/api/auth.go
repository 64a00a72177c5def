package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"connectrpc.com/connect"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// guard decides who may call.
type guard struct {
	demanded bool
	token    [sha256.Size]byte
	writer   *connect.ErrorWriter
}

func newGuard(token vault.Secret) *guard {
	return &guard{
		demanded: !token.IsEmpty(),
		token:    sha256.Sum256([]byte(token.Reveal())),
		writer:   connect.NewErrorWriter(),
	}
}

// protect demands the token.
func (g *guard) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.allows(r.Header.Get("Authorization")) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			g.refuse(w, r, http.StatusUnauthorized, unauthenticated(r.Header.Get("Authorization") != ""))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// allows compares hashes of equal length in constant time, so that neither the
// token nor its length can be found by measuring.
func (g *guard) allows(authorization string) bool {
	if !g.demanded {
		return true
	}
	scheme, given, _ := strings.Cut(authorization, " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(given)))
	same := subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
	return same && strings.EqualFold(scheme, "Bearer")
}

func unauthenticated(given bool) error {
	message := "this API demands a token"
	if given {
		message = "the token is not the one of this API"
	}
	return problem(connect.CodeUnauthenticated, errors.New(message), &controlv1.Problem{
		Class: classUnauthenticated, Reason: "token",
		NextStep: "set " + TokenSetting + " or " + TokenSetting + "_FILE to the API's token",
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
