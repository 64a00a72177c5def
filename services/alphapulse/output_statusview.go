package main

import (
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// statusView is what `status --json` prints.
type statusView struct {
	ReadAt   *time.Time          `json:"read_at"`
	Accounts []accountStatusView `json:"accounts"`
	Markets  []marketView        `json:"markets"`
	Bans     []banView           `json:"bans"`
	Pauses   []pauseView         `json:"pauses"`

	WorkerSettings []workerSettingView `json:"worker_settings"`
}

type accountStatusView struct {
	Name         string          `json:"name"`
	Exchange     string          `json:"exchange"`
	Environment  string          `json:"environment"`
	Status       string          `json:"status"`
	Reason       string          `json:"reason"`
	KeyExpiresAt *time.Time      `json:"key_expires_at"`
	KeyWarning   *int            `json:"key_warning_days"`
	ProbedAt     *time.Time      `json:"probed_at"`
	Quarantined  int64           `json:"quarantined"`
	Verify       *lastVerifyView `json:"verify"`
	Types        []typeView      `json:"types"`
}

type lastVerifyView struct {
	RunID    string     `json:"run_id"`
	At       *time.Time `json:"at"`
	Compared int64      `json:"compared"`
	Drifted  int64      `json:"drifted"`
}

type typeView struct {
	DataType      string      `json:"data_type"`
	EverySeconds  float64     `json:"every_seconds"`
	AgeSeconds    *float64    `json:"age_seconds"`
	AsOf          *time.Time  `json:"as_of"`
	LastAttemptAt *time.Time  `json:"last_attempt_at"`
	LastSuccessAt *time.Time  `json:"last_success_at"`
	Stale         bool        `json:"stale"`
	Complete      bool        `json:"complete"`
	Coverage      string      `json:"coverage"`
	Failures      int32       `json:"consecutive_failures"`
	ErrorClass    string      `json:"error_class"`
	ErrorMessage  string      `json:"error_message"`
	Superseded    int32       `json:"superseded"`
	Skipped       int64       `json:"skipped"`
	Paused        bool        `json:"paused"`
	Unscheduled   bool        `json:"unscheduled"`
	UnreadScopes  []scopeView `json:"unread_scopes"`
}

type scopeView struct {
	Scope        string     `json:"scope"`
	ErrorClass   string     `json:"error_class"`
	ErrorCode    string     `json:"error_code"`
	ErrorMessage string     `json:"error_message"`
	At           *time.Time `json:"at"`
}

type marketView struct {
	ID          string  `json:"id"`
	Exchange    string  `json:"exchange"`
	Environment string  `json:"environment"`
	BaseURL     string  `json:"base_url"`
	Stretch     float64 `json:"stretch"`
}

type banView struct {
	Egress   string     `json:"egress"`
	MarketID string     `json:"market_id"`
	Until    *time.Time `json:"until"`
	Reason   string     `json:"reason"`
}

func viewStatus(s *controlv1.GetStatusResponse) statusView {
	v := statusView{
		ReadAt: instant(s.GetReadAt()), Accounts: []accountStatusView{}, Markets: []marketView{}, Bans: []banView{},
		Pauses: viewPauses(s.GetPauses()), WorkerSettings: viewSettings(s.GetWorkerSettings()),
	}
	for _, state := range s.GetAccounts() {
		v.Accounts = append(v.Accounts, viewAccountStatus(state, s.GetReadAt().AsTime()))
	}
	for _, m := range s.GetMarkets() {
		v.Markets = append(v.Markets, marketView{m.GetId(), m.GetExchange(), m.GetEnvironment(), m.GetBaseUrl(), m.GetStretch()})
	}
	for _, b := range s.GetBans() {
		v.Bans = append(v.Bans, banView{b.GetEgress(), b.GetMarketId(), instant(b.GetUntil()), b.GetReason()})
	}
	return v
}

func viewAccountStatus(state *controlv1.AccountState, now time.Time) accountStatusView {
	a := state.GetAccount()
	view := accountStatusView{
		Name: a.GetName(), Exchange: a.GetExchange(), Environment: a.GetEnvironment(), Status: a.GetStatus(),
		Reason: a.GetReason(), KeyExpiresAt: instant(a.GetKeyExpiresAt()), KeyWarning: keyWarningDays(a.GetKeyExpiresAt(), now),
		ProbedAt: instant(state.GetProbedAt()), Quarantined: state.GetQuarantined(), Types: []typeView{},
	}
	if last := state.GetVerify(); last != nil {
		view.Verify = &lastVerifyView{last.GetRunId(), instant(last.GetAt()), last.GetCompared(), last.GetDrifted()}
	}
	for _, t := range state.GetTypes() {
		view.Types = append(view.Types, viewType(t))
	}
	return view
}

func viewType(t *controlv1.TypeState) typeView {
	v := typeView{
		DataType: t.GetDataType(), EverySeconds: t.GetEvery().AsDuration().Seconds(), AsOf: instant(t.GetAsOf()),
		LastAttemptAt: instant(t.GetLastAttemptAt()), LastSuccessAt: instant(t.GetLastSuccessAt()), Stale: t.GetStale(),
		Complete: t.GetComplete(), Coverage: t.GetCoverage(), Failures: t.GetConsecutiveFailures(), ErrorClass: t.GetErrorClass(),
		ErrorMessage: t.GetErrorMessage(), Superseded: t.GetSuperseded(), Skipped: t.GetSkipped(),
		Paused: t.GetPaused(), Unscheduled: t.GetUnscheduled(), UnreadScopes: []scopeView{},
	}
	if t.GetAge() != nil {
		seconds := t.GetAge().AsDuration().Seconds()
		v.AgeSeconds = &seconds
	}
	for _, u := range t.GetUnreadScopes() {
		v.UnreadScopes = append(v.UnreadScopes, scopeView{
			u.GetScope(), u.GetErrorClass(), u.GetErrorCode(), u.GetErrorMessage(), instant(u.GetAt()),
		})
	}
	return v
}
