package main

import (
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// paceSpan is how much of the past counts for how fast it goes now.
const paceSpan = 15 * time.Second

// sample is how far a run was at a time.
type sample struct {
	at             time.Time
	jobs, done     int32
	rows, requests int64
}

func sampleOf(run *controlv1.Run, now time.Time) sample {
	s := sample{at: now}
	for _, t := range run.GetTotals() {
		s.jobs += t.GetJobs()
		s.done += doneJobs(t)
		s.rows += t.GetRowsFetched()
		s.requests += t.GetExchangeRequests()
	}
	return s
}

// pace knows how fast a run goes, from the samples of the last seconds.
type pace struct{ samples []sample }

func (p *pace) add(s sample) {
	p.samples = append(p.samples, s)
	for len(p.samples) > 2 && s.at.Sub(p.samples[1].at) >= paceSpan {
		p.samples = p.samples[1:]
	}
}

// rates are rows and requests per second now, and the time left; 0 while nobody
// can tell.
func (p *pace) rates() (rows, requests float64, left time.Duration) {
	if len(p.samples) < 2 {
		return 0, 0, 0
	}
	first, last := p.samples[0], p.samples[len(p.samples)-1]
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0, 0, 0
	}
	rows = float64(last.rows-first.rows) / seconds
	requests = float64(last.requests-first.requests) / seconds
	if done := float64(last.done-first.done) / seconds; done > 0 {
		left = time.Duration(float64(last.jobs-last.done) / done * float64(time.Second))
	}
	return rows, requests, left
}
