package exchangesim

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// call is one request on its way through the exchange.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	path  string
	query url.Values
	// address is the one that the limits count.
	address string
	uid     string // "" for public endpoints
	alike   bool   // what one account is shown, all are
	index   int
	key     string
	owner   profile
	faults  []Fault
	now     int64 // the envelope's time
	at      int64 // the instant that rows show: now, or that of a walk's first page
	view    *view // of the account, nil for public endpoints
	// indexed is the view that the histories show: that of the instant which
	// they have been indexed up to.
	indexed *view
}

// serveV5 takes a request through every rule in the order in which they bite:
// address limit, body, path, query, key, UID limit; then holds and faults;
// then the answer.
func (x *Exchange) serveV5(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, r: r, path: r.URL.Path, address: address(r, x.cfg.Egress), alike: x.cfg.Bench.On}
	finish := x.count(c)
	defer finish("aborted") // unless counted before
	ep, no := x.admit(c)
	if no != nil {
		finish(no.result())
		c.respondRefusal(x, no)
		return
	}
	c.faults = x.faults.strike(c)
	if !x.pause(c, StageRequest) {
		return
	}
	body, no := x.answer(c, ep)
	if !x.pause(c, StageResponse) {
		return
	}
	if no != nil {
		finish(no.result())
		c.respondRefusal(x, no)
		return
	}
	finish(c.outcome(body))
	c.deliver(body)
}

// count takes the request into the statistics. What it returns counts the
// outcome, once, and is called before the answer is written: whoever has the
// answer finds it counted.
func (x *Exchange) count(c *call) func(result string) {
	end := x.stats.begin()
	counted := false
	return func(result string) {
		if counted {
			return
		}
		counted = true
		end(x.cfg.Clock().Unix(), c.path, c.uid, c.address, result)
		x.cfg.Log.WithFields(logrus.Fields{"path": c.path, "uid": c.uid, "result": result}).Debug("request answered")
	}
}

// admit applies the rules that need no look at the world.
func (x *Exchange) admit(c *call) (endpoint, *refusal) {
	if no := x.bans.admit(c.address); no != nil {
		return endpoint{}, no
	}
	if no := checkMethod(c.r); no != nil {
		return endpoint{}, no
	}
	ep, known := endpointOf(c.path)
	if !known {
		return endpoint{}, bare(http.StatusNotFound)
	}
	if c.r.Method != http.MethodGet {
		return endpoint{}, refuse(codeRoute, "Route not found.")
	}
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return endpoint{}, badParam("the query string cannot be decoded")
	}
	c.query = query
	if !ep.private {
		return ep, nil
	}
	if no := x.authenticate(c); no != nil {
		return endpoint{}, no
	}
	return ep, x.limits.admit(c)
}

// checkMethod: methods are upper case, and a GET has no body; an empty JSON
// object is a documented cause of 403.
func checkMethod(r *http.Request) *refusal {
	if r.Method != strings.ToUpper(r.Method) {
		return bare(http.StatusBadRequest)
	}
	if r.Method == http.MethodGet && (r.ContentLength > 0 || len(r.TransferEncoding) > 0) {
		return &refusal{status: http.StatusForbidden, body: "<html><body>403 Forbidden</body></html>"}
	}
	return nil
}

// answer computes the body, or the refusal that a fault or a rule demands.
func (x *Exchange) answer(c *call, ep endpoint) (answer, *refusal) {
	c.now = x.clock.show()
	c.at = c.now
	if no := c.refusedByFault(); no != nil {
		return answer{}, no
	}
	if no := x.notices.refuse(c); no != nil {
		return answer{}, no
	}
	if recorded, no := x.replay.find(c); recorded != nil || no != nil {
		return answer{recorded: recorded}, no
	}
	if ep.list != nil {
		return x.page(c, ep)
	}
	c.look(x)
	result, no := ep.serve(x, c)
	if no != nil {
		return answer{}, no
	}
	return answer{result: result, message: successOf(c.path)}, nil
}

// successOf is what a path says when all is well: success has many words, and
// none (as documented).
func successOf(path string) string {
	switch path {
	case "/v5/user/query-api", "/v5/user/query-sub-members", "/v5/system/status":
		return ""
	case "/v5/asset/transfer/query-account-coins-balance":
		return "success"
	default:
		return "OK"
	}
}

// look takes the view of the account at the instant shown.
func (c *call) look(x *Exchange) {
	if c.uid != "" {
		c.view = x.view(c.index, c.at)
		c.indexed = x.view(c.index, c.at-x.cfg.IndexingDelay.Milliseconds())
	}
}

func (c *call) respondRefusal(x *Exchange, no *refusal) {
	if c.now == 0 {
		c.now = x.clock.show()
	}
	c.stamp()
	writeRefusal(c.w, no, c.dated())
}

// stamp sets the headers that every answer carries.
func (c *call) stamp() {
	c.w.Header().Set("Timenow", strconv.FormatInt(c.dated(), 10))
	c.w.Header().Set("Traceid", strconv.FormatUint(uint64(seed(c.now).named(c.path).named(c.uid)), 16))
}

// dated is the time the answer claims: a fault may bend it.
func (c *call) dated() int64 {
	at := c.now
	for _, f := range c.faults {
		if f.Kind == FaultClock {
			at += f.duration().Milliseconds()
		}
	}
	return at
}

// wait lets d pass, or ends early, with false, if the client leaves or the
// exchange stops.
func (x *Exchange) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-x.stopped:
		return false
	}
}
