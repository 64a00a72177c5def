package main

import (
	"fmt"
	"strconv"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// chartWidth is how many seconds of the past a chart shows, a second a column.
const chartWidth = 60

// printLag shows the lag to a person.
func (p *program) printLag(l *controlv1.GetLagResponse) error {
	p.say("As of %s", moment(l.GetReadAt()))
	if l.GetBrokerError() != "" {
		p.say("The broker does not answer, so its figures are missing: %s", plain(l.GetBrokerError()))
	}
	if len(l.GetLanes()) == 0 {
		p.say("There are no queues. They come with the first account or market.")
		return nil
	}
	t := newTable(p.stdout, "EXCHANGE", "TYPE", "LANE", "PENDING", "IN FLIGHT", "WAITING", "STALE", "AGAIN", "OLDEST", "IN/S",
		"OUT/S", "DRAINS IN")
	for _, lane := range l.GetLanes() {
		t.row(lane.GetExchange()+" "+lane.GetEnvironment(), lane.GetDataType(), lane.GetLane(), whole(lane.Pending),
			whole(lane.InFlight), waiting(lane), strconv.FormatUint(lane.GetStale(), 10), whole(lane.Redelivered),
			oldest(lane), rate(lane.ArrivalRate), rate(lane.CompletionRate), drain(lane))
	}
	if err := t.end(); err != nil {
		return err
	}
	p.printCharts(l)
	for _, line := range lagRemarks(l) {
		p.say("  %s", line)
	}
	return p.printFreshness(l)
}

// printCharts draws the queues that were not empty in the last minute.
func (p *program) printCharts(l *controlv1.GetLagResponse) {
	for _, lane := range l.GetLanes() {
		bars, most := sparkline(lane.GetHistory())
		if most > 0 {
			p.say("%s |%s| most %d in %d s", laneName(lane), bars, most, len(lane.GetHistory()))
		}
	}
}

// sparkline is a bar for each sample, as high as what was pending or in flight
// is of the most of them.
func sparkline(history []*controlv1.LagSample) (bars string, most uint64) {
	for _, s := range history {
		most = max(most, s.GetPending()+s.GetInFlight())
	}
	heights := []rune(" ▁▂▃▄▅▆▇█")
	out := make([]rune, 0, len(history))
	for _, s := range history {
		n := s.GetPending() + s.GetInFlight()
		step := 0
		if n > 0 {
			step = 1 + int(float64(n)/float64(most)*float64(len(heights)-2))
		}
		out = append(out, heights[step])
	}
	return string(out), most
}

func laneName(lane *controlv1.Lane) string {
	return lane.GetExchange() + "-" + lane.GetEnvironment() + "-" + lane.GetDataType() + "-" + lane.GetLane()
}

func whole(n *uint64) string {
	if n == nil {
		return "?"
	}
	return strconv.FormatUint(*n, 10)
}

func waiting(lane *controlv1.Lane) string {
	return strconv.FormatUint(lane.GetSnoozed()+lane.GetHeld(), 10)
}

func oldest(lane *controlv1.Lane) string {
	if lane.GetOldestAge() == nil {
		return "-"
	}
	return span(lane.GetOldestAge().AsDuration())
}

func rate(perSecond *float64) string {
	switch {
	case perSecond == nil:
		return "?"
	case *perSecond >= 100:
		return fmt.Sprintf("%.0f", *perSecond)
	default:
		return fmt.Sprintf("%.1f", *perSecond)
	}
}

func drain(lane *controlv1.Lane) string {
	switch {
	case lane.GetDrain() != nil && lane.GetDrain().AsDuration() == 0:
		return "-"
	case lane.GetDrain() != nil:
		return span(lane.GetDrain().AsDuration())
	case lane.Pending == nil || lane.CompletionRate == nil:
		return "?"
	default:
		return "never"
	}
}

// lagRemarks are what a person should do something about.
func lagRemarks(l *controlv1.GetLagResponse) []string {
	var lines []string
	for _, lane := range l.GetLanes() {
		name := laneName(lane)
		switch {
		case lane.GetMissing():
			lines = append(lines, fmt.Sprintf("%s: the broker has no such queue; a scheduler makes it anew, is one running?", name))
		case lane.GetPaused():
			lines = append(lines, name+": its consumer is paused; `nats consumer resume` or `alphapulse resume`")
		case lane.GetPending() > 0 && lane.GetWaitingPulls() == 0 && lane.GetInFlight() == 0:
			lines = append(lines, fmt.Sprintf("%s: no worker asks for its jobs; `alphapulse worker --types %s`", name, lane.GetDataType()))
		}
	}
	return lines
}

func (p *program) printFreshness(l *controlv1.GetLagResponse) error {
	if len(l.GetFreshness()) == 0 {
		return nil
	}
	p.say("\n%d of %s stale; the worst:", l.GetStaleTotal(), number(int(l.GetFreshnessTotal()), "data set"))
	t := newTable(p.stdout, "ACCOUNT", "TYPE", "AGE", "OBJECTIVE", "STATE")
	for _, f := range l.GetFreshness() {
		state, age := "fresh", "never read"
		if f.GetStale() {
			state = "stale"
		}
		if f.GetAge() != nil {
			age = span(max(f.GetAge().AsDuration(), 0))
		}
		t.row(f.GetAccount(), f.GetDataType(), age, span(f.GetObjective().AsDuration()), state)
	}
	return t.end()
}
