package exchangesim

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const maxHolds = 100

// Hold stops the requests that match it until it is released, so that a test
// can act while they are under way without guessing at times.
type Hold struct {
	ID       string `json:"id"`
	Endpoint string `json:"endpoint,omitempty"` // a path; empty: every path
	UID      string `json:"uid,omitempty"`
	Query    string `json:"query,omitempty"` // as in Fault
	Stage    Stage  `json:"stage"`           // default request
	Waiting  int    `json:"waiting"`         // requests held now
	Held     int    `json:"held"`            // requests held so far
}

var errNoHold = errors.New("no such hold")

type holdState struct {
	Hold
	released chan struct{}
}

type holdList struct {
	mu      sync.Mutex
	list    []*holdState
	last    int
	changed chan struct{} // closed and replaced whenever a count changes
}

func newHoldList() *holdList { return &holdList{changed: make(chan struct{})} }

// Hold puts a hold in force and returns its id.
func (x *Exchange) Hold(h Hold) (id string, err error) {
	if h.Stage == "" {
		h.Stage = StageRequest
	}
	if h.Stage != StageRequest && h.Stage != StageResponse {
		return "", fmt.Errorf("holding requests: stage must be %s or %s, not %q", StageRequest, StageResponse, h.Stage)
	}
	if _, known := endpointOf(h.Endpoint); h.Endpoint != "" && !known {
		return "", fmt.Errorf("holding requests: unknown endpoint %q: there are %s", h.Endpoint, strings.Join(paths(), ", "))
	}
	if _, err := url.ParseQuery(h.Query); err != nil {
		return "", fmt.Errorf("holding requests: query %q cannot be decoded", h.Query)
	}
	return x.holds.add(h)
}

// Release ends the holds with these ids, or all of them if there are none, and
// lets their requests go on.
func (x *Exchange) Release(ids ...string) int { return x.holds.release(ids) }

// Holds lists the holds in force.
func (x *Exchange) Holds() []Hold {
	x.holds.mu.Lock()
	defer x.holds.mu.Unlock()
	list := make([]Hold, 0, len(x.holds.list))
	for _, h := range x.holds.list {
		list = append(list, h.Hold)
	}
	return list
}

// AwaitHeld returns once at least n requests wait in the hold.
func (x *Exchange) AwaitHeld(ctx context.Context, id string, n int) error {
	for {
		h, changed, ok := x.holds.state(id)
		if !ok {
			return fmt.Errorf("waiting for held requests: %w: %q", errNoHold, id)
		}
		if h.Waiting >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %d requests in hold %s, %d came: %w", n, id, h.Waiting, ctx.Err())
		}
	}
}

func (l *holdList) add(h Hold) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) >= maxHolds {
		return "", fmt.Errorf("holding requests: %d holds are in force already; release some first", maxHolds)
	}
	l.last++
	h.ID, h.Waiting, h.Held = "hold-"+strconv.Itoa(l.last), 0, 0
	l.list = append(l.list, &holdState{Hold: h, released: make(chan struct{})})
	return h.ID, nil
}

func (l *holdList) release(ids []string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	var kept []*holdState
	for _, h := range l.list {
		if len(ids) == 0 || slices.Contains(ids, h.ID) {
			close(h.released)
			continue
		}
		kept = append(kept, h)
	}
	released := len(l.list) - len(kept)
	l.list = kept
	l.announce()
	return released
}

func (l *holdList) state(id string) (Hold, <-chan struct{}, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.list {
		if h.ID == id {
			return h.Hold, l.changed, true
		}
	}
	return Hold{}, nil, false
}

func (l *holdList) announce() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// wait keeps a request in the first hold that matches it. It returns false if
// the client left or the exchange stopped.
func (l *holdList) wait(c *call, stage Stage, stopped <-chan struct{}) bool {
	h := l.enter(c, stage)
	if h == nil {
		return true
	}
	defer l.leave(h)
	select {
	case <-h.released:
		return true
	case <-c.r.Context().Done():
		return false
	case <-stopped:
		return false
	}
}

func (l *holdList) enter(c *call, stage Stage) *holdState {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.list {
		if h.Stage == stage && matches(c, h.Endpoint, h.UID, h.Query) {
			h.Waiting++
			h.Held++
			l.announce()
			return h
		}
	}
	return nil
}

func (l *holdList) leave(h *holdState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h.Waiting--
	l.announce()
}
