package main

import (
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// backfillView is what `backfill --json` prints: what `sync` prints, with a data
// type's windows added up, and more.
type backfillView struct {
	RunID      string             `json:"run_id"`
	Status     string             `json:"status"`
	Jobs       []backfillTypeView `json:"jobs"`
	Plan       []planView         `json:"plan"`
	OutOfReach []unreachedView    `json:"out_of_reach"`
}

type backfillTypeView struct {
	DataType      string   `json:"data_type"`
	Status        string   `json:"status"`
	RowsChanged   int64    `json:"rows_changed"`
	ErrorClass    string   `json:"error_class"`
	ErrorMessage  string   `json:"error_message"`
	Windows       int32    `json:"windows"`
	WindowsDone   int32    `json:"windows_done"`
	RowsFetched   int64    `json:"rows_fetched"`
	Requests      int64    `json:"exchange_requests"`
	Seconds       float64  `json:"seconds"`
	Rows          float64  `json:"rows_per_second"`
	RowsShare     *float64 `json:"rows_limit_share"`
	PerSecond     float64  `json:"requests_per_second"`
	RequestsShare *float64 `json:"requests_limit_share"`
}

type planView struct {
	DataType string         `json:"data_type"`
	Windows  int32          `json:"windows"`
	From     *time.Time     `json:"from"`
	To       *time.Time     `json:"to"`
	Scopes   int32          `json:"scopes"`
	Underway [][2]time.Time `json:"underway"`
	// LeastSeconds is how long it takes at the exchange's limits if no window has
	// more than a page; null where no limit is known.
	LeastSeconds *float64 `json:"least_seconds"`
}

type unreachedView struct {
	DataType string    `json:"data_type"`
	Scope    string    `json:"scope"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
}

func (b *backfillRun) view(
	run *controlv1.Run, plan []*controlv1.PlannedType, scopes []*controlv1.ScopeCoverage,
) backfillView {
	view := backfillView{
		RunID: run.GetId(), Status: run.GetStatus(), Jobs: []backfillTypeView{}, Plan: b.viewPlan(plan),
		OutOfReach: []unreachedView{},
	}
	for _, t := range run.GetTotals() {
		s := speedOf(b.exchange, t, time.Now())
		view.Jobs = append(view.Jobs, backfillTypeView{
			DataType: t.GetDataType(), Status: typeStatus(t), RowsChanged: t.GetRowsChanged(), ErrorClass: t.GetErrorClass(),
			ErrorMessage: t.GetErrorMessage(), Windows: t.GetJobs(), WindowsDone: doneJobs(t), RowsFetched: t.GetRowsFetched(),
			Requests: t.GetExchangeRequests(), Seconds: s.took.Seconds(), Rows: s.rows, RowsShare: s.rowsShare(),
			PerSecond: s.requests, RequestsShare: s.requestsShare(),
		})
	}
	for _, u := range b.outOfReach(scopes) {
		view.OutOfReach = append(view.OutOfReach, unreachedView{
			u.scope.GetDataType(), u.scope.GetScope(), u.interval.GetFrom().AsTime(), u.interval.GetTo().AsTime(),
		})
	}
	return view
}

func (b *backfillRun) viewPlan(plan []*controlv1.PlannedType) []planView {
	views := []planView{}
	for _, p := range plan {
		view := planView{
			DataType: p.GetDataType(), Windows: p.GetWindows(), From: instant(p.GetFrom()), To: instant(p.GetTo()),
			Scopes: p.GetScopes(), Underway: viewIntervals(p.GetUnderway()),
		}
		if d := leastTime(b.exchange, p); d > 0 || p.GetWindows() == 0 {
			seconds := d.Seconds()
			view.LeastSeconds = &seconds
		}
		views = append(views, view)
	}
	return views
}
