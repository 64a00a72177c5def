package main

import (
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// replayHeadView is a replay for programs.
type replayHeadView struct {
	ID         string           `json:"replay_id"`
	Status     string           `json:"status"`
	By         string           `json:"requested_by"`
	Note       string           `json:"note"`
	Filter     replayFilterView `json:"filter"`
	Rate       float64          `json:"rate"`
	Since      *time.Time       `json:"since"`
	Until      *time.Time       `json:"until"`
	FromStream int64            `json:"jobs_from_stream"`
	FromTables int64            `json:"jobs_from_tables"`
	Unknown    int64            `json:"jobs_unknown"`
	Replayed   int64            `json:"jobs_replayed"`
	Skipped    int64            `json:"jobs_skipped"`
	Refused    int64            `json:"jobs_refused"`
	CreatedAt  *time.Time       `json:"created_at"`
	PlannedAt  *time.Time       `json:"planned_at"`
	FinishedAt *time.Time       `json:"finished_at"`
}

type replayFilterView struct {
	Since    *time.Time `json:"since"`
	Until    *time.Time `json:"until"`
	Account  string     `json:"account"`
	Types    []string   `json:"types"`
	Exchange string     `json:"exchange"`
	Status   string     `json:"status"`
	RunID    string     `json:"run_id"`
	FromSeq  uint64     `json:"from_seq"`
	ToSeq    uint64     `json:"to_seq"`
}

type replayView struct {
	replayHeadView

	Progress *replayProgressView `json:"progress"`
	Runs     []replayRunView     `json:"runs"`
	Subjects []replayGroupView   `json:"subjects"`
	Reaches  *time.Time          `json:"stream_reaches_to"`
}

type replayProgressView struct {
	Open      int64 `json:"open"`
	Succeeded int64 `json:"succeeded"`
	Partial   int64 `json:"partial"`
	Failed    int64 `json:"failed"`
	Dead      int64 `json:"dead"`
	Skipped   int64 `json:"skipped"`
	Cancelled int64 `json:"cancelled"`
	Changed   int64 `json:"rows_changed"`
	Requests  int64 `json:"exchange_requests"`
}

type replayRunView struct {
	RunID   string `json:"run_id"`
	Account string `json:"account"`
	Status  string `json:"status"`
	Jobs    int32  `json:"jobs_total"`
}

type replayGroupView struct {
	Subject    string   `json:"subject"`
	Account    string   `json:"account"`
	FromStream int64    `json:"from_stream"`
	FromTables int64    `json:"from_tables"`
	Replayed   int64    `json:"replayed"`
	Skipped    int64    `json:"skipped"`
	Refused    int64    `json:"refused"`
	Reasons    []string `json:"refused_reasons"`
}

func viewReplayHead(r *controlv1.Replay) replayHeadView {
	f := r.GetFilter()
	return replayHeadView{
		ID: r.GetId(), Status: r.GetStatus(), By: r.GetRequestedBy(), Note: r.GetNote(), Rate: r.GetRate(),
		Since: instant(r.GetSince()), Until: instant(r.GetUntil()), FromStream: r.GetJobsFromStream(),
		FromTables: r.GetJobsFromTables(), Unknown: r.GetJobsUnknown(), Replayed: r.GetJobsReplayed(),
		Skipped: r.GetJobsSkipped(), Refused: r.GetJobsRefused(), CreatedAt: instant(r.GetCreatedAt()),
		PlannedAt: instant(r.GetPlannedAt()), FinishedAt: instant(r.GetFinishedAt()),
		Filter: replayFilterView{
			Since: instant(f.GetSince()), Until: instant(f.GetUntil()), Account: f.GetAccount(),
			Types: append([]string{}, f.GetTypes()...), Exchange: f.GetExchange(), Status: f.GetStatus(), RunID: f.GetRunId(),
			FromSeq: f.GetFromSeq(), ToSeq: f.GetToSeq(),
		},
	}
}

func viewReplay(r *controlv1.Replay, p *controlv1.ReplayProgress, groups []*controlv1.ReplayGroup) replayView {
	v := replayView{replayHeadView: viewReplayHead(r), Runs: []replayRunView{}, Subjects: []replayGroupView{}}
	if p != nil {
		v.Progress = &replayProgressView{
			Open: p.GetOpen(), Succeeded: p.GetSucceeded(), Partial: p.GetPartial(), Failed: p.GetFailed(), Dead: p.GetDead(),
			Skipped: p.GetSkipped(), Cancelled: p.GetCancelled(), Changed: p.GetRowsChanged(), Requests: p.GetExchangeRequests(),
		}
	}
	for _, run := range p.GetRuns() {
		v.Runs = append(v.Runs, replayRunView{run.GetId(), run.GetAccount(), run.GetStatus(), run.GetJobsTotal()})
	}
	for _, g := range groups {
		v.Subjects = append(v.Subjects, replayGroupView{
			Subject: g.GetSubject(), Account: g.GetAccount(), FromStream: g.GetFromStream(), FromTables: g.GetFromTables(),
			Replayed: g.GetReplayed(), Skipped: g.GetSkipped(), Refused: g.GetRefused(),
			Reasons: append([]string{}, g.GetRefusedReasons()...),
		})
	}
	return v
}
