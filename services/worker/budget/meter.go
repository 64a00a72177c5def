package budget

import (
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// meterName is what an exchange counts by, within a venue.
type meterName struct{ uid, endpoint string }

// meter is what this process knows of one UID and endpoint.
type meter struct {
	meterName
	published exchange.Limit
	tokens    tokens
	// next is when a lease for a priority is worth asking for, slot the first
	// free moment that the last lease saw.
	next [2]time.Time
	slot time.Time
	held time.Time // nothing is sent before it
	size int       // as the last lease told; 0: none yet

	// What the next lease reports.
	told   int // the limit's size, if the exchange told another than size
	used   int // requests that the exchange had counted at usedAt; -1: nothing
	usedAt time.Time
	moves  []move
	spent  []spent
	heard  bool      // the exchange tells about this limit
	urgent time.Time // when a report became urgent; zero: it is not
	// urgents are all meters of the address whose report is urgent.
	urgents meterSet

	taken int // since the last lease
	lag   *lag
}

type meterSet map[*meter]struct{}

// move corrects a grant that was not used at its time. to 0: never.
type move struct{ from, to int64 }

// spent is a grant that was used at a time and whose answer has not come. charge
// is what it counts as, start our clock's time of that, and slot the time it was
// given for.
type spent struct {
	charge          int64
	start, slot, at time.Time
}

// mostSpent bounds the grants whose answers are waited for: some never come.
const mostSpent = 128

// careful is the limit of who publishes none.
func careful(published exchange.Limit) exchange.Limit {
	if published.Requests < 1 || published.Window <= 0 {
		return exchange.Limit{Requests: 5, Window: time.Second}
	}
	return published
}

func newMeter(use exchange.Use, urgents meterSet, lag *lag) *meter {
	return &meter{
		meterName: meterName{use.UID, use.Endpoint}, published: careful(use.PerUID), used: -1, urgents: urgents, lag: lag,
	}
}

// spareFor is how many requests are worth leasing beyond those that wait: a walk of
// many pages takes more and more of them, a snapshot of one page hardly any.
func (m *meter) spareFor() int { return min(max(2*m.taken, fewestSpare), mostSpare) }

// limit is the limit as far as it is known.
func (m *meter) limit() exchange.Limit {
	limit := m.published
	if m.size > 0 {
		limit.Requests = m.size
	}
	return limit
}

// spend uses a token, notes it if it was counted at another time, and gives what
// it counts as.
func (m *meter) spend(now time.Time) (charge int64) {
	used := m.tokens.take(m.usable(now))
	m.taken++
	sent := spent{charge: used.charge, start: used.start, slot: used.slot, at: now}
	m.lag.note(used.slot, now)
	if now.Sub(used.start).Abs() > lateness {
		m.correct(&sent, now, now)
	}
	if len(m.spent) >= mostSpent {
		m.spent = slices.Delete(m.spent, 0, 1)
	}
	m.spent = append(m.spent, sent)
	return sent.charge
}

// giveBack takes a grant back that its caller came too late for.
func (m *meter) giveBack(charge int64) {
	m.spent = slices.DeleteFunc(m.spent, func(one spent) bool { return one.charge == charge })
	if !m.redirect(charge, 0) {
		m.moves = append(m.moves, move{from: charge})
	}
}

// redirect changes a correction that no lease has carried yet.
func (m *meter) redirect(charge, to int64) bool {
	for i := range m.moves {
		if m.moves[i].to == charge {
			m.moves[i].to = to
			return true
		}
	}
	return false
}

// underWay counts requests that have been on their way for long as arriving now:
// they may. One that has no answer for much longer will not get one. Who never
// tells when he counts is not waited for.
func (m *meter) underWay(now time.Time) {
	m.spent = slices.DeleteFunc(m.spent, func(one spent) bool { return now.Sub(one.at) > lostAfter })
	for i := range m.spent {
		if one := &m.spent[i]; m.heard && now.Sub(one.at) > longWay {
			m.correct(one, now, now)
		}
	}
}

// arrived corrects the grant of the request that was sent at a time, if the
// exchange counted it later than it was to be expected.
func (m *meter) arrived(sent, counted, now time.Time) {
	for i := len(m.spent) - 1; i >= 0; i-- {
		one := m.spent[i]
		if one.at.After(sent) {
			continue
		}
		m.spent = slices.Delete(m.spent, i, i+1)
		m.lag.note(one.slot, counted)
		if counted.Sub(one.start).Abs() > lateness {
			m.correct(&one, counted, now)
		}
		return
	}
}

// correct counts a grant at another time. That it was later is for others to
// know soon; that it was earlier can wait.
func (m *meter) correct(one *spent, at, now time.Time) {
	to := one.charge + at.Sub(one.start).Microseconds()
	if at.After(one.start) {
		m.hurry(now)
	}
	if !m.redirect(one.charge, to) {
		m.moves = append(m.moves, move{from: one.charge, to: to})
	}
	one.charge, one.start = to, at
}

// expire gives back what was not used in time.
func (m *meter) expire(now time.Time) {
	for _, ended := range m.tokens.expire(now) {
		m.moves = append(m.moves, move{from: ended.charge})
	}
}

// shrink gives back what was leased under a larger limit.
func (m *meter) shrink(size int) {
	if size >= m.limit().Requests {
		return
	}
	for _, leased := range m.tokens {
		m.moves = append(m.moves, move{from: leased.charge})
	}
	m.tokens = nil
}

// block drops what is leased and asks for nothing before until.
func (m *meter) block(until time.Time) {
	m.tokens = nil
	m.slot, m.next = until, [2]time.Time{until, until}
}

// learn notes what the exchange said. Near the limit others must know soon.
func (m *meter) learn(said exchange.Allowance, now time.Time) {
	m.told, m.heard = 0, true
	if said.Limit != m.limit().Requests {
		m.shrink(said.Limit)
		m.told = said.Limit
		m.hurry(now)
	}
	if used := said.Limit - said.Remaining; used >= m.used || now.Sub(m.usedAt) > flushAfter {
		m.used, m.usedAt = used, said.At
	}
	if near := nearLimit - said.Remaining; near > 0 {
		m.hurry(now)
		// As many must leave the window first as there should be room for.
		m.held = later(m.held, now.Add(time.Duration(near)*m.published.Window/time.Duration(said.Limit)))
	}
}

// usable is the index of the token to use now; -1 if there is none.
func (m *meter) usable(now time.Time) int {
	if now.Before(m.held) {
		return -1
	}
	return m.tokens.usable(now)
}

func (m *meter) hurry(now time.Time) {
	if m.urgent.IsZero() {
		m.urgent = now
		m.urgents[m] = struct{}{}
	}
}

// reported forgets what the lease under way tells.
func (m *meter) reported() {
	m.told, m.used, m.moves, m.urgent = 0, -1, nil, time.Time{}
	delete(m.urgents, m)
}

// idle reports whether nothing would be lost if the meter were forgotten.
func (m *meter) idle(now time.Time) bool {
	return m.urgent.IsZero() && len(m.tokens) == 0 && now.After(m.slot)
}
