package budget

import (
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

const (
	// followsWithin is how soon after a request of an account the one is sent that
	// follows it: soon enough for what is leased for it now to be still good then.
	followsWithin = 150 * time.Millisecond
	// What follows an endpoint at least followsSurely times in followsOf is foreseen; less
	// than fewestAsked times tell nothing. After mostAsked what is counted counts half.
	followsSurely, followsOf = 3, 4
	fewestAsked, mostAsked   = 4, 32
)

// sequences are what accounts usually ask for next. A job that reads two endpoints, one
// after the other, then waits for one lease and not for two.
type sequences struct {
	last map[string][]*lastUse // by UID: those of a moment ago, each endpoint once
	by   map[string]*followed  // by endpoint; bounded by the endpoints there are
}

// lastUse is what an account asked for, and what it has asked for since.
type lastUse struct {
	endpoint string
	at       time.Time
	since    []string
}

// followed is an endpoint, how often it was asked for, and how often which other one
// was asked for after it.
type followed struct {
	asked     int
	followers []*follower
}

type follower struct {
	use   exchange.Use // of any account
	times int
}

func newSequences() sequences {
	return sequences{last: map[string][]*lastUse{}, by: map[string]*followed{}}
}

// note learns from a request that is asked for. Jobs of several types of an account may
// run side by side, so whatever comes soon after counts. Another page of the same is no
// step.
func (s *sequences) note(use exchange.Use, now time.Time) {
	recent := slices.DeleteFunc(s.last[use.UID], func(l *lastUse) bool { return now.Sub(l.at) > followsWithin })
	again := false
	for _, before := range recent {
		switch {
		case before.endpoint == use.Endpoint:
			again = true
		case !slices.Contains(before.since, use.Endpoint):
			before.since = append(before.since, use.Endpoint)
			s.endpoint(before.endpoint).follow(use)
		}
	}
	if !again {
		recent = append(recent, &lastUse{endpoint: use.Endpoint, at: now})
		s.endpoint(use.Endpoint).ask()
	}
	s.last[use.UID] = recent
}

func (s *sequences) endpoint(name string) *followed {
	f := s.by[name]
	if f == nil {
		f = &followed{}
		s.by[name] = f
	}
	return f
}

// ask counts a request. What was long ago counts less and less.
func (f *followed) ask() {
	if f.asked++; f.asked < mostAsked {
		return
	}
	f.asked /= 2
	for _, one := range f.followers {
		one.times /= 2
	}
}

func (f *followed) follow(use exchange.Use) {
	for _, one := range f.followers {
		if one.use.Endpoint == use.Endpoint {
			one.use = use
			one.times++
			return
		}
	}
	f.followers = append(f.followers, &follower{use, 1})
}

// after are the requests of the same account that follow one of an endpoint surely enough.
func (s *sequences) after(m meterName) (uses []exchange.Use) {
	f := s.by[m.endpoint]
	if f == nil || f.asked < fewestAsked {
		return nil
	}
	for _, one := range f.followers {
		if one.times*followsOf >= f.asked*followsSurely {
			use := one.use
			use.UID = m.uid
			uses = append(uses, use)
		}
	}
	return uses
}

// forget drops the accounts that nothing can follow any more.
func (s *sequences) forget(now time.Time) {
	for uid, recent := range s.last {
		if now.Sub(recent[len(recent)-1].at) > followsWithin {
			delete(s.last, uid)
		}
	}
}

// foresee adds to an order what is sure to be asked for soon after live requests that it
// is of. Nobody waits for that yet: it is not done while the address has not enough for
// those who do.
func (a *address) foresee(o *order, asked map[*meter]*metered, now time.Time) {
	if a.slot[exchange.Live].After(now) || a.next[exchange.Live].After(now) {
		return
	}
	a.makeRoom(len(asked), now) // now, because nobody waits for what is made below
	var following []*meter
	for m, line := range asked {
		if line.want[exchange.Live] > len(m.tokens) && !m.slot.After(now) {
			for _, use := range a.sequences.after(m.meterName) {
				following = append(following, a.meter(use))
			}
		}
	}
	for _, m := range following {
		m.expire(now)
		if asked[m] != nil || len(m.tokens) > 0 || now.Before(m.held) || m.slot.After(now) || o.want[exchange.Live] >= mostLive {
			continue
		}
		asked[m] = &metered{meter: m, want: [2]int{exchange.Live: 1}, spare: m.spareFor(), foreseen: true}
		o.want[exchange.Live]++
	}
}
