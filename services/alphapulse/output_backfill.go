package main

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/alphapulse/exchanges"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// speed is how fast a data type was read, and what the exchange allows.
type speed struct {
	took           time.Duration
	rows, requests float64 // per second
	limit          exchanges.Limit
	known          bool
}

// speedOf measures from the first job taken to the last one ended, of a type that
// is not over to now.
func speedOf(exchange string, t *controlv1.TypeTotals, now time.Time) speed {
	var s speed
	s.limit, s.known = exchanges.HistoryLimit(exchange, syncjob.DataType(t.GetDataType()))
	if t.GetFirstStartedAt() == nil {
		return s
	}
	end := now
	if openJobs(t) == 0 && t.GetLastFinishedAt() != nil {
		end = t.GetLastFinishedAt().AsTime()
	}
	s.took = end.Sub(t.GetFirstStartedAt().AsTime())
	if seconds := s.took.Seconds(); seconds > 0 {
		s.rows, s.requests = float64(t.GetRowsFetched())/seconds, float64(t.GetExchangeRequests())/seconds
	}
	return s
}

// rowsShare and requestsShare are what part of the limit was used; nil if there
// is no limit that we know.
func (s speed) rowsShare() *float64     { return s.share(s.rows, s.limit.Rows()) }
func (s speed) requestsShare() *float64 { return s.share(s.requests, s.limit.Requests) }

func (s speed) share(used, allowed float64) *float64 {
	if !s.known || allowed <= 0 {
		return nil
	}
	part := used / allowed
	return &part
}

func percent(share *float64) string {
	if share == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", *share*100)
}

func openJobs(t *controlv1.TypeTotals) int32 { return t.GetQueued() + t.GetRunning() + t.GetWaiting() }

func doneJobs(t *controlv1.TypeTotals) int32 { return t.GetJobs() - openJobs(t) }

// printSpeed is the table at the end of a backfill.
func (b *backfillRun) printSpeed(run *controlv1.Run) error {
	t := newTable(b.program.stdout, "TYPE", "STATUS", "WINDOWS", "ROWS", "NEW", "REQUESTS", "TOOK", "ROWS/S", "OF LIMIT",
		"REQUESTS/S", "OF LIMIT", "WHY")
	for _, one := range run.GetTotals() {
		s := speedOf(b.exchange, one, time.Now())
		t.row(one.GetDataType(), typeStatus(one), windowCount(one), count(one.GetRowsFetched()), count(one.GetRowsChanged()),
			count(one.GetExchangeRequests()), span(s.took), count(int64(s.rows)), percent(s.rowsShare()),
			fmt.Sprintf("%.1f", s.requests), percent(s.requestsShare()), totalsReason(one))
	}
	if err := t.end(); err != nil {
		return err
	}
	for _, one := range run.GetTotals() {
		if limit, ok := exchanges.HistoryLimit(b.exchange, syncjob.DataType(one.GetDataType())); ok {
			b.program.say("Limit of %s: %s rows/s, which is %.0f requests/s with %.0f rows each.", one.GetDataType(),
				count(int64(limit.Rows())), limit.Requests, limit.Page)
		}
	}
	return nil
}

func windowCount(t *controlv1.TypeTotals) string {
	if openJobs(t) == 0 {
		return count(int64(t.GetJobs()))
	}
	return count(int64(doneJobs(t))) + " of " + count(int64(t.GetJobs()))
}

func windowsOf(plan []*controlv1.PlannedType) (n int32) {
	for _, p := range plan {
		n += p.GetWindows()
	}
	return n
}

// printPlan shows what would be read.
func (b *backfillRun) printPlan(plan []*controlv1.PlannedType) error {
	t := newTable(b.program.stdout, "TYPE", "WINDOWS", "FROM", "TO", "AT LEAST", "UNDERWAY")
	for _, p := range plan {
		least := "-"
		if d := leastTime(b.exchange, p); d > 0 {
			least = span(d)
		}
		t.row(p.GetDataType(), count(int64(p.GetWindows())), moment(p.GetFrom()), moment(p.GetTo()), least,
			orDash(sayIntervals(p.GetUnderway())))
	}
	if err := t.end(); err != nil {
		return err
	}
	for _, p := range plan {
		if limit, ok := exchanges.HistoryLimit(b.exchange, syncjob.DataType(p.GetDataType())); ok && p.GetWindows() > 0 {
			b.program.say("%s: one page for each window and scope at %.0f requests/s; each million rows takes %s, at %s rows/s.",
				p.GetDataType(), limit.Requests, span(time.Duration(1e6/limit.Rows()*float64(time.Second))),
				count(int64(limit.Rows())))
		}
	}
	return nil
}

// leastTime is how long a plan takes at the exchange's limit if no window has
// more than a page; how many it has nobody knows before it was read. 0: no limit
// is known.
func leastTime(exchange string, p *controlv1.PlannedType) time.Duration {
	limit, ok := exchanges.HistoryLimit(exchange, syncjob.DataType(p.GetDataType()))
	if !ok {
		return 0
	}
	requests := float64(p.GetWindows()) * float64(max(p.GetScopes(), 1))
	return time.Duration(requests / limit.Requests * float64(time.Second))
}

func sayIntervals(list []*controlv1.Interval) string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = sayInterval(one)
	}
	return strings.Join(texts, ", ")
}

// unreached is what was asked for and the exchange does not serve any more.
type unreached struct {
	scope    *controlv1.ScopeCoverage
	interval *controlv1.Interval
}

// outOfReach finds it among the scopes of an account, as far as their horizons
// are known.
func (b *backfillRun) outOfReach(scopes []*controlv1.ScopeCoverage) []unreached {
	var found []unreached
	for _, s := range scopes {
		since, horizon := timestamppb.New(b.since.at), s.GetHorizon()
		if horizon == nil || !b.since.at.Before(horizon.AsTime()) {
			continue
		}
		if !b.until.at.IsZero() && b.until.at.Before(horizon.AsTime()) {
			horizon = timestamppb.New(b.until.at)
		}
		found = append(found, unreached{s, &controlv1.Interval{From: since, To: horizon}})
	}
	return found
}

// printOutOfReach names it, and what cannot be read at all.
func (b *backfillRun) printOutOfReach(scopes []*controlv1.ScopeCoverage) {
	for _, u := range b.outOfReach(scopes) {
		b.program.say("Out of reach: %s %s %s: the exchange serves nothing before %s.", u.scope.GetDataType(),
			scopeLabel(u.scope), sayInterval(u.interval), moment(u.scope.GetHorizon()))
	}
	for _, s := range scopes {
		if s.GetUnreadable() != "" {
			b.program.say("Not readable: %s %s: %s", s.GetDataType(), scopeLabel(s), plain(s.GetUnreadable()))
		}
	}
}
