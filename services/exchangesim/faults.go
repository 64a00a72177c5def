package exchangesim

import (
	"fmt"
	"net/url"
	"strconv"
	"sync"
)

const maxFaults = 1000

// FaultState is a fault in force with what it has done so far.
type FaultState struct {
	Fault
	Seen   int `json:"seen"`   // requests that matched
	Struck int `json:"struck"` // of those it hit
}

// faultList holds the faults in force, in the order in which they were set.
type faultList struct {
	mu   sync.Mutex
	list []*FaultState
	last int
}

// SetFault puts a fault in force and returns its id; a fault with an id that is
// in force already replaces it.
func (x *Exchange) SetFault(f Fault) (id string, err error) {
	if err := f.validate(); err != nil {
		return "", fmt.Errorf("setting a fault: %w", err)
	}
	return x.faults.add(f)
}

// ClearFaults ends the faults with these ids, or all of them if there are none.
// It returns how many ended.
func (x *Exchange) ClearFaults(ids ...string) int { return x.faults.remove(ids) }

// Faults lists the faults in force.
func (x *Exchange) Faults() []FaultState {
	x.faults.mu.Lock()
	defer x.faults.mu.Unlock()
	list := make([]FaultState, 0, len(x.faults.list))
	for _, f := range x.faults.list {
		list = append(list, *f)
	}
	return list
}

func (l *faultList) add(f Fault) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.ID == "" {
		l.last++
		f.ID = "fault-" + strconv.Itoa(l.last)
	}
	for i, old := range l.list {
		if old.ID == f.ID {
			l.list[i] = &FaultState{Fault: f}
			return f.ID, nil
		}
	}
	if len(l.list) >= maxFaults {
		return "", fmt.Errorf("setting a fault: %d are in force already; clear some first", maxFaults)
	}
	l.list = append(l.list, &FaultState{Fault: f})
	return f.ID, nil
}

func (l *faultList) remove(ids []string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := func(f *FaultState) bool {
		for _, id := range ids {
			if f.ID == id {
				return true
			}
		}
		return len(ids) == 0
	}
	var kept []*FaultState
	for _, f := range l.list {
		if !gone(f) {
			kept = append(kept, f)
		}
	}
	removed := len(l.list) - len(kept)
	l.list = kept
	return removed
}

// strike counts a request against every fault and returns those that hit it.
func (l *faultList) strike(c *call) []Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	var hit []Fault
	for _, f := range l.list {
		if !matches(c, f.Endpoint, f.UID, f.Query) {
			continue
		}
		f.Seen++
		turn := f.Seen - f.Skip
		if turn < 1 || f.EveryN > 1 && turn%f.EveryN != 0 || f.Count > 0 && f.Struck >= f.Count {
			continue
		}
		f.Struck++
		hit = append(hit, f.Fault)
	}
	return hit
}

// matches tells whether a request is one of those meant.
func matches(c *call, endpoint, uid, query string) bool {
	if endpoint != "" && endpoint != c.path || uid != "" && uid != c.uid {
		return false
	}
	want, _ := url.ParseQuery(query) // checked when it was set
	for name := range want {
		if c.query.Get(name) != want.Get(name) {
			return false
		}
	}
	return true
}
