package exchange

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	halvingInterval = time.Second
	regrowthShare   = 0.1 // of the configured rate, per second
	// lowestShare of the configured rate remains however often it was halved:
	// a host must not be starved by answers of long ago.
	lowestShare = 1.0 / 32
)

// bucket is the budget of one host.
type bucket struct {
	host   string
	config BudgetConfig

	mu       sync.Mutex
	tokens   *rate.Limiter
	share    float64   // of the configured rate, at most 1
	sharedAt time.Time // when share was last brought up to date
	halvedAt time.Time
	stopped  time.Time // no request before this time
}

func newBucket(host string, config BudgetConfig) *bucket {
	return &bucket{
		host:     host,
		config:   config,
		tokens:   rate.NewLimiter(rate.Limit(config.Rate), config.Burst),
		share:    1,
		sharedAt: time.Now(),
	}
}

// reserve takes the next free turn and says how far off it is; giveBack undoes
// it. A turn too far off is not taken.
func (b *bucket) reserve(now time.Time) (wait time.Duration, giveBack func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.bannedLocked(now); err != nil {
		return 0, nil, err
	}
	b.regrow(now)
	turn := b.tokens.ReserveN(now, 1)
	wait = turn.DelayFrom(now)
	if wait > b.config.MaxWait {
		turn.CancelAt(now)
		return 0, nil, &Error{
			Class:   RateLimited,
			Code:    "budget",
			Message: fmt.Sprintf("our own budget of %.3g requests per second to %s is used up for the next %s", b.share*b.config.Rate, b.host, wait.Round(time.Millisecond)),
			RetryAt: now.Add(wait),
		}
	}
	return wait, turn.Cancel, nil
}

func (b *bucket) banned(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bannedLocked(now)
}

func (b *bucket) bannedLocked(now time.Time) error {
	if !now.Before(b.stopped) {
		return nil
	}
	return &Error{
		Class:   Banned,
		Code:    "budget",
		Message: fmt.Sprintf("%s refuses this address; no request is sent before %s", b.host, b.stopped.UTC().Format(time.RFC3339)),
		RetryAt: b.stopped,
	}
}

func (b *bucket) halve(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.regrow(now)
	if now.Sub(b.halvedAt) < halvingInterval {
		return
	}
	b.halvedAt = now
	b.set(now, max(b.share/2, lowestShare))
}

func (b *bucket) stop(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until.After(b.stopped) {
		b.stopped = until
	}
}

func (b *bucket) rate(now time.Time) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.regrow(now)
	return b.share * b.config.Rate
}

// regrow gives back what has grown since it was last called.
func (b *bucket) regrow(now time.Time) {
	if b.share < 1 {
		b.set(now, min(1, b.share+regrowthShare*now.Sub(b.sharedAt).Seconds()))
	}
	b.sharedAt = now
}

// set applies a share to rate and burst alike: a full burst at half the rate
// would be answered as the full rate was.
func (b *bucket) set(now time.Time, share float64) {
	b.share = share
	b.tokens.SetLimitAt(now, rate.Limit(share*b.config.Rate))
	b.tokens.SetBurstAt(now, max(1, int(share*float64(b.config.Burst))))
}
