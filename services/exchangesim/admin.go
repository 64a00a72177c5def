package exchangesim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// adminRoutes are documented in the package comment.
func (x *Exchange) adminRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /admin/truth", x.adminTruth)
	mux.HandleFunc("GET /admin/accounts/{uid}/credentials", x.adminCredentials)
	mux.HandleFunc("POST /admin/accounts/{uid}/{change}", x.adminChange)
	mux.HandleFunc("POST /admin/faults", x.adminSetFault)
	mux.HandleFunc("GET /admin/faults", func(w http.ResponseWriter, _ *http.Request) { respond(w, x.Faults()) })
	mux.HandleFunc("DELETE /admin/faults", x.adminClearFaults)
	mux.HandleFunc("GET /admin/clock", x.adminClock)
	mux.HandleFunc("POST /admin/clock", x.adminSetClock)
	mux.HandleFunc("GET /admin/stats", func(w http.ResponseWriter, _ *http.Request) { respond(w, x.Stats()) })
	mux.HandleFunc("POST /admin/stats/reset", x.adminResetStats)
	mux.HandleFunc("POST /admin/hold", x.adminHold)
	mux.HandleFunc("GET /admin/hold", x.adminHolds)
	mux.HandleFunc("POST /admin/release", x.adminRelease)
	mux.HandleFunc("POST /admin/limits", x.adminLimits)
	mux.HandleFunc("POST /admin/ban", x.adminBan)
	mux.HandleFunc("POST /admin/unban", x.adminUnban)
	mux.HandleFunc("GET /admin/truth/history", x.adminRecords)
	x.routeMaintenance(mux)
	x.routeReplay(mux)
	mux.HandleFunc("/admin/", func(w http.ResponseWriter, r *http.Request) {
		adminError(w, http.StatusNotFound, fmt.Errorf("no admin endpoint %s %s", r.Method, r.URL.Path))
	})
	return mux
}

func (x *Exchange) adminTruth(w http.ResponseWriter, r *http.Request) {
	at, err := parseInstant(r.URL.Query().Get("at"))
	if err != nil {
		failed(w, err)
		return
	}
	uid := r.URL.Query().Get("uid")
	if uid == "" {
		prices, ms, err := x.Prices(at)
		if err != nil {
			failed(w, err)
			return
		}
		respond(w, map[string]any{"at": time.UnixMilli(ms).UTC(), "time": ms, "prices": prices})
		return
	}
	span := usualSpan
	if days := r.URL.Query().Get("days"); days != "" {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > int(maxSpan/(24*time.Hour)) {
			failed(w, fmt.Errorf("days must be 1 to %d, not %q", maxSpan/(24*time.Hour), days))
			return
		}
		span = time.Duration(n) * 24 * time.Hour
	}
	truth, err := x.TruthSince(uid, at, span)
	if err != nil {
		failed(w, err)
		return
	}
	respond(w, truth)
}

// parseInstant reads RFC 3339 or Unix milliseconds; nothing means now.
func parseInstant(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && ms > 0 && ms < never {
		return time.UnixMilli(ms), nil
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("an instant is RFC 3339 or Unix milliseconds, not %q", s)
	}
	return at, nil
}

func (x *Exchange) adminCredentials(w http.ResponseWriter, r *http.Request) {
	index, err := x.indexOfUID(r.PathValue("uid"))
	if err != nil {
		failed(w, err)
		return
	}
	p := x.profile(index, x.book.of(index), x.clock.show())
	key, secret := keyPair(x.cfg.Seed, index, p.generation)
	if p.rsa != nil {
		secret = "" // the private half is with its owner
	}
	respond(w, map[string]any{"index": index, "uid": p.uid, "key": key, "secret": secret, "revoked": p.revoked, "rsa": p.rsa != nil})
}

func (x *Exchange) adminSetFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	err := decode(w, r, &f)
	if err == nil {
		f.ID, err = x.SetFault(f)
	}
	if err != nil {
		failed(w, err)
		return
	}
	respond(w, f)
}

func (x *Exchange) adminClearFaults(w http.ResponseWriter, r *http.Request) {
	respond(w, map[string]int{"cleared": x.ClearFaults(r.URL.Query()["id"]...)})
}

func (x *Exchange) adminClock(w http.ResponseWriter, _ *http.Request) {
	now := x.clock.show()
	respond(w, map[string]any{"time": now, "offset_ms": x.clock.offsetNow().Milliseconds()})
}

func (x *Exchange) adminSetClock(w http.ResponseWriter, r *http.Request) {
	var body struct {
		OffsetMs int64 `json:"offset_ms"`
	}
	err := decode(w, r, &body)
	if limit := 10 * 365 * day; err == nil && (body.OffsetMs > limit || body.OffsetMs < -limit) {
		err = errors.New("offset_ms must be within ten years")
	}
	if err != nil {
		failed(w, err)
		return
	}
	x.SetClockOffset(time.Duration(body.OffsetMs) * time.Millisecond)
	x.adminClock(w, r)
}

func (x *Exchange) adminResetStats(w http.ResponseWriter, _ *http.Request) {
	x.ResetStats()
	respond(w, x.Stats())
}

func (x *Exchange) adminHold(w http.ResponseWriter, r *http.Request) {
	var h Hold
	err := decode(w, r, &h)
	if err == nil {
		h.ID, err = x.Hold(h)
	}
	if err != nil {
		failed(w, err)
		return
	}
	respond(w, map[string]string{"id": h.ID})
}

// longestAwait bounds how long GET /admin/hold waits for requests to come.
const longestAwait = time.Minute

// adminHolds lists holds; with id and waiting it first waits until that many
// requests are held.
func (x *Exchange) adminHolds(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("waiting") != "" {
		n, err := strconv.Atoi(q.Get("waiting"))
		if err != nil {
			failed(w, fmt.Errorf("waiting must be a number, not %q", q.Get("waiting")))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), longestAwait)
		defer cancel()
		if err := x.AwaitHeld(ctx, q.Get("id"), n); err != nil {
			failed(w, err)
			return
		}
	}
	respond(w, x.Holds())
}

func (x *Exchange) adminRelease(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ID       string `json:"id"`
		Endpoint string `json:"endpoint"`
	}
	if err := decode(w, r, &body); err != nil {
		failed(w, err)
		return
	}
	var ids []string
	for _, h := range x.Holds() {
		if (body.ID == "" || body.ID == h.ID) && (body.Endpoint == "" || body.Endpoint == h.Endpoint) {
			ids = append(ids, h.ID)
		}
	}
	released := 0
	if len(ids) > 0 {
		released = x.Release(ids...)
	}
	respond(w, map[string]int{"released": released})
}

func (x *Exchange) adminLimits(w http.ResponseWriter, r *http.Request) {
	var body struct {
		On *bool `json:"on"`
	}
	err := decode(w, r, &body)
	if err == nil && body.On == nil {
		err = errors.New(`send {"on": true} or {"on": false}`)
	}
	if err != nil {
		failed(w, err)
		return
	}
	x.SetLimits(*body.On)
	respond(w, map[string]bool{"on": *body.On})
}

func (x *Exchange) adminUnban(w http.ResponseWriter, _ *http.Request) {
	x.Unban()
	respond(w, map[string]bool{"unbanned": true})
}

// SetLimits turns all rate limits on or off and forgets what they counted.
func (x *Exchange) SetLimits(on bool) {
	x.limits.set(on)
	x.bans.set(on)
}

// Unban lifts the bans of all addresses.
func (x *Exchange) Unban() { x.bans.lift() }
