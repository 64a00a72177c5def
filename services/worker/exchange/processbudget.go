package exchange

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// BudgetConfig sets a ProcessBudget. Rates are requests per second to one host.
type BudgetConfig struct {
	Rate  float64
	Burst int
	// MaxWait is the longest time a caller waits for his turn; what would take
	// longer is refused at once.
	MaxWait time.Duration
}

// DefaultBudget is for a tool that runs by itself, beside the workers of a fleet
// and without their budget: a fifth of what Bybit allows an address, which is
// what they leave. MaxWait must be well below Policies.Attempt, of which it is a
// part.
func DefaultBudget() BudgetConfig {
	return BudgetConfig{Rate: 20, Burst: 20, MaxWait: 2 * time.Second}
}

// ProcessBudget is a Budget that knows of this process alone: for tools and
// tests. Workers share one. Each host has a
// token bucket. A RateLimited answer halves its rate, at most once a second
// however many calls were answered so, and every second that passes gives back
// 10 % of the configured rate. A Banned answer stops the host until RetryAt.
//
// It forgets everything when the process ends: a process that restarts during
// a ban sends one request more to learn of it.
type ProcessBudget struct {
	config BudgetConfig
	mu     sync.Mutex
	hosts  map[string]*bucket // bounded by Hosts, which knows every host there is
}

// NewProcessBudget checks the configuration.
func NewProcessBudget(config BudgetConfig) (*ProcessBudget, error) {
	var faults []error
	if !(config.Rate > 0) {
		faults = append(faults, fmt.Errorf("exchange budget: rate must be above 0 requests per second, is %g", config.Rate))
	}
	if config.Burst < 1 {
		faults = append(faults, fmt.Errorf("exchange budget: burst must be at least 1 request, is %d", config.Burst))
	}
	if config.MaxWait < 0 {
		faults = append(faults, fmt.Errorf("exchange budget: the longest wait must not be negative, is %s", config.MaxWait))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &ProcessBudget{config: config, hosts: map[string]*bucket{}}, nil
}

// Take implements Budget.
func (b *ProcessBudget) Take(ctx context.Context, use Use) error {
	bucket := b.bucket(use.Host)
	wait, giveBack, err := bucket.reserve(time.Now())
	if err != nil {
		return err
	}
	if err := pause(ctx, wait); err != nil {
		giveBack()
		return err
	}
	// The host may have banned us while this caller waited his turn.
	return bucket.banned(time.Now())
}

// Report implements Budget.
func (b *ProcessBudget) Report(use Use, fault *Error) {
	bucket := b.bucket(use.Host)
	switch fault.Class {
	case RateLimited:
		bucket.halve(time.Now())
	case Banned:
		bucket.stop(fault.RetryAt)
	}
}

// Rate is what the host is given now, in requests per second.
func (b *ProcessBudget) Rate(host string) float64 {
	return b.bucket(host).rate(time.Now())
}

func (b *ProcessBudget) bucket(host string) *bucket {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hosts[host] == nil {
		b.hosts[host] = newBucket(host, b.config)
	}
	return b.hosts[host]
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
