package lag

import (
	"slices"
	"time"
)

// Sample is one look at a queue.
type Sample struct {
	At        time.Time
	Pending   uint64
	InFlight  uint64
	Delivered uint64 // since the consumer was made
}

func (s Sample) backlog() float64 { return float64(s.Pending) + float64(s.InFlight) }

// idle reports that there was work and nobody at it.
func (s Sample) idle() bool { return s.Pending > 0 && s.InFlight == 0 }

// Rates are how many messages came and were settled, for each second of Window.
// A message that is delivered again counts in both, so that their difference,
// which is how fast the queue grows, is exact. Window is zero while nothing is
// known.
type Rates struct {
	Window              time.Duration
	Arrival, Completion float64
}

// enough completions make the figure of a window good to about a tenth.
const enough = 100

// windows are tried in this order; the first that saw enough completions counts.
var windows = []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, Keep} //nolint:gochecknoglobals // a constant

// Lane is what is remembered of one queue.
type Lane struct {
	samples []Sample // oldest first
	work    time.Duration
}

// add keeps a sample. Looks closer together than half a period replace each
// other, so that many callers do not shorten the memory. A count that went back
// is another consumer of the same name: what was remembered is not its past.
// Within half a period it is an answer that another one has overtaken, which says
// nothing new.
func (l *Lane) add(s Sample) {
	n := len(l.samples)
	if n > 0 && s.Delivered < l.samples[n-1].Delivered {
		if s.At.Sub(l.samples[n-1].At) < period/2 {
			return
		}
		l.samples, l.work, n = l.samples[:0], 0, 0
	}
	if n > 0 && s.At.Before(l.samples[n-1].At) {
		return
	}
	if n > 1 && s.At.Sub(l.samples[n-2].At) < period/2 {
		l.samples = l.samples[:n-1]
	}
	if len(l.samples) == kept {
		l.samples = slices.Delete(l.samples, 0, 1)
	}
	l.samples = append(l.samples, s)
	l.measure()
}

// measure finds how long a job takes by Little's law: as many are in flight as
// are settled in the time that one takes.
func (l *Lane) measure() {
	span := l.span()
	if len(span) < 2 || settled(span) < enough {
		return
	}
	var held float64 // message-seconds in flight
	for i, s := range span[1:] {
		held += (float64(s.InFlight) + float64(span[i].InFlight)) / 2 * s.At.Sub(span[i].At).Seconds()
	}
	l.work = time.Duration(held / settled(span) * float64(time.Second))
}

func (l *Lane) history() []Sample { return slices.Clone(l.samples) }

// rates are those of the shortest window that saw enough.
func (l *Lane) rates() Rates {
	span := l.span()
	if len(span) < 2 {
		return Rates{}
	}
	first, last := span[0], span[len(span)-1]
	window := last.At.Sub(first.At)
	done := settled(span)
	grown := last.backlog() - first.backlog()
	return Rates{Window: window, Completion: done / window.Seconds(), Arrival: max(done+grown, 0) / window.Seconds()}
}

// span is the end of the record that the rates are taken from: the shortest
// window that saw enough.
func (l *Lane) span() []Sample {
	if len(l.samples) == 0 {
		return nil
	}
	last := l.samples[len(l.samples)-1].At
	var span []Sample
	for _, window := range windows {
		from, _ := slices.BinarySearchFunc(l.samples, last.Add(-window), func(s Sample, t time.Time) int { return s.At.Compare(t) })
		span = worked(l.samples[from:])
		if len(span) > 1 && settled(span) >= enough {
			break
		}
	}
	return span
}

// worked leaves out the beginning of a span in which nobody worked: it says
// nothing of how fast those are who work now. What follows it is left out too,
// since they began somewhere in between: with nothing else nothing is known yet.
func worked(span []Sample) []Sample {
	n := 0
	for n+1 < len(span) && span[n].idle() && span[n].Delivered == span[n+1].Delivered {
		n++
	}
	if n+1 == len(span) { // nobody works now either
		return span
	}
	if span[n].idle() {
		n++
	}
	return span[n:]
}

// settled is how many deliveries ended between the first and the last sample.
func settled(span []Sample) float64 {
	first, last := span[0], span[len(span)-1]
	return max(float64(last.Delivered-first.Delivered)-(float64(last.InFlight)-float64(first.InFlight)), 0)
}

// Drain is how long until a queue of this length is empty at these rates; false
// while it does not shrink.
func (r Rates) Drain(pending, inFlight uint64) (time.Duration, bool) {
	backlog := float64(pending) + float64(inFlight)
	shrinks := r.Completion - r.Arrival
	switch {
	case backlog == 0:
		return 0, true
	case shrinks <= 0:
		return 0, false
	}
	seconds := backlog / shrinks
	const most = 100 * 365 * 24 * 3600
	return time.Duration(min(seconds, most) * float64(time.Second)), true
}

// Stale is how many messages a queue has beyond one for each job that needs one.
func Stale(pending, inFlight, needed uint64) uint64 {
	if there := pending + inFlight; there > needed {
		return there - needed
	}
	return 0
}
