package budget

import (
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
	size int // as the last lease told; 0: none yet

	// What the next lease reports.
	told   int // the limit's size, if the exchange told another than size
	used   int // requests that the exchange had counted at usedAt; -1: nothing
	usedAt time.Time
	moves  []move
	urgent time.Time // when a report became urgent; zero: it is not
}

// move corrects a grant that was not used at its time. to 0: never.
type move struct{ from, to int64 }

// careful is the limit of who publishes none.
func careful(published exchange.Limit) exchange.Limit {
	if published.Requests < 1 || published.Window <= 0 {
		return exchange.Limit{Requests: 5, Window: time.Second}
	}
	return published
}

func newMeter(use exchange.Use) *meter {
	return &meter{
		meterName: meterName{use.UID, use.Endpoint}, published: careful(use.PerUID), used: -1,
	}
}

// spend uses a token, and notes it if it was counted at another time.
func (m *meter) spend(now time.Time) {
	used := m.tokens.take(m.tokens.usable(now))
	late := used.late(now)
	if late.Abs() <= lateness {
		return
	}
	m.moves = append(m.moves, move{from: used.charge, to: used.charge + late.Microseconds()})
	if late > 0 {
		m.hurry(now)
	}
}

// expire gives back what was not used in time.
func (m *meter) expire(now time.Time) {
	for _, ended := range m.tokens.expire(now) {
		if ended.late(now) > 0 {
			m.moves = append(m.moves, move{from: ended.charge})
		}
	}
}

// block drops what is leased and asks for nothing before until.
func (m *meter) block(until time.Time) {
	m.tokens = nil
	m.slot, m.next = until, [2]time.Time{until, until}
}

// learn notes what the exchange said. Near the limit others must know soon.
func (m *meter) learn(said exchange.Allowance, now time.Time) {
	known := m.size
	if known == 0 {
		known = m.published.Requests
	}
	m.told = 0
	if said.Limit != known {
		m.told = said.Limit
		m.hurry(now)
	}
	if used := said.Limit - said.Remaining; used >= m.used || now.Sub(m.usedAt) > flushAfter {
		m.used, m.usedAt = used, said.At
	}
	if said.Remaining == 0 {
		m.hurry(now)
	}
}

func (m *meter) hurry(now time.Time) {
	if m.urgent.IsZero() {
		m.urgent = now
	}
}

// reported forgets what the lease under way tells.
func (m *meter) reported() {
	m.told, m.used, m.moves, m.urgent = 0, -1, nil, time.Time{}
}

// idle reports whether nothing would be lost if the meter were forgotten.
func (m *meter) idle(now time.Time) bool {
	return m.urgent.IsZero() && len(m.tokens) == 0 && now.After(m.slot)
}
