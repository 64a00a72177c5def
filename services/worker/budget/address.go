package budget

import (
	"sync"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

const (
	// mostMeters bounds the meters that are kept although nobody waits for them.
	mostMeters = 1024
	// sweepEvery is how often they are looked through when nobody waits,
	// sweepFullEvery when there are too many.
	sweepEvery     = time.Second
	sweepFullEvery = 500 * time.Millisecond
)

// address is this process's part in the budget of one venue: who waits, what is
// leased, what is to be reported.
type address struct {
	fleet *Fleet
	venue string
	pace  pace

	mu     sync.Mutex
	queue  queue
	meters map[meterName]*meter
	urgent meterSet  // those whose report is urgent
	swept  time.Time // when meters were last looked through
	tokens tokens
	taken  int // since the last lease
	// next is when a lease for a priority is worth asking for, slot the first
	// free moment for it that the last lease saw.
	next, slot [2]time.Time
	failed     time.Time // no lease before it, after one that failed
	rested     time.Time // no lease before it, after one that was asked for
	unleased   error     // why the last lease failed; nil if it did not
	banned     time.Time
	reason     string
	leasing    bool
	working    bool
	wake       chan struct{}
	delays     map[string]*delay // by host; bounded by the hosts there are
	unsaid     []report          // what the database could not be told yet
	lag        *lag              // of all accounts: it is this process that is late
	least      least
	sequences  sequences
}

func newAddress(f *Fleet, venue string, published exchange.Limit) *address {
	return &address{
		fleet: f, venue: venue, pace: f.cfg.pace(published), queue: newQueue(),
		meters: map[meterName]*meter{}, urgent: meterSet{}, lag: &lag{}, wake: make(chan struct{}, 1), delays: map[string]*delay{},
		sequences: newSequences(),
	}
}

// enter takes a turn that is free or joins the queue. The answer comes on the
// waiter's channel.
func (a *address) enter(use exchange.Use, p exchange.Priority, now time.Time) *waiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := &waiter{uid: use.UID, priority: p, deadline: now.Add(a.fleet.cfg.wait(p)), done: make(chan error, 1)}
	if fault := a.bannedLocked(now); fault != nil {
		w.done <- fault
		return w
	}
	if use.UID != "" {
		w.meter = a.meter(use)
		if p == exchange.Live {
			a.sequences.note(use, now)
		}
	}
	a.queue.add(w)
	if w.ready(now) { // else nothing has changed for those who wait already
		a.serve(now)
	}
	if a.queue.waiting > 0 && !a.comesBack(now) {
		a.work()
	}
	return w
}

// comesBack reports whether somebody who serves the queue looks at it again in a
// moment: when the lease under way has come, or the next one may be asked for.
func (a *address) comesBack(now time.Time) bool {
	return a.working && (a.leasing || now.Before(a.rested))
}

// leave takes a waiter out whose caller has gone.
func (a *address) leave(w *waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue.remove(w)
}

func (a *address) meter(use exchange.Use) *meter {
	name := meterName{use.UID, use.Endpoint}
	m := a.meters[name]
	if m == nil {
		a.makeRoom(1, time.Now())
		m = newMeter(use, a.urgent, a.lag)
		a.meters[name] = m
	}
	return m
}

// makeRoom looks the meters through if there are too many with n more, and it was not
// done a moment ago.
func (a *address) makeRoom(n int, now time.Time) {
	if len(a.meters)+n > mostMeters && now.Sub(a.swept) > sweepFullEvery {
		a.sweep(now)
	}
}

func (a *address) delay(host string) *delay {
	if a.delays[host] == nil {
		a.delays[host] = &delay{}
	}
	return a.delays[host]
}

// sweep forgets the meters that nothing depends on.
func (a *address) sweep(now time.Time) {
	a.swept = now
	a.sequences.forget(now)
	waited := map[*meter]bool{}
	for _, w := range a.queue.all() {
		waited[w.meter] = true
	}
	for name, m := range a.meters {
		if m.expire(now); !waited[m] && m.idle(now) {
			delete(a.meters, name)
		}
	}
}

// work sees to it that somebody serves the queue. It holds the lock.
func (a *address) work() {
	if a.working {
		a.nudge()
		return
	}
	a.working = true
	a.fleet.busy.Go(a.run)
}

func (a *address) nudge() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run serves the queue until nobody waits and nothing is to be reported.
func (a *address) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next, goOn := a.step(time.Now())
		if !goOn {
			return
		}
		timer.Reset(max(time.Until(next), 0))
		select {
		case <-timer.C:
		case <-a.wake:
		}
	}
}

// step does what can be done now and says when there will be more to do.
func (a *address) step(now time.Time) (next time.Time, goOn bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expire(now)
	a.serve(now)
	if o := a.order(now); o != nil {
		a.leasing, a.rested = true, now.Add(leaseRest)
		a.fleet.busy.Go(func() { a.lease(o) })
	}
	if a.queue.waiting == 0 && !a.leasing && a.flushAt().IsZero() {
		a.working = false
		if now.Sub(a.swept) > sweepEvery {
			a.sweep(now)
		}
		return time.Time{}, false
	}
	return a.nextMoment(now), true
}

// serve grants what can be granted now: live requests first, accounts in turn.
func (a *address) serve(now time.Time) {
	for _, p := range []exchange.Priority{exchange.Live, exchange.Backfill} {
		for {
			at := a.tokens.usable(now)
			if at < 0 {
				return
			}
			w := a.queue.first(p, now)
			if w == nil {
				break
			}
			a.tokens.take(at)
			a.taken++
			w.granted = now
			if w.meter != nil {
				w.charge = w.meter.spend(now)
			}
			a.queue.served(w)
			w.done <- nil
		}
	}
}

// expire drops what was not used in time and refuses what cannot be granted in
// time.
func (a *address) expire(now time.Time) {
	a.tokens.expire(now)
	waits := map[*meter]int{}
	for _, w := range a.queue.all() {
		free := a.slot[w.priority]
		if w.meter != nil {
			if waits[w.meter]++; waits[w.meter] == 1 {
				w.meter.expire(now)
			}
			if len(w.meter.tokens) < waits[w.meter] && w.meter.slot.After(free) {
				free = w.meter.slot
			}
		}
		if now.Before(w.deadline) && !free.After(w.deadline) {
			continue
		}
		a.queue.remove(w)
		if a.unleased != nil {
			w.done <- a.unasked()
			continue
		}
		w.done <- a.refusal(w, free, now)
	}
}

// flushAt is when a report cannot wait any longer for a lease to carry it; zero
// if none is urgent.
func (a *address) flushAt() time.Time {
	var at time.Time
	for m := range a.urgent {
		at = earlier(at, m.urgent.Add(flushAfter))
	}
	return at
}

// nextMoment is when step is worth calling again.
func (a *address) nextMoment(now time.Time) time.Time {
	next := earlier(a.tokens.next(now), a.flushAt())
	soon := func(t time.Time) {
		if t.After(now) {
			next = earlier(next, t)
		}
	}
	for _, w := range a.queue.all() {
		soon(w.deadline)
		soon(a.next[w.priority])
		if w.meter != nil {
			soon(w.meter.tokens.next(now))
			soon(w.meter.held)
			soon(w.meter.next[w.priority])
		}
	}
	soon(a.failed)
	soon(a.rested)
	if a.leasing { // who has come meanwhile has not been looked at
		soon(now.Add(addressAhead))
	}
	if next.IsZero() {
		return now.Add(addressAhead)
	}
	return later(next, now.Add(time.Millisecond))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
