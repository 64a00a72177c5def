package exchangetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// slack is how far a time that the exchange named may be off after it went
// through a clock and a margin.
const slack = 5 * time.Second

func errorChecks() []check {
	return []check{
		{name: "each refusal has its class", run: refused, applies: everything},
		{name: "a scope that was refused is read the next time", run: recovers},
		{name: "what is no whole answer is transient, of another shape decode", run: garbled, applies: everything},
	}
}

func refused(ctx context.Context, b bench) error {
	var faults []error
	for _, refusal := range b.exchange.Refusals {
		if err := b.refusedBy(ctx, refusal); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", refusal.Name, err))
		}
	}
	return errors.Join(faults...)
}

func (b bench) refusedBy(ctx context.Context, refusal Refusal) error {
	before := time.Now()
	refuse := func(s *stage) { s.refuse(refusal, nil) }
	return b.reads(ctx, b.some(1), refuse, func(s *scene, got result) error {
		return errors.Join(
			got.ended(refusal.Class), got.holds(nil), got.named(), s.discreet(got),
			got.waits(refusal, before, time.Now()), s.tried(refusal.Class))
	})
}

// named reports an error that says nothing to who reads it.
func (g result) named() error {
	if g.err != nil && g.err.Message == "" {
		return errors.New("the error has no Message")
	}
	return nil
}

// waits compares RetryAt with what the exchange said between two instants.
func (g result) waits(refusal Refusal, before, after time.Time) error {
	if g.err == nil || refusal.Wait == 0 {
		return nil
	}
	at := g.err.RetryAt
	if at.Before(before.Add(refusal.Wait-time.Second)) || at.After(after.Add(refusal.Wait+slack)) {
		return fmt.Errorf("RetryAt is %s from now, and the exchange named %s", time.Until(at).Round(time.Millisecond), refusal.Wait)
	}
	return nil
}

// tried: how often a call may be tried is the class's alone, and an exchange
// that limits or bans us is told to the budget.
func (s *scene) tried(class exchange.Class) error {
	most := 1
	switch class {
	case exchange.Transient, exchange.Maintenance: // which may look like trouble at first
		most = 3
	case exchange.RateLimited, exchange.ClockSkew:
		most = 2
	}
	if n := len(s.questions()); n > most {
		return fmt.Errorf("it was tried %d times, and %s allows %d", n, class, most)
	}
	if (class == exchange.RateLimited || class == exchange.Banned) && !s.budget.wasTold(class) {
		return errors.New("the budget was not told of it")
	}
	return nil
}

// recovers: what ends a scope says nothing about the next reading.
func recovers(ctx context.Context, b bench) error {
	var faults []error
	for _, refusal := range b.exchange.Refusals {
		if refusal.Class.EndsJob() {
			continue
		}
		rows := b.some(2)
		once := func(s *stage) { s.refuse(refusal, func(_ Question, n int) bool { return n > 1 }) }
		err := b.reads(ctx, rows, once, func(s *scene, got result) error {
			again := s.read(ctx, b.window)
			return errors.Join(got.ended(refusal.Class), again.whole(), again.holds(rows))
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("after %s: %w", refusal.Name, err))
		}
	}
	return errors.Join(faults...)
}
