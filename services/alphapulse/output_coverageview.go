package main

import (
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// coverageView is what `coverage --json` prints; users rely on it.
type coverageView struct {
	Account string              `json:"account"`
	ReadAt  *time.Time          `json:"read_at"`
	Scopes  []coverageScopeView `json:"scopes"`
}

type coverageScopeView struct {
	DataType   string         `json:"data_type"`
	Category   string         `json:"category"`
	Scope      string         `json:"scope"`
	Covered    [][2]time.Time `json:"covered"`
	Missing    [][2]time.Time `json:"missing"`
	Horizon    *time.Time     `json:"horizon"`
	Unreadable string         `json:"unreadable"`
}

func viewCoverage(name string, res *controlv1.GetCoverageResponse) coverageView {
	view := coverageView{Account: name, ReadAt: instant(res.GetReadAt()), Scopes: []coverageScopeView{}}
	for _, s := range res.GetScopes() {
		view.Scopes = append(view.Scopes, coverageScopeView{
			DataType: s.GetDataType(), Category: s.GetCategory(), Scope: s.GetScope(),
			Covered: viewIntervals(s.GetCovered()), Missing: viewIntervals(s.GetMissing()),
			Horizon: instant(s.GetHorizon()), Unreadable: s.GetUnreadable(),
		})
	}
	return view
}

func viewIntervals(list []*controlv1.Interval) [][2]time.Time {
	out := make([][2]time.Time, len(list))
	for i, one := range list {
		out[i] = [2]time.Time{one.GetFrom().AsTime().UTC(), one.GetTo().AsTime().UTC()}
	}
	return out
}
