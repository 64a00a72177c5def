package exchangesim

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// maxAdminBody bounds the body of an admin request.
const maxAdminBody = 64 << 10

// routes sends /admin and /healthz to their handlers and all else to the API,
// whose paths are not cleaned first: the exchange answers 404 to them. listener
// is nil if it is not known.
func (x *Exchange) routes(listener net.Addr) http.Handler {
	admin := x.adminRoutes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/healthz":
			respond(w, map[string]any{"status": "ok", "time": x.clock.show()})
		case strings.HasPrefix(r.URL.Path, "/admin/"):
			if reason := x.adminRefusal(r, listener); reason != "" {
				adminError(w, http.StatusForbidden, errors.New(reason))
				return
			}
			admin.ServeHTTP(w, r)
		default:
			x.serveV5(w, r)
		}
	})
}

// adminRefusal says why a request may not use /admin, or "".
func (x *Exchange) adminRefusal(r *http.Request, listener net.Addr) string {
	if x.cfg.AdminToken != "" {
		sent, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(sent), []byte(x.cfg.AdminToken)) != 1 {
			return "the admin token is missing or wrong: send it as Authorization: Bearer …"
		}
		return ""
	}
	if listener == nil {
		listener, _ = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	}
	if !loopback(listener) {
		return "the admin endpoints are closed: listen on a loopback address, or set an admin token"
	}
	return ""
}

func loopback(addr net.Addr) bool {
	if addr == nil {
		return false
	}
	ap, err := netip.ParseAddrPort(addr.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

func respond(w http.ResponseWriter, v any) { writeJSON(w, http.StatusOK, encode(v)) }

func adminError(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, encode(map[string]string{"error": err.Error()}))
}

// failed answers an error of an admin request.
func failed(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, ErrUnknownUID) || errors.Is(err, ErrNothing) || errors.Is(err, errNoHold) {
		status = http.StatusNotFound
	}
	adminError(w, status, err)
}

// decode reads a JSON body strictly. An empty body leaves v as it is.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the request's JSON: %w", err)
	}
	return nil
}
