package main

import (
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// The characters of a bar differ in shape, so that colour is not needed.
const (
	coveredCell   = '█'
	missingCell   = '░'
	unreachedCell = '·'
	blankCell     = ' '
)

// axis is the time that bars stand for, cut into cells.
type axis struct {
	from, to time.Time
	cells    int
}

// axisOf reaches from the earliest time that any scope says something about to
// the time of reading. Where a horizon is the earliest, a little of what lies
// beyond it is shown as well.
func axisOf(res *controlv1.GetCoverageResponse, cells int) axis {
	a := axis{to: res.GetReadAt().AsTime(), cells: cells}
	a.from = a.to.Add(-24 * time.Hour)
	var horizon time.Time
	for _, s := range res.GetScopes() {
		for _, list := range [][]*controlv1.Interval{s.GetCovered(), s.GetMissing()} {
			for _, i := range list {
				a.from = earlier(a.from, i.GetFrom().AsTime())
			}
		}
		if s.GetHorizon() != nil {
			a.from = earlier(a.from, s.GetHorizon().AsTime())
			if horizon.IsZero() || s.GetHorizon().AsTime().After(horizon) {
				horizon = s.GetHorizon().AsTime()
			}
		}
	}
	const beyond = 20 // the part of the axis that shows what is out of reach
	if margin := a.to.Sub(a.from) / beyond; !horizon.IsZero() && horizon.Sub(a.from) < margin {
		a.from = a.from.Add(-margin)
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// bar draws a scope. A cell with a hole in it, however short, is missing.
func (a axis) bar(s *controlv1.ScopeCoverage) string {
	cells := make([]rune, a.cells)
	for i := range cells {
		from, to := a.cell(i), a.cell(i+1)
		switch {
		case touches(s.GetMissing(), from, to):
			cells[i] = missingCell
		case touches(s.GetCovered(), from, to):
			cells[i] = coveredCell
		case s.GetUnreadable() != "", s.GetHorizon() != nil && from.Before(s.GetHorizon().AsTime()):
			cells[i] = unreachedCell
		default:
			cells[i] = blankCell
		}
	}
	return string(cells)
}

// cell is where a cell begins.
func (a axis) cell(i int) time.Time {
	return a.from.Add(time.Duration(float64(a.to.Sub(a.from)) * float64(i) / float64(a.cells)))
}

func touches(list []*controlv1.Interval, from, to time.Time) bool {
	for _, i := range list {
		if i.GetFrom().AsTime().Before(to) && from.Before(i.GetTo().AsTime()) {
			return true
		}
	}
	return false
}
