package exchangesim

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// struck gives the first fault of a kind that hit this request.
func (c *call) struck(kind FaultKind) (Fault, bool) {
	for _, f := range c.faults {
		if f.Kind == kind {
			return f, true
		}
	}
	return Fault{}, false
}

// refusedByFault is the answer of a fault that answers for the exchange.
func (c *call) refusedByFault() *refusal {
	for _, f := range c.faults {
		switch f.Kind {
		case FaultStatus:
			return bare(f.number())
		case FaultRetCode:
			no := f.retCode()
			if no.code == codeTooMany && c.uid != "" {
				c.w.Header().Set(limitStatusHeader, "0")
				c.w.Header().Set(limitResetHeader, strconv.FormatInt(c.now+second, 10))
			}
			return no
		case FaultRetCodeBare:
			for _, name := range []string{limitHeader, limitStatusHeader, limitResetHeader} {
				c.w.Header().Del(name)
			}
			return f.retCode()
		default:
		}
	}
	return nil
}

func (f Fault) retCode() *refusal {
	code, message, given := strings.Cut(f.Value, ":")
	n := number(code)
	if !given {
		message = usualMessage(n)
	}
	return refuse(int(n), "%s", message)
}

// usualMessage is what the exchange says with the codes it is known for.
func usualMessage(code int64) string {
	switch code {
	case 10000:
		return "Server Timeout"
	case codeKey:
		return "API key is invalid."
	case codePermission:
		return "Permission denied, please check your API key permissions."
	case codeTooMany:
		return "Too many visits. Exceeded the API Rate Limit."
	case codeSystem:
		return "System error. Please try again later."
	case 10028:
		return "The API can only be accessed by unified account users."
	case codeExpired:
		return "Your api key has expired."
	default:
		return "stand-in fault " + strconv.FormatInt(code, 10)
	}
}

// pause lets holds, latency, hangs and resets of a stage have their way. It
// returns false if there is nobody left to answer.
func (x *Exchange) pause(c *call, stage Stage) bool {
	if !x.holds.wait(c, stage, x.stopped) {
		return x.abort(c)
	}
	for _, f := range c.faults {
		at := f.Stage
		if at == "" {
			at = StageRequest
		}
		if at != stage {
			continue
		}
		switch f.Kind {
		case FaultLatency:
			if !x.wait(c.r.Context(), f.duration()) {
				return x.abort(c)
			}
		case FaultHang:
			x.hang(c.r.Context(), f.duration())
			return x.abort(c)
		case FaultReset:
			return reset(c.w)
		default:
		}
	}
	return true
}

// abort drops the connection: the one way out that leaves no answer. The
// request is counted first, by the deferred part of serveV5.
func (x *Exchange) abort(*call) bool { panic(http.ErrAbortHandler) }

func (x *Exchange) hang(ctx context.Context, most time.Duration) {
	if most > 0 {
		x.wait(ctx, most)
		return
	}
	select {
	case <-ctx.Done():
	case <-x.stopped:
	}
}

// reset closes the connection so that the client sees a TCP reset.
func reset(w http.ResponseWriter) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(errors.Join(http.ErrAbortHandler, err))
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
	return false
}

// faultedSize, faultedOverlap, faultedCursor and pageFault bend a page.
func (c *call) faultedSize(size int) int {
	if f, ok := c.struck(FaultPageSize); ok {
		return min(size, f.number())
	}
	return size
}

func (c *call) faultedOverlap() int {
	if f, ok := c.struck(FaultOverlap); ok {
		return f.number()
	}
	return 0
}

func (c *call) faultedCursor(cur cursor, next string) string {
	f, ok := c.struck(FaultStuckCursor)
	switch {
	case !ok:
		return next
	case f.Value != "cycle":
		return cur.String()
	case cur.offset > 0 || next == "":
		return cursor{at: cur.at, check: cur.check}.String()
	default:
		return next
	}
}

// pageFault fails pages by their place in the walk.
func (c *call) pageFault(later, last bool) *refusal {
	f, ok := c.struck(FaultLastPage)
	if ok && (f.Value == "" && last || f.Value == "after_first" && later) {
		return bare(http.StatusInternalServerError)
	}
	return nil
}
