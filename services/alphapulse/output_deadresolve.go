package main

import (
	"fmt"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

const actionRefuse = "refuse"

type decisionView struct {
	JobID       string `json:"job_id"`
	Account     string `json:"account"`
	DataType    string `json:"data_type"`
	Action      string `json:"action"`
	Reason      string `json:"reason"`
	Replacement string `json:"replacement_job_id"`
}

type requeuedView struct {
	Decisions []decisionView    `json:"decisions"`
	Runs      []requeuedRunView `json:"runs"`
	Remaining int64             `json:"remaining"`
}

type requeuedRunView struct {
	RunID   string `json:"run_id"`
	Account string `json:"account"`
	Jobs    int32  `json:"jobs_total"`
}

type discardedView struct {
	Decisions []decisionView `json:"decisions"`
	Remaining int64          `json:"remaining"`
}

func viewDecisions(decisions []*controlv1.DeadDecision) []decisionView {
	views := make([]decisionView, len(decisions))
	for i, d := range decisions {
		views[i] = decisionView{
			JobID: d.GetJobId(), Account: d.GetAccount(), DataType: d.GetDataType(), Action: d.GetAction(),
			Reason: d.GetReason(), Replacement: d.GetReplacementJobId(),
		}
	}
	return views
}

func (r *remote) requeued(res *controlv1.RequeueDeadResponse, dryRun bool) error {
	p := r.program
	if r.asJSON {
		view := requeuedView{viewDecisions(res.GetDecisions()), []requeuedRunView{}, res.GetRemaining()}
		for _, run := range res.GetRuns() {
			view.Runs = append(view.Runs, requeuedRunView{run.GetId(), run.GetAccount(), run.GetJobsTotal()})
		}
		if err := p.writeJSON(view); err != nil {
			return err
		}
		return refusedAll(res.GetDecisions())
	}
	if err := p.decided(res.GetDecisions(), res.GetRemaining(), dryRun); err != nil {
		return err
	}
	for _, run := range res.GetRuns() {
		p.say("Run %s of %s: %s. Follow it: alphapulse runs show %[1]s --watch", run.GetId(), plain(of(run)),
			number(int(run.GetJobsTotal()), "job"))
	}
	return refusedAll(res.GetDecisions())
}

func (r *remote) discarded(res *controlv1.DiscardDeadResponse, dryRun bool) error {
	if r.asJSON {
		if err := r.program.writeJSON(discardedView{viewDecisions(res.GetDecisions()), res.GetRemaining()}); err != nil {
			return err
		}
		return refusedAll(res.GetDecisions())
	}
	if err := r.program.decided(res.GetDecisions(), res.GetRemaining(), dryRun); err != nil {
		return err
	}
	return refusedAll(res.GetDecisions())
}

// decided prints what was done with each letter, or would be.
func (p *program) decided(decisions []*controlv1.DeadDecision, remaining int64, dryRun bool) error {
	if len(decisions) == 0 {
		p.say("There are no such dead letters.")
		return nil
	}
	t := newTable(p.stdout, "JOB", "OF", "TYPE", "ACTION", "NEW JOB", "WHY")
	counts := map[string]int{}
	for _, d := range decisions {
		counts[d.GetAction()]++
		t.row(d.GetJobId(), orDash(d.GetAccount()), d.GetDataType(), d.GetAction(), orDash(d.GetReplacementJobId()),
			orDash(d.GetReason()))
	}
	if err := t.end(); err != nil {
		return err
	}
	done := len(decisions) - counts[actionRefuse]
	line := fmt.Sprintf("%s dealt with, %d refused.", number(done, "letter"), counts[actionRefuse])
	if dryRun {
		line = fmt.Sprintf("%s would be dealt with, %d refused. Nothing was done.", number(done, "letter"), counts[actionRefuse])
	}
	p.say("%s", line)
	if remaining > 0 {
		p.say("… and %s more: the same command again takes them.", number(int(remaining), "letter"))
	}
	return nil
}

// refusedAll is the exit code of a command that could do nothing at all.
func refusedAll(decisions []*controlv1.DeadDecision) error {
	for _, d := range decisions {
		if d.GetAction() != actionRefuse {
			return nil
		}
	}
	if len(decisions) == 0 {
		return nil
	}
	return &exitError{code: exitFailure}
}

type checkedView struct {
	InTable     int64    `json:"in_table"`
	InStream    int64    `json:"in_stream"`
	Missing     []string `json:"missing"`
	Unannounced int64    `json:"unannounced"`
	Unknown     []string `json:"unknown"`
	PutBack     int64    `json:"put_back"`
}

func (r *remote) checkedDead(c *controlv1.CheckDeadResponse) error {
	p := r.program
	if r.asJSON {
		view := checkedView{
			c.GetInTable(), c.GetInStream(), append([]string{}, c.GetMissing()...), c.GetUnannounced(),
			append([]string{}, c.GetUnknown()...), c.GetPutBack(),
		}
		if err := p.writeJSON(view); err != nil {
			return err
		}
	} else {
		p.say("%s in the table; the stream has the obituaries of %s.", number(int(c.GetInTable()), "dead job"), count(c.GetInStream()))
		for _, id := range c.GetMissing() {
			p.say("missing in the stream: %s", id)
		}
		if n := c.GetUnannounced(); n > 0 {
			p.say("%s not announced yet: the aggregator does it within seconds.", number(int(n), "dead job"))
		}
		if n := len(c.GetUnknown()); n > 0 {
			p.say("%s of the stream no longer in the table: pruned, or of a removed account.", number(n, "job"))
		}
		if n := c.GetPutBack(); n > 0 {
			p.say("%s put back: the aggregator announces them within seconds.", number(int(n), "dead job"))
		}
	}
	if len(c.GetMissing()) > 0 && c.GetPutBack() == 0 {
		return &exitError{code: exitFailure, message: "obituaries are missing\n  Next: alphapulse dead list --check --announce"}
	}
	return nil
}
