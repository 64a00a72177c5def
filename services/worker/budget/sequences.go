package budget

import (
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

const (
	// followsWithin is how soon after a request of an account the one is sent that
	// follows it: soon enough for what is leased for it now to be still good then.
	followsWithin = 150 * time.Millisecond
	// followsSurely is how many times more than not that must have happened lately, and
	// followsMost how many times count.
	followsSurely, followsMost = 3, 6
)

// sequences are what accounts usually ask for next. A job that reads two endpoints, one
// after the other, then waits for one lease and not for two.
type sequences struct {
	last map[string]lastUse   // by UID; those of a moment ago
	next map[string]*follower // by endpoint; bounded by the endpoints there are
}

// lastUse is what an account asked for last.
type lastUse struct {
	endpoint string
	at       time.Time
}

// follower is what follows an endpoint, and how sure that is.
type follower struct {
	use  exchange.Use // of any account
	sure int
}

func newSequences() sequences {
	return sequences{last: map[string]lastUse{}, next: map[string]*follower{}}
}

// note learns from a request that is asked for. Another page of the same is no step.
func (s *sequences) note(use exchange.Use, now time.Time) {
	before, known := s.last[use.UID]
	s.last[use.UID] = lastUse{use.Endpoint, now}
	if !known || before.endpoint == use.Endpoint {
		return
	}
	if now.Sub(before.at) <= followsWithin {
		s.followed(before.endpoint, use)
	} else {
		s.ended(before.endpoint)
	}
}

func (s *sequences) followed(endpoint string, use exchange.Use) {
	f := s.next[endpoint]
	switch {
	case f == nil || f.sure == 0:
		s.next[endpoint] = &follower{use, 1}
	case f.use.Endpoint == use.Endpoint:
		f.use, f.sure = use, min(f.sure+1, followsMost)
	default:
		f.sure--
	}
}

// ended notes that nothing followed an endpoint.
func (s *sequences) ended(endpoint string) {
	if f := s.next[endpoint]; f != nil && f.sure > 0 {
		f.sure--
	}
}

// after is what follows an endpoint of an account, if that is sure enough.
func (s *sequences) after(m meterName) (use exchange.Use, sure bool) {
	f := s.next[m.endpoint]
	if f == nil || f.sure < followsSurely {
		return use, false
	}
	use = f.use
	use.UID = m.uid
	return use, true
}

// forget drops the accounts that nothing can follow any more.
func (s *sequences) forget(now time.Time) {
	for uid, last := range s.last {
		if now.Sub(last.at) > followsWithin {
			s.ended(last.endpoint)
			delete(s.last, uid)
		}
	}
}

// foresee adds to an order what is sure to be asked for after what it is of. Nobody waits
// for that yet, so it comes after all who do.
func (a *address) foresee(o *order, asked map[*meter]*metered, now time.Time) {
	a.makeRoom(len(asked), now) // now, because nobody waits for what is made below
	var following []*meter
	for m, line := range asked {
		if line.want[exchange.Live] == 0 {
			continue
		}
		if use, sure := a.sequences.after(m.meterName); sure {
			following = append(following, a.meter(use))
		}
	}
	for _, m := range following {
		if asked[m] != nil || len(m.tokens) > 0 || now.Before(m.held) || now.Before(m.next[exchange.Live]) {
			continue
		}
		asked[m] = &metered{meter: m, want: [2]int{exchange.Live: 1}, spare: m.spareFor()}
		o.want[exchange.Live]++
	}
}
