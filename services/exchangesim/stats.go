package exchangesim

import (
	"maps"
	"sync"
	"time"
)

// Stats counts what was answered since the start or the last reset. Results
// are ok, a retCode, "http" and a status, "fault" and the kind that garbled the
// answer, replayed (from a folder), or aborted (no answer).
type Stats struct {
	Since     time.Time         `json:"since"`
	Requests  int               `json:"requests"`
	InFlight  int               `json:"in_flight"`
	Most      int               `json:"most_in_flight"`
	Endpoints map[string]*Tally `json:"endpoints"`
	UIDs      map[string]*Tally `json:"uids"` // "": public or not identified
}

// Tally is one line of Stats. ByEndpoint is set for a UID only.
type Tally struct {
	Requests   int            `json:"requests"`
	Results    map[string]int `json:"results"`
	ByEndpoint map[string]int `json:"by_endpoint,omitempty"`
}

type statBook struct {
	mu  sync.Mutex
	now Stats
}

func newStatBook(since time.Time) *statBook {
	b := &statBook{}
	b.reset(since)
	return b
}

// ResetStats starts counting anew; requests under way count when they end.
func (x *Exchange) ResetStats() { x.stats.reset(x.cfg.Clock()) }

func (b *statBook) reset(since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	inFlight := b.now.InFlight
	b.now = Stats{
		Since: since.UTC(), InFlight: inFlight, Most: inFlight,
		Endpoints: map[string]*Tally{}, UIDs: map[string]*Tally{},
	}
}

// begin counts a request as under way; the function it returns counts its end.
func (b *statBook) begin() func(path, uid, result string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now.InFlight++
	b.now.Most = max(b.now.Most, b.now.InFlight)
	return b.end
}

func (b *statBook) end(path, uid, result string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now.InFlight--
	b.now.Requests++
	if _, known := endpointOf(path); !known {
		path = "other" // an endless choice of paths must not fill the memory
	}
	tally(b.now.Endpoints, path, result)
	t := tally(b.now.UIDs, uid, result)
	if t.ByEndpoint == nil {
		t.ByEndpoint = map[string]int{}
	}
	t.ByEndpoint[path]++
}

func tally(lines map[string]*Tally, key, result string) *Tally {
	t := lines[key]
	if t == nil {
		t = &Tally{Results: map[string]int{}}
		lines[key] = t
	}
	t.Requests++
	t.Results[result]++
	return t
}

// Stats gives the counts so far.
func (x *Exchange) Stats() Stats {
	x.stats.mu.Lock()
	defer x.stats.mu.Unlock()
	s := x.stats.now
	s.Endpoints, s.UIDs = cloneTallies(s.Endpoints), cloneTallies(s.UIDs)
	return s
}

func cloneTallies(lines map[string]*Tally) map[string]*Tally {
	clone := make(map[string]*Tally, len(lines))
	for key, t := range lines {
		clone[key] = &Tally{Requests: t.Requests, Results: maps.Clone(t.Results), ByEndpoint: maps.Clone(t.ByEndpoint)}
	}
	return clone
}
