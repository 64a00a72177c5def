package queue

import "sync/atomic"

// Counts are what happened to messages that no worker saw, since Connect.
type Counts struct {
	Expired  uint64 // dropped, because the run's deadline had passed
	Refused  uint64 // ended, because the message was broken or forged
	Returned uint64 // given back, because taking had stopped
	// Reconnects counts the connections that were made after the first.
	Reconnects uint64
}

type counters struct{ expired, refused, returned atomic.Uint64 }

// Counts reads the counters.
func (q *Queue) Counts() Counts {
	return Counts{
		Expired: q.counts.expired.Load(), Refused: q.counts.refused.Load(), Returned: q.counts.returned.Load(),
		Reconnects: q.nc.Stats().Reconnects,
	}
}

// Connected reports whether there is a connection to the broker now.
func (q *Queue) Connected() bool { return q.nc.IsConnected() }
