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
	// Addresses are those that the limits count; beyond a thousand: "other".
	Addresses map[string]*Tally `json:"addresses"`
}

// Tally is one line of Stats. ByEndpoint is not set for an endpoint. Busiest is
// the most requests of one second of the exchange's clock.
type Tally struct {
	Requests   int            `json:"requests"`
	Results    map[string]int `json:"results"`
	ByEndpoint map[string]int `json:"by_endpoint,omitempty"`
	Busiest    int            `json:"busiest_second"`

	second, within int64 // the second counted now, and its requests
}

const maxAddresses = 1000

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
		Endpoints: map[string]*Tally{}, UIDs: map[string]*Tally{}, Addresses: map[string]*Tally{},
	}
}

// begin counts a request as under way; the function it returns counts its end.
func (b *statBook) begin() func(now int64, path, uid, address, result string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now.InFlight++
	b.now.Most = max(b.now.Most, b.now.InFlight)
	return b.end
}

func (b *statBook) end(now int64, path, uid, address, result string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now.InFlight--
	b.now.Requests++
	if _, known := endpointOf(path); !known {
		path = "other" // an endless choice of paths must not fill the memory
	}
	if b.now.Addresses[address] == nil && len(b.now.Addresses) >= maxAddresses {
		address = "other"
	}
	tally(b.now.Endpoints, path, result).tick(now)
	for _, t := range []*Tally{tally(b.now.UIDs, uid, result), tally(b.now.Addresses, address, result)} {
		if t.ByEndpoint == nil {
			t.ByEndpoint = map[string]int{}
		}
		t.ByEndpoint[path]++
		t.tick(now)
	}
}

func (t *Tally) tick(now int64) {
	if now != t.second {
		t.second, t.within = now, 0
	}
	t.within++
	t.Busiest = max(t.Busiest, int(t.within))
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
	s.Endpoints, s.UIDs, s.Addresses = cloneTallies(s.Endpoints), cloneTallies(s.UIDs), cloneTallies(s.Addresses)
	return s
}

func cloneTallies(lines map[string]*Tally) map[string]*Tally {
	clone := make(map[string]*Tally, len(lines))
	for key, t := range lines {
		c := *t
		c.Results, c.ByEndpoint = maps.Clone(t.Results), maps.Clone(t.ByEndpoint)
		clone[key] = &c
	}
	return clone
}
