package main

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

const oneDay = 24 * time.Hour

// keyWarning is how long before a key's end `status` and `doctor` speak of it.
const keyWarning = 14 * oneDay

// keyWarningDays is the last of the warnings that a key's end has reached: 14, 7
// or 1 days before it, 0 once it has expired; nil before the first.
func keyWarningDays(end *timestamppb.Timestamp, now time.Time) *int {
	if end == nil {
		return nil
	}
	left := end.AsTime().Sub(now)
	days := 14
	switch {
	case left >= keyWarning:
		return nil
	case left <= 0:
		days = 0
	case left < oneDay:
		days = 1
	case left < 7*oneDay:
		days = 7
	}
	return &days
}

// printStatus shows the status to a person.
func (p *program) printStatus(s *controlv1.GetStatusResponse) error {
	if len(s.GetAccounts()) == 0 {
		p.say("There are no accounts yet. Add one: alphapulse accounts add main --exchange bybit --env testnet")
		return nil
	}
	p.say("As of %s", moment(s.GetReadAt()))
	t := newTable(p.stdout, "ACCOUNT", "TYPE", "STATE", "AGE", "EVERY", "NOTES")
	for _, a := range s.GetAccounts() {
		for _, d := range a.GetTypes() {
			t.row(a.GetAccount().GetName(), d.GetDataType(), typeState(a.GetAccount(), d), age(d),
				span(d.GetEvery().AsDuration()), typeNotes(d))
		}
	}
	if err := t.end(); err != nil {
		return err
	}
	for _, line := range statusRemarks(s) {
		p.say("  %s", plain(line))
	}
	return nil
}

// typeState is one word for how a data type is.
func typeState(a *controlv1.Account, d *controlv1.TypeState) string {
	switch {
	case a.GetStatus() != "active" && d.GetAsOf() == nil:
		return a.GetStatus()
	case d.GetAsOf() == nil:
		return "never read"
	case d.GetStale() && !d.GetComplete():
		return "stale, incomplete"
	case d.GetStale():
		return "stale"
	case !d.GetComplete():
		return "incomplete"
	default:
		return "fresh"
	}
}

func age(d *controlv1.TypeState) string {
	if d.GetAge() == nil {
		return "-"
	}
	return span(max(d.GetAge().AsDuration(), 0))
}

// supersededNote is from how many superseded snapshots in a row on `status`
// speaks of them.
const supersededNote = 3

func typeNotes(d *controlv1.TypeState) string {
	var notes []string
	if d.GetPaused() {
		notes = append(notes, "paused")
	}
	if d.GetUnscheduled() {
		notes = append(notes, "not scheduled")
	}
	if n := d.GetConsecutiveFailures(); n > 0 {
		notes = append(notes, fmt.Sprintf("failed %d times in a row (%s)", n,
			strings.TrimSuffix(d.GetErrorClass()+": "+d.GetErrorMessage(), ": ")))
	}
	if n := d.GetSuperseded(); n >= supersededNote {
		notes = append(notes, fmt.Sprintf("%d snapshots in a row were older than what is stored", n))
	}
	if n := len(d.GetUnreadScopes()); n > 0 {
		notes = append(notes, number(n, "scope")+" not read")
	}
	if d.GetCoverage() == "gaps" {
		notes = append(notes, "gaps in its history")
	}
	return strings.Join(notes, "; ")
}

// statusRemarks are the sentences below the table.
func statusRemarks(s *controlv1.GetStatusResponse) []string {
	var lines []string
	markets := map[string]string{}
	for _, m := range s.GetMarkets() {
		markets[m.GetId()] = m.GetExchange() + " " + m.GetEnvironment()
		if m.GetStretch() > 1 {
			lines = append(lines, fmt.Sprintf("%s: more is planned than the budget allows, so cadences are %.1f times as long",
				markets[m.GetId()], m.GetStretch()))
		}
	}
	for _, a := range s.GetAccounts() {
		lines = append(lines, accountRemarks(a, s.GetReadAt().AsTime())...)
	}
	for _, b := range s.GetBans() {
		lines = append(lines, fmt.Sprintf("%s refuses %s until %s: %s", markets[b.GetMarketId()], b.GetEgress(),
			moment(b.GetUntil()), b.GetReason()))
	}
	for _, p := range s.GetPauses() {
		lines = append(lines, pauseLine(p, markets))
	}
	for _, one := range s.GetWorkerSettings() {
		lines = append(lines, "workers: "+settingLine(one))
	}
	return lines
}

func accountRemarks(a *controlv1.AccountState, now time.Time) []string {
	var lines []string
	account := a.GetAccount()
	name := account.GetName()
	switch account.GetStatus() {
	case "active":
	case "needs_attention":
		lines = append(lines, fmt.Sprintf("%s: the exchange refused its key (%s); `alphapulse accounts set-key %[1]s` or "+
			"`alphapulse accounts resume %[1]s`", name, account.GetReason()))
	case "pending":
		lines = append(lines, fmt.Sprintf("%s: pending, its key has not passed a probe (%s); `alphapulse accounts test %[1]s`",
			name, orDash(account.GetReason())))
	default:
		lines = append(lines, fmt.Sprintf("%s: %s (%s); `alphapulse accounts resume %[1]s`", name, account.GetStatus(),
			orDash(account.GetReason())))
	}
	lines = append(lines, keyRemarks(account, now)...)
	if n := a.GetQuarantined(); n > 0 {
		lines = append(lines, fmt.Sprintf("%s: %s not understood; `alphapulse quarantine list %[1]s`", name,
			number(int(n), "row")))
	}
	if v := a.GetVerify(); v.GetDrifted() > 0 {
		lines = append(lines, fmt.Sprintf("%s: the verification of %s found drift in %s; "+
			"`alphapulse verify %[1]s --repair`", name, moment(v.GetAt()), number(int(v.GetDrifted()), "row")))
	}
	for _, d := range a.GetTypes() {
		for _, u := range d.GetUnreadScopes() {
			why := strings.TrimSuffix(u.GetErrorClass()+": "+u.GetErrorMessage(), ": ")
			lines = append(lines, fmt.Sprintf("%s %s %s: not read (%s)", name, d.GetDataType(), u.GetScope(), orDash(why)))
		}
	}
	return lines
}

// keyRemarks warn of a key that expires soon, louder the sooner.
func keyRemarks(account *controlv1.Account, now time.Time) []string {
	end, name := account.GetKeyExpiresAt(), account.GetName()
	days := keyWarningDays(end, now)
	if days == nil {
		return nil
	}
	left := end.AsTime().Sub(now)
	switch *days {
	case 0:
		return []string{fmt.Sprintf("WARNING %s: its key expired on %s; `alphapulse accounts set-key %[1]s`", name, moment(end))}
	case 1:
		return []string{fmt.Sprintf("WARNING %s: its key expires in %s, within a day; `alphapulse accounts set-key %[1]s` now", name, span(left))}
	case 7:
		return []string{fmt.Sprintf("WARNING %s: its key expires in %s, within 7 days; `alphapulse accounts set-key %[1]s`", name, span(left))}
	default:
		return []string{fmt.Sprintf("%s: its key expires in %s, within 14 days; `alphapulse accounts set-key %[1]s`", name, span(left))}
	}
}
