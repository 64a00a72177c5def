package main

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// seconds is a duration for programs, null if there is none.
func seconds(d *durationpb.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := d.AsDuration().Seconds()
	return &s
}

// lagView is what `lag --json` prints.
type lagView struct {
	ReadAt         *time.Time       `json:"read_at"`
	BrokerError    string           `json:"broker_error"`
	Lanes          []laneView       `json:"lanes"`
	Freshness      []accountLagView `json:"freshness"`
	FreshnessTotal int64            `json:"freshness_total"`
	StaleTotal     int64            `json:"stale_total"`
}

type laneView struct {
	Exchange    string          `json:"exchange"`
	Environment string          `json:"environment"`
	DataType    string          `json:"data_type"`
	Lane        string          `json:"lane"`
	Pending     *uint64         `json:"pending"`
	InFlight    *uint64         `json:"in_flight"`
	Redelivered *uint64         `json:"redelivered"`
	Snoozed     uint64          `json:"snoozed"`
	Held        uint64          `json:"held"`
	Stale       uint64          `json:"stale"`
	Open        uint64          `json:"open"`
	Running     uint64          `json:"running"`
	OldestAt    *time.Time      `json:"oldest_queued_at"`
	OldestAge   *float64        `json:"oldest_age_seconds"`
	Arrivals    *float64        `json:"arrivals_per_second"`
	Completions *float64        `json:"completions_per_second"`
	RateWindow  *float64        `json:"rate_window_seconds"`
	Drain       *float64        `json:"drain_seconds"`
	Waiting     uint64          `json:"waiting_pulls"`
	Paused      bool            `json:"paused"`
	Missing     bool            `json:"missing"`
	History     []lagSampleView `json:"history"`
}

type lagSampleView struct {
	At       *time.Time `json:"at"`
	Pending  uint64     `json:"pending"`
	InFlight uint64     `json:"in_flight"`
}

type accountLagView struct {
	Account   string   `json:"account"`
	DataType  string   `json:"data_type"`
	Age       *float64 `json:"age_seconds"`
	Objective *float64 `json:"objective_seconds"`
	Stale     bool     `json:"stale"`
}

func viewLag(l *controlv1.GetLagResponse) lagView {
	v := lagView{
		ReadAt: instant(l.GetReadAt()), BrokerError: l.GetBrokerError(), Lanes: []laneView{}, Freshness: []accountLagView{},
		FreshnessTotal: l.GetFreshnessTotal(), StaleTotal: l.GetStaleTotal(),
	}
	for _, lane := range l.GetLanes() {
		v.Lanes = append(v.Lanes, viewLane(lane))
	}
	for _, f := range l.GetFreshness() {
		v.Freshness = append(v.Freshness, accountLagView{
			f.GetAccount(), f.GetDataType(), seconds(f.GetAge()), seconds(f.GetObjective()), f.GetStale(),
		})
	}
	return v
}

func viewLane(lane *controlv1.Lane) laneView {
	v := laneView{
		Exchange: lane.GetExchange(), Environment: lane.GetEnvironment(), DataType: lane.GetDataType(), Lane: lane.GetLane(),
		Pending: lane.Pending, InFlight: lane.InFlight, Redelivered: lane.Redelivered, Snoozed: lane.GetSnoozed(),
		Held: lane.GetHeld(), Stale: lane.GetStale(), Open: lane.GetOpen(), Running: lane.GetRunning(),
		OldestAt: instant(lane.GetOldestQueuedAt()), OldestAge: seconds(lane.GetOldestAge()), Arrivals: lane.ArrivalRate,
		Completions: lane.CompletionRate, RateWindow: seconds(lane.GetRateWindow()), Drain: seconds(lane.GetDrain()),
		Waiting: lane.GetWaitingPulls(), Paused: lane.GetPaused(), Missing: lane.GetMissing(), History: []lagSampleView{},
	}
	for _, s := range lane.GetHistory() {
		v.History = append(v.History, lagSampleView{instant(s.GetAt()), s.GetPending(), s.GetInFlight()})
	}
	return v
}
