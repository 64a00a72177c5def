package main

import (
	"fmt"
	"strings"
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// pauseView is a pause in JSON.
type pauseView struct {
	ID          string     `json:"id"`
	MarketID    string     `json:"market_id"`
	Exchange    string     `json:"exchange"`
	Environment string     `json:"environment"`
	Account     string     `json:"account"`
	DataType    string     `json:"data_type"`
	Lane        string     `json:"lane"`
	Reason      string     `json:"reason"`
	CreatedBy   string     `json:"created_by"`
	From        *time.Time `json:"from"`
	Until       *time.Time `json:"until"`
	InForce     bool       `json:"in_force"`
}

type pausesView struct {
	Pauses []pauseView `json:"pauses"`
}

func viewPauses(list []*controlv1.Pause) []pauseView {
	views := []pauseView{}
	for _, p := range list {
		views = append(views, pauseView{
			ID: p.GetId(), MarketID: p.GetMarketId(), Exchange: p.GetExchange(), Environment: p.GetEnvironment(),
			Account: p.GetAccount(), DataType: p.GetDataType(), Lane: p.GetLane(), Reason: p.GetReason(),
			CreatedBy: p.GetCreatedBy(), From: instant(p.GetFrom()), Until: instant(p.GetUntil()), InForce: p.GetInForce(),
		})
	}
	return views
}

func (r *remote) showCreated(res *controlv1.CreatePauseResponse, dry bool) error {
	p := r.program
	if r.asJSON {
		return p.writeJSON(struct {
			Pauses    []pauseView `json:"pauses"`
			Schedules int32       `json:"schedules"`
			Jobs      int32       `json:"jobs"`
		}{viewPauses(res.GetPauses()), res.GetSchedules(), res.GetJobs()})
	}
	touched := fmt.Sprintf("%s and %s", number(int(res.GetSchedules()), "schedule"), number(int(res.GetJobs()), "open job"))
	if dry {
		p.say("It would stop %s. Nothing was changed.", touched)
		return nil
	}
	for _, made := range res.GetPauses() {
		p.say("%s", plain(pauseLine(made, nil)))
		p.say("  `alphapulse resume --id %s` ends it", made.GetId())
	}
	p.say("It matches %s now; jobs that run go on to their end.", touched)
	return nil
}

func (r *remote) showEnded(res *controlv1.EndPauseResponse, dry bool) error {
	if r.asJSON {
		return r.program.writeJSON(pausesView{viewPauses(res.GetPauses())})
	}
	word := "ended"
	switch {
	case len(res.GetPauses()) == 0:
		r.program.say("Nothing is paused.")
	case dry:
		word = "would end"
	}
	for _, p := range res.GetPauses() {
		r.program.say("%s: %s", word, plain(pauseLine(p, nil)))
	}
	return nil
}

func (r *remote) listPauses(list []*controlv1.Pause) error {
	p := r.program
	if r.asJSON {
		return p.writeJSON(pausesView{viewPauses(list)})
	}
	if len(list) == 0 {
		p.say("Nothing is paused.")
		return nil
	}
	t := newTable(p.stdout, "ID", "WHAT", "STATE", "FROM", "UNTIL", "BY", "NOTE")
	for _, pause := range list {
		state, until := "in force", "resumed"
		if !pause.GetInForce() {
			state = "to come"
		}
		if pause.GetUntil() != nil {
			until = moment(pause.GetUntil())
		}
		t.row(pause.GetId(), pauseTarget(pause, nil), state, moment(pause.GetFrom()), until, pause.GetCreatedBy(), pause.GetReason())
	}
	return t.end()
}

// pauseLine is a pause in a sentence.
func pauseLine(p *controlv1.Pause, markets map[string]string) string {
	state, until := "paused", "until it is resumed"
	if !p.GetInForce() {
		state = "to be paused from " + moment(p.GetFrom())
	}
	if p.GetUntil() != nil {
		until = "until " + moment(p.GetUntil())
	}
	return fmt.Sprintf("%s: %s %s: %s (by %s)", state, pauseTarget(p, markets), until, p.GetReason(), orDash(p.GetCreatedBy()))
}

// pauseTarget is what a pause stops, in words.
func pauseTarget(p *controlv1.Pause, markets map[string]string) string {
	market := markets[p.GetMarketId()]
	if market == "" && p.GetMarketId() != "" {
		market = "market " + p.GetMarketId()
	}
	words := strings.Join(strings.Fields(strings.Join([]string{
		p.GetAccount(), market, p.GetExchange(), p.GetEnvironment(), p.GetDataType(), p.GetLane(),
	}, " ")), " ")
	if words == "" {
		return "everything"
	}
	return words
}
