package main

import (
	"fmt"
	"strings"
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// typeStatus is the status of a data type's jobs taken together, as a run's is
// folded from its jobs (docs/protocol.md rule 18).
func typeStatus(t *controlv1.TypeTotals) string {
	good := t.GetSucceeded() + t.GetSkipped()
	switch {
	case openJobs(t) > 0:
		return runRunning
	case t.GetCancelled() == t.GetJobs():
		return "cancelled"
	case good == t.GetJobs():
		return "succeeded"
	case good+t.GetPartial() == 0:
		return "failed"
	default:
		return "partial"
	}
}

// totalsReason says why a data type is not simply succeeded.
func totalsReason(t *controlv1.TypeTotals) string {
	var parts []string
	for _, one := range []struct {
		n    int32
		word string
	}{
		{t.GetPartial(), "partial"},
		{t.GetFailed(), "failed"},
		{t.GetDead(), "dead"},
		{t.GetCancelled(), "cancelled"},
	} {
		if one.n > 0 && one.n < t.GetJobs() {
			parts = append(parts, fmt.Sprintf("%s %s", count(int64(one.n)), one.word))
		}
	}
	if t.GetErrorClass() != "" {
		parts = append(parts, strings.TrimSuffix(t.GetErrorClass()+": "+t.GetErrorMessage(), ": "))
	}
	return strings.Join(parts, "; ")
}

// manyJobs is from how many jobs of one type on a run is shown added up.
const manyJobs = 20

// printTotals is the table of a run whose jobs are too many to be listed.
func (p *program) printTotals(run *controlv1.Run) error {
	t := newTable(p.stdout, "TYPE", "STATUS", "JOBS", "FROM", "TO", "ROWS", "CHANGED", "REQUESTS", "WHY")
	for _, one := range run.GetTotals() {
		t.row(one.GetDataType(), typeStatus(one), windowCount(one), moment(one.GetWindowFrom()), moment(one.GetWindowTo()),
			count(one.GetRowsFetched()), count(one.GetRowsChanged()), count(one.GetExchangeRequests()), totalsReason(one))
	}
	return t.end()
}

// crowded reports whether a run has more jobs than a person reads.
func crowded(run *controlv1.Run) bool {
	for _, t := range run.GetTotals() {
		if t.GetJobs() >= manyJobs {
			return true
		}
	}
	return false
}

// sumView is the jobs of one data type of a run, added up, in JSON.
type sumView struct {
	DataType       string         `json:"data_type"`
	Status         string         `json:"status"`
	Jobs           int32          `json:"jobs"`
	JobsDone       int32          `json:"jobs_done"`
	Window         *[2]*time.Time `json:"window"`
	RowsFetched    int64          `json:"rows_fetched"`
	RowsChanged    int64          `json:"rows_changed"`
	RowsDeleted    int64          `json:"rows_deleted"`
	Requests       int64          `json:"exchange_requests"`
	FirstStartedAt *time.Time     `json:"first_started_at"`
	LastFinishedAt *time.Time     `json:"last_finished_at"`
	ErrorClass     string         `json:"error_class"`
	ErrorMessage   string         `json:"error_message"`
}

func viewTotals(t *controlv1.TypeTotals) sumView {
	return sumView{
		DataType: t.GetDataType(), Status: typeStatus(t), Jobs: t.GetJobs(), JobsDone: doneJobs(t),
		Window: viewWindow(t.GetWindowFrom(), t.GetWindowTo()), RowsFetched: t.GetRowsFetched(),
		RowsChanged: t.GetRowsChanged(), RowsDeleted: t.GetRowsDeleted(), Requests: t.GetExchangeRequests(),
		FirstStartedAt: instant(t.GetFirstStartedAt()), LastFinishedAt: instant(t.GetLastFinishedAt()),
		ErrorClass: t.GetErrorClass(), ErrorMessage: t.GetErrorMessage(),
	}
}
