package api

import (
	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func replayMessage(r ledger.Replay) *controlv1.Replay {
	return &controlv1.Replay{
		Id: r.ID, RequestedBy: r.By, Note: r.Note, Status: string(r.Status), Rate: r.Rate, Since: stamp(&r.Since),
		Until: stamp(&r.Until), JobsFromStream: r.FromStream, JobsFromTables: r.FromTables, JobsUnknown: r.Unknown,
		JobsReplayed: r.Replayed, JobsSkipped: r.Skipped, JobsRefused: r.Refused, CreatedAt: stamp(&r.CreatedAt),
		PlannedAt: stamp(r.PlannedAt), FinishedAt: stamp(r.FinishedAt),
		Filter: &controlv1.ReplayFilter{
			Since: stamp(&r.Filter.Since), Until: stamp(&r.Filter.Until), Account: r.Filter.Account,
			Types: words(r.Filter.Types), Exchange: r.Filter.Exchange, Status: r.Filter.Status, RunId: r.Filter.RunID,
			FromSeq: r.Filter.FromSeq, ToSeq: r.Filter.ToSeq,
		},
	}
}

func groupMessages(groups []ledger.ReplayGroup) []*controlv1.ReplayGroup {
	out := make([]*controlv1.ReplayGroup, len(groups))
	for i, g := range groups {
		out[i] = &controlv1.ReplayGroup{
			Subject: g.Subject, Account: g.Account, FromStream: g.FromStream, FromTables: g.FromTables,
			Replayed: g.Replayed, Skipped: g.Skipped, Refused: g.Refused, RefusedReasons: g.RefusedWhys,
		}
	}
	return out
}

func progressMessage(p ledger.ReplayProgress) *controlv1.ReplayProgress {
	out := &controlv1.ReplayProgress{
		Succeeded: p.Jobs[syncjob.Succeeded], Partial: p.Jobs[syncjob.Partial], Failed: p.Jobs[syncjob.Failed],
		Dead: p.Jobs[syncjob.Dead], Skipped: p.Jobs[syncjob.Skipped], Cancelled: p.Jobs[syncjob.Cancelled],
		RowsChanged: p.RowsChanged, ExchangeRequests: p.Requests,
	}
	for status, n := range p.Jobs {
		if status.Open() {
			out.Open += n
		}
	}
	for _, run := range p.Runs {
		out.Runs = append(out.Runs, runMessage(run))
	}
	return out
}
