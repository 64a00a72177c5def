package main

import (
	"fmt"
	"strings"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

func (r *remote) listReplays(res *controlv1.ListReplaysResponse) error {
	p := r.program
	if r.asJSON {
		views := []replayHeadView{}
		for _, one := range res.GetReplays() {
			views = append(views, viewReplayHead(one))
		}
		return p.writeJSON(struct {
			Replays []replayHeadView `json:"replays"`
		}{views})
	}
	if len(res.GetReplays()) == 0 {
		p.say("There are no replays.")
		return nil
	}
	t := newTable(p.stdout, "REPLAY", "STATUS", "BY", "ASKED", "WHAT", "FOUND", "REPLAYED", "SKIPPED", "REFUSED", "NOTE")
	for _, one := range res.GetReplays() {
		t.row(one.GetId(), one.GetStatus(), one.GetRequestedBy(), moment(one.GetCreatedAt()), sayReplayFilter(one),
			count(one.GetJobsFromStream()+one.GetJobsFromTables()), count(one.GetJobsReplayed()), count(one.GetJobsSkipped()),
			count(one.GetJobsRefused()), orDash(one.GetNote()))
	}
	return t.end()
}

// sayReplayFilter says what was asked for.
func sayReplayFilter(r *controlv1.Replay) string {
	f := r.GetFilter()
	parts := []string{}
	add := func(what, value string) {
		if value != "" {
			parts = append(parts, strings.TrimSpace(what+" "+value))
		}
	}
	add("", f.GetAccount())
	add("", strings.Join(f.GetTypes(), ","))
	add("", f.GetExchange())
	if f.GetStatus() != "any" {
		add("", f.GetStatus())
	}
	add("run", f.GetRunId())
	if f.GetFromSeq() > 0 {
		add("sequences", fmt.Sprintf("%d–%d", f.GetFromSeq(), f.GetToSeq()))
	}
	if f.GetSince() != nil {
		add("since", moment(f.GetSince()))
	}
	if f.GetUntil() != nil {
		add("until", moment(f.GetUntil()))
	}
	return strings.Join(parts, ", ")
}

// previewed prints what a replay would do.
func (b *replayRun) previewed(res *controlv1.StartReplayResponse) error {
	p, r := b.program, res.GetReplay()
	if b.asJSON {
		view := viewReplay(r, nil, res.GetGroups())
		view.Status, view.Reaches = "planned", instant(res.GetStreamReachesTo())
		return p.writeJSON(view)
	}
	if err := p.printReplayGroups(res.GetGroups(), "WOULD REPLAY"); err != nil {
		return err
	}
	if res.GetStreamReachesTo() == nil {
		p.say("The stream holds nothing.")
	} else {
		p.say("The stream reaches back to %s.", moment(res.GetStreamReachesTo()))
	}
	p.say("%s in the stream; %s out of its reach, taken from the tables.", number(int(r.GetJobsFromStream()), "job"),
		count(r.GetJobsFromTables()))
	if res.GetStreamCutShort() {
		p.say("The stream holds more than was looked at: what is in it is counted among those of the tables.")
	}
	if n := r.GetJobsUnknown(); n > 0 {
		p.say("%s that no table knows any more.", number(int(n), "job"))
	}
	p.say("Nothing was started.")
	return nil
}

func (p *program) printReplayGroups(groups []*controlv1.ReplayGroup, replayed string) error {
	if len(groups) == 0 {
		p.say("There are no such jobs.")
		return nil
	}
	t := newTable(p.stdout, "OF", "SUBJECT", "STREAM", "TABLES", replayed, "SKIPPED", "REFUSED", "WHY")
	for _, g := range groups {
		t.row(orDash(g.GetAccount()), g.GetSubject(), count(g.GetFromStream()), count(g.GetFromTables()), count(g.GetReplayed()),
			count(g.GetSkipped()), count(g.GetRefused()), orDash(strings.Join(g.GetRefusedReasons(), "; ")))
	}
	return t.end()
}

// shown prints how far a replay is.
func (b *replayRun) shown(res *controlv1.GetReplayResponse) error {
	p, r := b.program, res.GetReplay()
	if b.asJSON {
		return p.writeJSON(viewReplay(r, res.GetProgress(), res.GetGroups()))
	}
	if len(res.GetGroups()) > 0 {
		if err := p.printReplayGroups(res.GetGroups(), "REPLAYED"); err != nil {
			return err
		}
	}
	for _, run := range res.GetProgress().GetRuns() {
		p.say("Run %s of %s: %s, %s", run.GetId(), plain(of(run)), run.GetStatus(), number(int(run.GetJobsTotal()), "job"))
	}
	p.say("Found %s in the stream and %s in the tables: %s replayed, %s skipped, %s refused.", count(r.GetJobsFromStream()),
		count(r.GetJobsFromTables()), count(r.GetJobsReplayed()), count(r.GetJobsSkipped()), count(r.GetJobsRefused()))
	one := res.GetProgress()
	p.say("New jobs: %s open, %s succeeded, %s partial, %s failed, %s dead, %s skipped, %s cancelled; %s changed.",
		count(one.GetOpen()), count(one.GetSucceeded()), count(one.GetPartial()), count(one.GetFailed()), count(one.GetDead()),
		count(one.GetSkipped()), count(one.GetCancelled()), number(int(one.GetRowsChanged()), "row"))
	p.say("Replay %s of %s, asked for by %s on %s: %s.", r.GetId(), plain(sayReplayFilter(r)), plain(r.GetRequestedBy()),
		moment(r.GetCreatedAt()), r.GetStatus())
	return nil
}
