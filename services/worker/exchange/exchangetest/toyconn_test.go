package exchangetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// toyConn talks to the toy exchange.
type toyConn struct {
	base, uid, key, secret string
	host                   *exchange.Host
	defects                defects
	afraid                 atomic.Bool
}

func (c *toyConn) clock() *exchange.Clock {
	if c.defects.noClock {
		return nil
	}
	return c.host.Clock
}

func (p toyPage) time() time.Time { return time.UnixMilli(p.At).UTC() }

func (c *toyConn) get(ctx context.Context, reading Reading, scope exchange.Scope, window exchange.Window, cursor string) (toyPage, *exchange.Error) {
	if c.defects.leavesGoroutines {
		go func() { <-make(chan struct{}) }()
	}
	if c.afraid.Load() {
		return toyPage{}, &exchange.Error{Class: exchange.Unsupported, Message: "it was refused before"}
	}
	var page toyPage
	attempt := func(ctx context.Context) (err error) {
		page, err = c.send(ctx, c.query(reading, scope, window, cursor))
		return err
	}
	fault := c.call(ctx, reading, attempt)
	if fault != nil && c.defects.retriesItself && ctx.Err() == nil {
		fault = c.call(ctx, reading, attempt)
	}
	if fault != nil && !fault.Class.EndsJob() && c.defects.staysAfraid {
		c.afraid.Store(true)
	}
	return page, fault
}

func (c *toyConn) query(reading Reading, scope exchange.Scope, window exchange.Window, cursor string) url.Values {
	q := url.Values{"reading": {string(reading)}, "scope": {string(scope)}, "cursor": {cursor}}
	if window == (exchange.Window{}) {
		return q
	}
	from, to := window.From.UnixMilli(), window.To.Add(-1).UnixMilli()+1
	switch {
	case c.defects.skipsBeginning:
		from++
	case c.defects.includesEnd:
		to++
	case c.defects.roundsInwards:
		from, to = window.From.Add(time.Millisecond-1).UnixMilli(), window.To.Add(-time.Millisecond/2).UnixMilli()
	}
	q.Set("from", strconv.FormatInt(from, 10))
	q.Set("to", strconv.FormatInt(to, 10))
	return q
}

func (c *toyConn) call(ctx context.Context, reading Reading, attempt func(context.Context) error) *exchange.Error {
	if c.defects.ignoresContext || c.defects.asksAnyway && ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	if c.defects.paysNothing {
		var fault *exchange.Error
		if err := attempt(ctx); err != nil && !errors.As(err, &fault) {
			fault = &exchange.Error{Class: exchange.Transient, Message: "no answer", Cause: err}
		}
		return fault
	}
	use := exchange.Use{Host: c.host.Name, Endpoint: string(reading)}
	if c.key != "" {
		use.UID = c.uid
	}
	return c.host.Caller.Do(ctx, exchange.Call{Use: use}, attempt)
}

func (c *toyConn) send(ctx context.Context, q url.Values) (toyPage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/rows?"+q.Encode(), http.NoBody)
	if err != nil {
		return toyPage{}, err
	}
	request.Header.Set("X-Sign", toySignature(c.key))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return toyPage{}, &exchange.Error{Class: exchange.Transient, Message: "no answer", Cause: errors.Unwrap(err)}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return toyPage{}, &exchange.Error{Class: exchange.Transient, Message: "no whole answer", Cause: err}
	}
	return c.judge(response.StatusCode, body)
}

func (c *toyConn) judge(status int, body []byte) (toyPage, error) {
	var page toyPage
	err := json.Unmarshal(body, &page)
	var syntax *json.SyntaxError
	switch {
	case status != http.StatusOK || errors.As(err, &syntax):
		if c.defects.acceptsGarbage {
			return toyPage{At: time.Now().UnixMilli()}, nil
		}
		return page, &exchange.Error{Class: exchange.Transient, Message: fmt.Sprint("status ", status)}
	case err != nil || page.OK == nil || *page.OK && page.Rows == nil:
		return page, &exchange.Error{Class: exchange.Decode, Message: "no answer that is known", Payload: []byte(c.redact(string(body)))}
	case *page.OK:
		return page, nil
	}
	fault := &exchange.Error{Class: page.Class, Message: c.redact(page.Said), Payload: []byte(c.redact(string(body)))}
	if page.Until > 0 && !c.defects.noRetryAt {
		fault.RetryAt = time.UnixMilli(page.Until)
	}
	if c.defects.hidesPermission && page.Class == exchange.Permission {
		return toyPage{At: time.Now().UnixMilli()}, nil
	}
	return page, fault
}
