package exchange

import (
	"fmt"
	"sync"

	"github.com/sirupsen/logrus"
)

// maxHosts bounds the registry. Hosts come from the base URLs of accounts and
// markets, of which an installation has a handful.
const maxHosts = 1024

// Hosts keeps what all accounts and markets of one host share in a process:
// its breaker, its bulkhead and its clock. They live as long as the process,
// because a breaker that is built anew for each job never opens.
type Hosts struct {
	policies Policies
	budget   Budget
	log      *logrus.Entry

	mu    sync.Mutex
	known map[string]*Host
}

// Host is the shared part of one host.
type Host struct {
	// Name is host, or host:port, as in the base URL.
	Name   string
	Caller *Caller
	Clock  *Clock
}

// NewHosts checks the policies. log receives the breakers' changes of state.
func NewHosts(policies Policies, budget Budget, log *logrus.Entry) (*Hosts, error) {
	if err := policies.validate(); err != nil {
		return nil, err
	}
	return &Hosts{policies: policies, budget: budget, log: log, known: map[string]*Host{}}, nil
}

// Get returns the host of that name, the same one every time.
func (h *Hosts) Get(name string) (*Host, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if host := h.known[name]; host != nil {
		return host, nil
	}
	if len(h.known) >= maxHosts {
		return nil, fmt.Errorf("exchange host %s: this process already talks to %d hosts, which is the most it keeps; spread the accounts over more workers", name, maxHosts)
	}
	host := &Host{
		Name:   name,
		Caller: newCaller(name, h.policies, h.budget, h.log.WithField("host", name)),
		Clock:  NewClock(),
	}
	h.known[name] = host
	return host, nil
}
