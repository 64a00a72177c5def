package guard

import (
	"fmt"
	"regexp"
	"slices"
)

// Protocol lists the rules of docs/protocol.md, as guards name them.
func Protocol(document string) []string {
	var rules []string
	for _, found := range regexp.MustCompile(`(?m)^(\d+)\. `).FindAllStringSubmatch(document, -1) {
		rules = append(rules, "protocol "+found[1])
	}
	return rules
}

// Design lists the guards of docs/design.md.
func Design() []string {
	return []string{
		"design: commit, report, ack",
		"design: an unchanged sync writes no row",
		"design: what every sync writes stays on its page",
		"design: what belongs to something goes with it",
		"design: a content hash ends scheduled snapshots alone",
		"design: what follows the market opens no history",
		"design: only a complete walk deletes",
		"design: a bad row protects its key",
		"design: a bad row without a key protects the scope",
		"design: an empty list is no empty wallet",
		"design: a scope is emptied only after a second look",
		"design: an older snapshot is not stored",
		"design: the row's own time decides",
		"design: histories overlap",
		"design: rows, watermark and coverage together",
		"design: what a worker holds is bounded",
		"design: a statement of the walk has one plan",
		"design: coverage ends before the indexing delay",
		"design: the horizon is named",
		"design: a backfill touches neither watermark nor state",
		"design: an order's state moves forward only",
		"design: a vanished order is looked up",
		"design: no float between wire and table",
		"design: what is unknown is kept",
		"design: who asked gets no older data",
		"design: a wrong clock stores nothing",
		"design: a secret cannot be printed",
		"design: a fault ends what its class says",
		"design: a market's listing is believed whole",
		"design: a scope that is gone is ended",
		"design: no work is taken while the database is away",
		"design: a connection is checked before it is lent",
		"design: repeated failures to connect raise an alert",
		"design: an exhausted pool names who holds it",
		"design: a transaction always ends",
		"design: a COMMIT without an answer is unknown",
		"design: a lost transaction is run again as a whole",
		"design: a pool follows the primary",
		"design: a replica that is behind is not read",
		"design: a dead letter is dealt with once",
		"design: a run that grows is not over",
		"design: a pause stops what it matches, until it ends",
		"design: what changes while it runs makes no burst",
		"design: slots change while jobs are in hand",
		"design: backfill makes room for live jobs",
		"design: a run is one trace",
		"design: metrics are few whatever there is",
		"design: reading metrics costs little",
		"design: a token does what its scopes allow",
		"design: a token that was revoked is refused at once",
		"design: a change is noted before it is made",
		"design: a change under a key is made once",
		"design: analysts read everything but secrets",
		"design: the private Postgres demands a password",
		"design: an alert that has fired ends",
		"design: who does not read is not waited for",
		"design: a notice is told once",
	}
}

// Uncovered names the rules that no guard stands for, and the rules of guards
// that are none.
func Uncovered(guards []Guard, rules []string) []string {
	var faults []string
	covered := map[string]bool{}
	for _, g := range guards {
		for _, rule := range g.Rules {
			covered[rule] = true
			if !slices.Contains(rules, rule) {
				faults = append(faults, fmt.Sprintf("guard %s stands for %q, which is no rule", g.Name, rule))
			}
		}
	}
	for _, rule := range rules {
		if !covered[rule] {
			faults = append(faults, fmt.Sprintf("no guard stands for %q", rule))
		}
	}
	return faults
}
