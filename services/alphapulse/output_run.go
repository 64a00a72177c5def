package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// runView is a run in JSON.
type runView struct {
	ID            string     `json:"id"`
	Account       string     `json:"account"`
	SubjectKind   string     `json:"subject_kind"`
	SubjectID     string     `json:"subject_id"`
	Trigger       string     `json:"trigger"`
	Status        string     `json:"status"`
	Types         []string   `json:"requested_types"`
	Follows       string     `json:"follows"`
	JobsTotal     int32      `json:"jobs_total"`
	JobsSucceeded int32      `json:"jobs_succeeded"`
	JobsPartial   int32      `json:"jobs_partial"`
	JobsFailed    int32      `json:"jobs_failed"`
	JobsDead      int32      `json:"jobs_dead"`
	JobsSkipped   int32      `json:"jobs_skipped"`
	JobsCancelled int32      `json:"jobs_cancelled"`
	RowsChanged   int64      `json:"rows_changed"`
	CreatedAt     *time.Time `json:"created_at"`
	StartedAt     *time.Time `json:"started_at"`
	DeadlineAt    *time.Time `json:"deadline_at"`
	FinishedAt    *time.Time `json:"finished_at"`
	Jobs          []jobView  `json:"jobs,omitempty"`
	Totals        []sumView  `json:"totals,omitempty"`
}

// jobView is a job in JSON.
type jobView struct {
	ID           string     `json:"id"`
	DataType     string     `json:"data_type"`
	Lane         string     `json:"lane"`
	Status       string     `json:"status"`
	WaitReason   string     `json:"wait_reason"`
	CancelReason string     `json:"cancel_reason"`
	Attempt      int32      `json:"attempt"`
	MaxAttempts  int32      `json:"max_attempts"`
	Owner        string     `json:"owner"`
	ErrorClass   string     `json:"error_class"`
	ErrorCode    string     `json:"error_code"`
	ErrorMessage string     `json:"error_message"`
	RowsFetched  int64      `json:"rows_fetched"`
	RowsChanged  int64      `json:"rows_changed"`
	RowsDeleted  int64      `json:"rows_deleted"`
	Requests     int64      `json:"exchange_requests"`
	AsOf         *time.Time `json:"as_of"`
	NextAt       *time.Time `json:"next_at"`
	QueuedAt     *time.Time `json:"queued_at"`
	StartedAt    *time.Time `json:"started_at"`
	FinishedAt   *time.Time `json:"finished_at"`
	// Window is what a job of a history reads; null if it goes on where the last
	// one ended.
	Window *[2]*time.Time `json:"window"`
}

func viewRun(r *controlv1.Run) runView {
	v := runView{
		ID: r.GetId(), Account: r.GetAccount(), SubjectKind: r.GetSubjectKind(), SubjectID: r.GetSubjectId(),
		Trigger: r.GetTrigger(), Status: r.GetStatus(), Types: r.GetRequestedTypes(), Follows: r.GetFollows(),
		JobsTotal: r.GetJobsTotal(), JobsSucceeded: r.GetJobsSucceeded(), JobsPartial: r.GetJobsPartial(),
		JobsFailed: r.GetJobsFailed(), JobsDead: r.GetJobsDead(), JobsSkipped: r.GetJobsSkipped(),
		JobsCancelled: r.GetJobsCancelled(), RowsChanged: r.GetRowsChanged(), CreatedAt: instant(r.GetCreatedAt()),
		StartedAt: instant(r.GetStartedAt()), DeadlineAt: instant(r.GetDeadlineAt()),
		FinishedAt: instant(r.GetFinishedAt()),
	}
	for _, job := range r.GetJobs() {
		v.Jobs = append(v.Jobs, viewJob(job))
	}
	for _, t := range r.GetTotals() {
		v.Totals = append(v.Totals, viewTotals(t))
	}
	return v
}

func viewJob(j *controlv1.Job) jobView {
	return jobView{
		ID: j.GetId(), DataType: j.GetDataType(), Lane: j.GetLane(), Status: j.GetStatus(),
		WaitReason: j.GetWaitReason(), CancelReason: j.GetCancelReason(), Attempt: j.GetAttempt(),
		MaxAttempts: j.GetMaxAttempts(), Owner: j.GetOwner(), ErrorClass: j.GetErrorClass(),
		ErrorCode: j.GetErrorCode(), ErrorMessage: j.GetErrorMessage(), RowsFetched: j.GetRowsFetched(),
		RowsChanged: j.GetRowsChanged(), RowsDeleted: j.GetRowsDeleted(), Requests: j.GetExchangeRequests(),
		AsOf: instant(j.GetAsOf()), NextAt: instant(j.GetNextAt()), QueuedAt: instant(j.GetQueuedAt()),
		StartedAt: instant(j.GetStartedAt()), FinishedAt: instant(j.GetFinishedAt()),
		Window: viewWindow(j.GetWindowFrom(), j.GetWindowTo()),
	}
}

func viewWindow(from, to *timestamppb.Timestamp) *[2]*time.Time {
	if from == nil && to == nil {
		return nil
	}
	return &[2]*time.Time{instant(from), instant(to)}
}

// printJobs is the table of a run's jobs. It has a column for windows if any job
// has one.
func (p *program) printJobs(run *controlv1.Run) error {
	columns := []string{"TYPE", "STATUS", "ROWS", "CHANGED", "DELETED", "AS OF", "WHY"}
	windows := slices.ContainsFunc(run.GetJobs(), func(j *controlv1.Job) bool { return j.GetWindowFrom() != nil })
	if windows {
		columns = slices.Insert(columns, 1, "FROM", "TO")
	}
	t := newTable(p.stdout, columns...)
	for _, j := range run.GetJobs() {
		cells := []string{
			j.GetDataType(), j.GetStatus(), count(j.GetRowsFetched()), count(j.GetRowsChanged()), count(j.GetRowsDeleted()),
			moment(j.GetAsOf()), jobReason(j),
		}
		if windows {
			cells = slices.Insert(cells, 1, moment(j.GetWindowFrom()), moment(j.GetWindowTo()))
		}
		t.row(cells...)
	}
	return t.end()
}

// count is a number with its thousands apart.
func count(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// jobReason says why a job is not simply succeeded.
func jobReason(j *controlv1.Job) string {
	var parts []string
	switch {
	case j.GetStatus() == "waiting" && j.GetNextAt() != nil:
		parts = append(parts, waits(j.GetWaitReason())+" until "+moment(j.GetNextAt()))
	case j.GetStatus() == "cancelled":
		parts = append(parts, cancels(j.GetCancelReason()))
	case j.GetStatus() == "skipped":
		parts = append(parts, "a newer read of the same data was there")
	}
	if j.GetAttempt() > 1 {
		parts = append(parts, fmt.Sprintf("attempt %d of %d", j.GetAttempt(), j.GetMaxAttempts()))
	}
	if j.GetErrorClass() != "" {
		parts = append(parts, strings.TrimSuffix(j.GetErrorClass()+": "+j.GetErrorMessage(), ": "))
	}
	return strings.Join(parts, "; ")
}

func waits(reason string) string {
	switch reason {
	case "retry":
		return "waits before the next attempt"
	case "sibling":
		return "waits for another job of the same data"
	case "superseded":
		return "waits for data newer than what was stored meanwhile"
	case "exchange":
		return "waits as the exchange asked"
	default:
		return "waits (" + orDash(reason) + ")"
	}
}

func cancels(reason string) string {
	switch reason {
	case "deadline":
		return "the run's time was over"
	case "cancelled":
		return "cancelled by a person"
	case "paused", "removed", "pending":
		return "the account is " + reason
	default:
		return orDash(reason)
	}
}

// took is how long a run has taken, or "" if it has not started or ended.
func took(run *controlv1.Run) string {
	if run.GetStartedAt() == nil || run.GetFinishedAt() == nil {
		return ""
	}
	return span(run.GetFinishedAt().AsTime().Sub(run.GetStartedAt().AsTime()))
}
