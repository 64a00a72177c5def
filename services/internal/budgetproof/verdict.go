package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/alphapulse/alphapulse/services/exchangesim"
)

// What the budget is: four fifths of 600 requests in 5 s per address, 50
// requests a second per account and endpoint.
const (
	addressBudget = 96.0
	accountBudget = 50.0
	leastUse      = 0.9
)

// verdict is what is printed.
type verdict struct {
	Processes    int            `json:"processes"`
	Accounts     int            `json:"accounts"`
	Seconds      float64        `json:"seconds"`
	Requests     int            `json:"requests"`
	PerSecond    float64        `json:"requests_per_second"`
	Budget       float64        `json:"budget_per_second"`
	Used         float64        `json:"budget_used"`
	RateLimited  int            `json:"answered_10006"`
	Banned       int            `json:"answered_403"`
	FewestOfOne  int            `json:"fewest_requests_of_an_account"`
	MostOfOne    int            `json:"most_requests_of_an_account"`
	OtherResults map[string]int `json:"other_results"`
}

// judge prints what was counted; the error is what was not as it should be.
func (s settings) judge(stats exchangesim.Stats, took time.Duration) error {
	v := verdict{
		Processes: s.processes, Accounts: s.accounts, Seconds: took.Seconds(), Requests: stats.Requests,
		PerSecond: float64(stats.Requests) / took.Seconds(), Budget: addressBudget, OtherResults: map[string]int{},
	}
	if s.rate > 0 {
		v.Budget = s.rate
	}
	v.Budget = min(v.Budget, accountBudget*float64(s.accounts))
	v.Used = v.PerSecond / v.Budget
	for uid, tally := range stats.UIDs {
		v.RateLimited += tally.Results["10006"]
		v.Banned += tally.Results["http 403"]
		for result, n := range tally.Results {
			if result != "ok" && result != "10006" && result != "http 403" {
				v.OtherResults[result] += n
			}
		}
		if uid == "" {
			continue
		}
		if v.FewestOfOne == 0 || tally.Requests < v.FewestOfOne {
			v.FewestOfOne = tally.Requests
		}
		v.MostOfOne = max(v.MostOfOne, tally.Requests)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(v); err != nil {
		return err
	}
	if v.RateLimited+v.Banned > 0 || v.Used < leastUse {
		return fmt.Errorf("%d answers 10006, %d answers 403, %.0f %% of the budget used", v.RateLimited, v.Banned, 100*v.Used)
	}
	return nil
}
