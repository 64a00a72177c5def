package main

import (
	"encoding/json"
	"fmt"
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// letterView is a dead letter for programs.
type letterView struct {
	JobID       string          `json:"job_id"`
	RunID       string          `json:"run_id"`
	Account     string          `json:"account"`
	Exchange    string          `json:"exchange"`
	Environment string          `json:"environment"`
	DataType    string          `json:"data_type"`
	Lane        string          `json:"lane"`
	Trigger     string          `json:"trigger"`
	Attempts    int32           `json:"attempts"`
	MaxAttempts int32           `json:"max_attempts"`
	Class       string          `json:"error_class"`
	Code        string          `json:"error_code"`
	Message     string          `json:"error_message"`
	Window      *[2]time.Time   `json:"window"`
	QueuedAt    *time.Time      `json:"queued_at"`
	StartedAt   *time.Time      `json:"started_at"`
	DiedAt      *time.Time      `json:"died_at"`
	AnnouncedAt *time.Time      `json:"announced_at"`
	ReplayOf    string          `json:"replay_of"`
	Resolution  *resolutionView `json:"resolution"`
}

type resolutionView struct {
	Resolution  string     `json:"resolution"`
	Replacement string     `json:"replacement_job_id"`
	Status      string     `json:"replacement_status"`
	By          string     `json:"resolved_by"`
	At          *time.Time `json:"resolved_at"`
	Note        string     `json:"note"`
	Settled     bool       `json:"settled"`
}

func viewLetter(d *controlv1.DeadLetter) letterView {
	v := letterView{
		JobID: d.GetJobId(), RunID: d.GetRunId(), Account: d.GetAccount(), Exchange: d.GetExchange(),
		Environment: d.GetEnvironment(), DataType: d.GetDataType(), Lane: d.GetLane(), Trigger: d.GetTrigger(),
		Attempts: d.GetAttempts(), MaxAttempts: d.GetMaxAttempts(), Class: d.GetErrorClass(), Code: d.GetErrorCode(),
		Message: d.GetErrorMessage(), QueuedAt: instant(d.GetQueuedAt()), StartedAt: instant(d.GetStartedAt()),
		DiedAt: instant(d.GetDiedAt()), AnnouncedAt: instant(d.GetAnnouncedAt()), ReplayOf: d.GetReplayOf(),
	}
	if from, to := instant(d.GetWindowFrom()), instant(d.GetWindowTo()); from != nil && to != nil {
		v.Window = &[2]time.Time{*from, *to}
	}
	if r := d.GetResolution(); r != nil {
		v.Resolution = &resolutionView{
			Resolution: r.GetResolution(), Replacement: r.GetReplacementJobId(), Status: r.GetReplacementStatus(),
			By: r.GetResolvedBy(), At: instant(r.GetResolvedAt()), Note: r.GetNote(), Settled: r.GetSettled(),
		}
	}
	return v
}

func (r *remote) listDead(res *controlv1.ListDeadResponse) error {
	p := r.program
	if r.asJSON {
		views := []letterView{}
		for _, d := range res.GetLetters() {
			views = append(views, viewLetter(d))
		}
		return p.writeJSON(struct {
			Letters []letterView `json:"letters"`
			Total   int64        `json:"total"`
			Next    string       `json:"next_page_token"`
		}{views, res.GetTotal(), res.GetNextPageToken()})
	}
	if len(res.GetLetters()) == 0 {
		p.say("There are no such dead letters.")
		return nil
	}
	t := newTable(p.stdout, "JOB", "OF", "TYPE", "LANE", "TRIGGER", "ATTEMPTS", "CLASS", "DIED", "BECAME", "WHY")
	for _, d := range res.GetLetters() {
		t.row(d.GetJobId(), ofLetter(d), d.GetDataType(), d.GetLane(), d.GetTrigger(), count(int64(d.GetAttempts())),
			orDash(d.GetErrorClass()), moment(d.GetDiedAt()), orDash(sayResolution(d.GetResolution())), d.GetErrorMessage())
	}
	if err := t.end(); err != nil {
		return err
	}
	if next := res.GetNextPageToken(); next != "" {
		p.say("%s in all. There are more: --page %s", number(int(res.GetTotal()), "dead letter"), next)
	}
	return nil
}

// ofLetter is the account that a letter is of, or its market.
func ofLetter(d *controlv1.DeadLetter) string {
	if d.GetAccount() != "" {
		return d.GetAccount()
	}
	return d.GetExchange() + " " + d.GetEnvironment()
}

func sayResolution(r *controlv1.DeadResolution) string {
	if r.GetReplacementJobId() == "" {
		return r.GetResolution()
	}
	status := r.GetReplacementStatus()
	if status == "" {
		status = "pruned by now"
	}
	return r.GetResolution() + ", " + status
}

func (r *remote) showDead(res *controlv1.GetDeadResponse) error {
	if r.asJSON {
		return r.program.writeJSON(viewDead(res))
	}
	p, d := r.program, res.GetLetter()
	p.say("Dead job %s of %s: %s", d.GetJobId(), plain(ofLetter(d)), d.GetDataType())
	p.say("  run         %s (%s)", d.GetRunId(), d.GetTrigger())
	p.say("  would read  %s", sayPayload(res))
	p.say("  queued      %s", moment(d.GetQueuedAt()))
	p.say("  died        %s, after %s", moment(d.GetDiedAt()), number(int(d.GetAttempts()), "attempt"))
	p.say("  announced   %s", moment(d.GetAnnouncedAt()))
	if d.GetReplayOf() != "" {
		p.say("  repeats     job %s", d.GetReplayOf())
	}
	if one := d.GetResolution(); one != nil {
		line := fmt.Sprintf("%s by %s, %s", sayResolution(one), one.GetResolvedBy(), moment(one.GetResolvedAt()))
		if one.GetReplacementJobId() != "" {
			line += ", as job " + one.GetReplacementJobId()
		}
		p.say("  became      %s", plain(line))
		p.say("  note        %s", plain(orDash(one.GetNote())))
	}
	p.say("")
	t := newTable(p.stdout, "ATTEMPT", "BY", "ENDED", "CLASS", "CODE", "WHY")
	for _, a := range res.GetAttempts() {
		t.row(count(int64(a.GetAttempt())), orDash(a.GetOwner()), moment(a.GetEndedAt()), a.GetErrorClass(),
			orDash(a.GetErrorCode()), a.GetErrorMessage())
	}
	if err := t.end(); err != nil {
		return err
	}
	for _, one := range res.GetPayloads() {
		p.say("\nFrom %s, %s: %s %s", plain(one.GetScope()), moment(one.GetAt()), one.GetErrorClass(), plain(one.GetErrorMessage()))
		p.say("%s", readable(one.GetPayload()))
	}
	return nil
}

// sayPayload is what the job would read.
func sayPayload(res *controlv1.GetDeadResponse) string {
	d, text := res.GetLetter(), "what is now"
	if d.GetWindowFrom() != nil {
		text = moment(d.GetWindowFrom()) + " – " + moment(d.GetWindowTo())
	}
	if res.GetParams() != "" {
		text += ", with " + plain(res.GetParams())
	}
	return text + ", in lane " + d.GetLane()
}

type deadView struct {
	letterView

	Attempts []attemptView   `json:"attempt_errors"`
	Params   json.RawMessage `json:"params"`
	Payloads []payloadView   `json:"payloads"`
}

type attemptView struct {
	Attempt   int32      `json:"attempt"`
	Owner     string     `json:"owner"`
	StartedAt *time.Time `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
	Class     string     `json:"error_class"`
	Code      string     `json:"error_code"`
	Message   string     `json:"error_message"`
}

type payloadView struct {
	Scope   string     `json:"scope"`
	Class   string     `json:"error_class"`
	Message string     `json:"error_message"`
	Payload string     `json:"payload"`
	At      *time.Time `json:"at"`
}

func viewDead(res *controlv1.GetDeadResponse) deadView {
	v := deadView{letterView: viewLetter(res.GetLetter()), Attempts: []attemptView{}, Payloads: []payloadView{}}
	if json.Valid([]byte(res.GetParams())) {
		v.Params = json.RawMessage(res.GetParams())
	}
	for _, a := range res.GetAttempts() {
		v.Attempts = append(v.Attempts, attemptView{
			Attempt: a.GetAttempt(), Owner: a.GetOwner(), StartedAt: instant(a.GetStartedAt()), EndedAt: instant(a.GetEndedAt()),
			Class: a.GetErrorClass(), Code: a.GetErrorCode(), Message: a.GetErrorMessage(),
		})
	}
	for _, one := range res.GetPayloads() {
		v.Payloads = append(v.Payloads, payloadView{
			Scope: one.GetScope(), Class: one.GetErrorClass(), Message: one.GetErrorMessage(), Payload: one.GetPayload(),
			At: instant(one.GetAt()),
		})
	}
	return v
}
