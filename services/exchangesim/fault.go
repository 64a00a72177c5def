package exchangesim

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind string

// The kinds of faults, and what Value means for each.
const (
	// FaultStatus answers an HTTP status (Value, 400 to 599) with the body that
	// the exchange or its CDN sends with it. 403 is the answer to a banned address.
	FaultStatus FaultKind = "status"
	// FaultRetCode answers HTTP 200 with a retCode (Value: code, or
	// code:message). 10006 comes with its headers.
	FaultRetCode FaultKind = "retcode"
	// FaultRetCodeBare is the same without any X-Bapi header.
	FaultRetCodeBare FaultKind = "retcode_bare"
	// FaultLatency waits (Value: a duration) before the answer is computed, or
	// with Stage response before it is sent.
	FaultLatency FaultKind = "latency"
	// FaultHang never answers; with a duration as Value it drops the
	// connection after that long.
	FaultHang FaultKind = "hang"
	// FaultReset resets the connection without an answer.
	FaultReset FaultKind = "reset"
	// FaultTruncate sends half of the body that its headers announce.
	FaultTruncate FaultKind = "truncate"
	// FaultHTML answers HTTP 200 with a maintenance page.
	FaultHTML FaultKind = "html"
	// FaultMalformed answers a complete body that is not JSON.
	FaultMalformed FaultKind = "malformed"
	// FaultShape answers JSON of a shape that is not documented.
	FaultShape FaultKind = "shape"
	// FaultEmpty answers an empty list.
	FaultEmpty FaultKind = "empty"
	// FaultStuckCursor gives a page's own cursor as the next one; with Value
	// "cycle" the second page leads back to the first.
	FaultStuckCursor FaultKind = "stuck_cursor"
	// FaultLastPage answers HTTP 500 in place of the last page; with Value
	// "after_first" in place of every page but the first.
	FaultLastPage FaultKind = "last_page"
	// FaultPageSize puts at most Value rows on a page, whatever limit says.
	FaultPageSize FaultKind = "page_size"
	// FaultSkipRows leaves the first Value rows of a page out, as when rows
	// move during a walk.
	FaultSkipRows FaultKind = "skip_rows"
	// FaultOverlap repeats the last Value rows of the page before.
	FaultOverlap FaultKind = "overlap"
	// FaultBadRow makes a number of row Value (counted from 0) unreadable. With
	// key=K as Value it is, on whatever page it comes, the row with that key:
	// an orderId, execId or the like.
	FaultBadRow FaultKind = "bad_row"
	// FaultWrongType makes an object of a number of the row.
	FaultWrongType FaultKind = "wrong_type"
	// FaultUnknownStatus gives the row a status, or a type, that nobody knows.
	FaultUnknownStatus FaultKind = "unknown_status"
	// FaultKeylessRow takes the row's key away.
	FaultKeylessRow FaultKind = "keyless_row"
	// FaultClock dates answers wrongly, by Value (a duration, may be negative).
	FaultClock FaultKind = "clock"
)

// Stage says where in a request something waits.
type Stage string

const (
	// StageRequest is before the answer is computed: it will show the instant
	// after the wait.
	StageRequest Stage = "request"
	// StageResponse is after: the answer shows the instant before the wait.
	StageResponse Stage = "response"
)

// Fault is one thing that goes wrong for the requests it matches.
type Fault struct {
	ID       string    `json:"id,omitempty"`
	Endpoint string    `json:"endpoint,omitempty"` // a path; empty: every path
	UID      string    `json:"uid,omitempty"`      // empty: everybody, and public requests
	Query    string    `json:"query,omitempty"`    // parameters a request must have, as in category=linear&settleCoin=USDC
	Skip     int       `json:"skip,omitempty"`     // leave the first so many matching requests alone
	EveryN   int       `json:"every_n,omitempty"`  // of the others every n-th; 0: each
	Count    int       `json:"count,omitempty"`    // strike so many times; 0: without end
	Kind     FaultKind `json:"kind"`
	Value    string    `json:"value,omitempty"`
	Stage    Stage     `json:"stage,omitempty"` // of latency; default request
}

// ParseFault reads a fault from the form of a flag:
// "endpoint=/v5/position/list,kind=status,value=500,every_n=3".
func ParseFault(s string) (Fault, error) {
	var f Fault
	var errs []error
	for _, part := range strings.Split(s, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			errs = append(errs, fmt.Errorf("%q is not of the form name=value", part))
			continue
		}
		if err := f.set(strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		errs = append(errs, f.validate())
	}
	if err := errors.Join(errs...); err != nil {
		return Fault{}, fmt.Errorf("fault %q: %w", s, err)
	}
	return f, nil
}

func (f *Fault) set(name, value string) error {
	count := func(into *int) error {
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%s must be a number, not %q", name, value)
		}
		*into = n
		return nil
	}
	switch name {
	case "id":
		f.ID = value
	case "endpoint":
		f.Endpoint = value
	case "uid":
		f.UID = value
	case "query":
		f.Query = value
	case "kind":
		f.Kind = FaultKind(value)
	case "value":
		f.Value = value
	case "stage":
		f.Stage = Stage(value)
	case "skip":
		return count(&f.Skip)
	case "every_n":
		return count(&f.EveryN)
	case "count":
		return count(&f.Count)
	default:
		return fmt.Errorf("unknown field %q: there are id, endpoint, uid, query, skip, every_n, count, kind, value, stage", name)
	}
	return nil
}

func (f Fault) validate() error {
	var errs []error
	if _, known := endpointOf(f.Endpoint); f.Endpoint != "" && !known {
		errs = append(errs, fmt.Errorf("unknown endpoint %q: there are %s", f.Endpoint, strings.Join(paths(), ", ")))
	}
	if _, err := url.ParseQuery(f.Query); err != nil {
		errs = append(errs, fmt.Errorf("query %q cannot be decoded", f.Query))
	}
	if f.Skip < 0 || f.EveryN < 0 || f.Count < 0 {
		errs = append(errs, errors.New("skip, every_n and count must not be negative"))
	}
	if f.Stage != "" && f.Stage != StageRequest && f.Stage != StageResponse {
		errs = append(errs, fmt.Errorf("stage must be %s or %s, not %q", StageRequest, StageResponse, f.Stage))
	}
	return errors.Join(append(errs, f.validateValue())...)
}

// validateValue checks that Value is what the kind asks for.
func (f Fault) validateValue() error {
	wrong := func(what string) error { return fmt.Errorf("kind %s needs %s as value, not %q", f.Kind, what, f.Value) }
	n, notNumber := strconv.Atoi(f.Value)
	_, notDuration := time.ParseDuration(f.Value)
	switch f.Kind {
	case FaultStatus:
		if notNumber != nil || n < 400 || n > 599 {
			return wrong("an HTTP status from 400 to 599")
		}
	case FaultRetCode, FaultRetCodeBare:
		code, _, _ := strings.Cut(f.Value, ":")
		if c, err := strconv.Atoi(code); err != nil || c == 0 {
			return wrong("a retCode other than 0, or retCode:message")
		}
	case FaultLatency, FaultClock:
		if notDuration != nil {
			return wrong("a duration such as 5s")
		}
	case FaultHang:
		if f.Value != "" && notDuration != nil {
			return wrong("nothing or a duration")
		}
	case FaultPageSize, FaultSkipRows, FaultOverlap:
		if notNumber != nil || n < 1 {
			return wrong("a number of rows above 0")
		}
	case FaultBadRow, FaultWrongType, FaultUnknownStatus, FaultKeylessRow:
		if !strings.HasPrefix(f.Value, rowByKey) && (notNumber != nil || n < 0) {
			return wrong("the index of a row, from 0, or key=K")
		}
	case FaultStuckCursor:
		return f.oneOf("", "cycle")
	case FaultLastPage:
		return f.oneOf("", "after_first")
	case FaultReset, FaultTruncate, FaultHTML, FaultMalformed, FaultShape, FaultEmpty:
		return f.oneOf("")
	default:
		return fmt.Errorf("unknown kind %q: there are %s", f.Kind, strings.Join(faultKinds(), ", "))
	}
	return nil
}

func (f Fault) oneOf(allowed ...string) error {
	if !slices.Contains(allowed, f.Value) {
		return fmt.Errorf("kind %s does not take the value %q", f.Kind, f.Value)
	}
	return nil
}

func faultKinds() []string {
	kinds := []FaultKind{
		FaultStatus, FaultRetCode, FaultRetCodeBare, FaultLatency, FaultHang, FaultReset, FaultTruncate, FaultHTML, FaultMalformed,
		FaultShape, FaultEmpty, FaultStuckCursor, FaultLastPage, FaultPageSize, FaultSkipRows, FaultOverlap, FaultBadRow, FaultWrongType, FaultUnknownStatus,
		FaultKeylessRow, FaultClock,
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return names
}

func paths() []string {
	var list []string
	for _, e := range endpoints() {
		list = append(list, e.path)
	}
	return list
}

// number and duration read a Value that validate has passed.
func (f Fault) number() int { return int(number(f.Value)) }

func (f Fault) duration() time.Duration {
	d, _ := time.ParseDuration(f.Value) // checked when the fault was set
	return d
}

// number reads digits; anything else is 0.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
