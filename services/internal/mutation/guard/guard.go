// Package guard is the list of the guards that hold the protocol and the design,
// each with the change that takes it away and the tests that must then fail.
//
// The list is in list/*.guards, one paragraph for each guard:
//
//	guard    fence-claim
//	rule     protocol 3
//	without  a worker that was taken for dead writes over its successor
//	file     shared/ledger/commit.go
//	test     ./shared/ledger TestAnUnknownClaimIsFenced
//	 WHERE id = $1
//	-  AND claim = $2
//	+  AND true
//
// What follows the names is the change, as a diff without line numbers: it is
// made where the lines that it takes and keeps stand together, which must be one
// place. A line @@ begins another change of the same file. A guard may have
// several rules, and tests in several packages; every test named must fail.
package guard

import "fmt"

// Guard is a piece of code that the product needs, and what shows that.
type Guard struct {
	Name    string
	Rules   []string // which rules it stands for
	Without string   // what goes wrong without it
	File    string   // from the root
	Hunks   []Hunk
	Tests   []Test
}

// Hunk replaces whole lines by others.
type Hunk struct{ Old, New string }

// Test is a test by its package, relative to the root, and its name.
type Test struct{ Package, Name string }

func (t Test) String() string { return t.Package + " " + t.Name }

// check names what a guard lacks.
func (g Guard) check() error {
	switch {
	case len(g.Rules) == 0:
		return fmt.Errorf("guard %s: no rule", g.Name)
	case g.Without == "":
		return fmt.Errorf("guard %s: nothing says what goes wrong without it", g.Name)
	case g.File == "":
		return fmt.Errorf("guard %s: no file", g.Name)
	case len(g.Tests) == 0:
		return fmt.Errorf("guard %s: no test", g.Name)
	case len(g.Hunks) == 0:
		return fmt.Errorf("guard %s: no change", g.Name)
	}
	for _, h := range g.Hunks {
		if h.Old == "" || h.Old == h.New {
			return fmt.Errorf("guard %s: a change that changes nothing", g.Name)
		}
	}
	return nil
}
