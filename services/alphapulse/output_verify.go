package main

import (
	"strings"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// printFound shows what a verification compared and found.
func (v *verifyRun) printFound(found foundDrift) {
	p := v.program
	t := newTable(p.stdout, "TYPE", "SCOPE", "WINDOWS", "COMPARED", "MOVED ON", "DRIFT")
	for _, s := range found.told.GetScopes() {
		t.row(s.GetDataType(), s.GetScope(), windowsCompared(s), count(s.GetRowsCompared()), count(s.GetRowsMoved()),
			count(s.GetRowsDrifted()))
	}
	_ = t.end() // the next line fails as well
	drift := found.told.GetDrift()
	if len(drift) == 0 {
		return
	}
	p.say("")
	d := newTable(p.stdout, "TYPE", "ROW", "DRIFT", "COLUMN", "STORED", "EXCHANGE")
	for _, one := range drift[:min(len(drift), shownDrift)] {
		d.row(one.GetDataType(), one.GetRowKey(), sayKind(one.GetKind()), orDash(one.GetColumn()),
			orNull(one.Stored, one.GetKind() == "missing"), orNull(one.Exchange, one.GetKind() == "extra"))
	}
	_ = d.end()
	if more := found.told.GetDriftTotal() - int64(min(len(drift), shownDrift)); more > 0 {
		p.say("… and %s more.", number(int(more), "difference"))
	}
}

func windowsCompared(s *controlv1.VerifiedScope) string {
	if s.GetWindows() == 0 {
		return "-"
	}
	return count(s.GetWindows())
}

func sayKind(kind string) string {
	switch kind {
	case "missing":
		return "not stored"
	case "extra":
		return "not at the exchange"
	default:
		return kind
	}
}

// orNull shows a value; of a row that is not there, nothing.
func orNull(value *string, absent bool) string {
	switch {
	case value != nil:
		return *value
	case absent:
		return "-"
	default:
		return "NULL"
	}
}

// sums adds up the rows of a verification.
func sums(told *controlv1.GetVerificationResponse) (compared, moved, drifted int64) {
	for _, s := range told.GetScopes() {
		compared += s.GetRowsCompared()
		moved += s.GetRowsMoved()
		drifted += s.GetRowsDrifted()
	}
	return compared, moved, drifted
}

func (v *verifyRun) printResult(name string, result verifyResult) {
	p, last := v.program, result.last
	v.printFound(last)
	for _, t := range last.run.GetTotals() {
		if status := typeStatus(t); status != "succeeded" {
			p.say("%s: %s", t.GetDataType(), plain(strings.TrimSuffix("not all of it could be read: "+status+"; "+totalsReason(t), "; ")))
		}
	}
	compared, moved, drifted := sums(last.told)
	p.say("Run %s compared %s: %s moved on since the last sync, %s drifted.", last.run.GetId(),
		number(int(compared), "row"), count(moved), count(drifted))
	switch {
	case last.told.GetDriftTotal() > 0 && result.repair != nil:
		p.note("The repair, run %s, ended as %s and did not mend everything.\n  Next: alphapulse runs show %[1]s --jobs",
			result.repair.GetId(), result.repair.GetStatus())
	case last.told.GetDriftTotal() > 0:
		p.note("What is stored is not what the exchange says.\n  Next: alphapulse verify %s --repair", plain(name))
	case last.run.GetStatus() != "succeeded":
		p.note("There is no drift in what could be read, but not everything could.\n  Next: alphapulse runs show %s --jobs",
			last.run.GetId())
	case result.repair != nil:
		p.say("Repaired by run %s, and verified again: no drift.", result.repair.GetId())
	default:
		p.say("No drift.")
	}
	if hint := refusedKeyHint(last.run); hint != "" {
		p.note("%s", hint)
	}
}

// verifyView is what `verify --json` prints; users rely on it.
type verifyView struct {
	RunID       string         `json:"run_id"`
	Status      string         `json:"status"`
	RepairRunID string         `json:"repair_run_id"`
	AgainRunID  string         `json:"verified_again_run_id"`
	Compared    int64          `json:"compared"`
	Moved       int64          `json:"moved"`
	Drifted     int64          `json:"drifted"`
	Drift       []driftView    `json:"drift"`
	Scopes      []verifiedView `json:"scopes"`
}

type driftView struct {
	DataType string  `json:"data_type"`
	Scope    string  `json:"scope"`
	RowKey   string  `json:"row_key"`
	Kind     string  `json:"kind"`
	Column   string  `json:"column"`
	Stored   *string `json:"stored"`
	Exchange *string `json:"exchange"`
}

type verifiedView struct {
	DataType string `json:"data_type"`
	Scope    string `json:"scope"`
	Windows  int64  `json:"windows"`
	Compared int64  `json:"compared"`
	Moved    int64  `json:"moved"`
	Drifted  int64  `json:"drifted"`
}

func viewVerify(result verifyResult) verifyView {
	view := verifyView{
		RunID: result.first.run.GetId(), Status: result.last.run.GetStatus(), RepairRunID: result.repair.GetId(),
		Drift: []driftView{}, Scopes: []verifiedView{},
	}
	if result.repair != nil && result.last.run.GetId() != result.first.run.GetId() {
		view.AgainRunID = result.last.run.GetId()
	}
	view.Compared, view.Moved, view.Drifted = sums(result.last.told)
	for _, d := range result.last.told.GetDrift() {
		view.Drift = append(view.Drift, driftView{
			d.GetDataType(), d.GetScope(), d.GetRowKey(), d.GetKind(), d.GetColumn(), d.Stored, d.Exchange,
		})
	}
	for _, s := range result.last.told.GetScopes() {
		view.Scopes = append(view.Scopes, verifiedView{
			s.GetDataType(), s.GetScope(), s.GetWindows(), s.GetRowsCompared(), s.GetRowsMoved(), s.GetRowsDrifted(),
		})
	}
	return view
}
