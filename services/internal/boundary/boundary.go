// Package boundary states who may import whom (docs/design.md section 3) as a
// table of rules, and checks it against what `go list` says. Its test is the
// check: it runs with every other test.
//
// The linter holds the same rules in .golangci.yml and points at the line.
// This package is what stays when a glob there matches nothing any more: each
// of its rules is tried with an import that it must refuse.
package boundary

import (
	"fmt"
	"slices"
	"strings"
)

// Root is the path that all modules of the repository begin with.
const Root = "github.com/alphapulse/alphapulse/"

// Edge is one import.
type Edge struct {
	From, To string

	// Test marks an import by a test file or by a package of test helpers.
	Test bool
}

// Rule forbids imports. Its patterns are import paths, without Root for our
// own; one that ends in /... covers what is below as well, "std" is the
// standard library and "any" is everything.
type Rule struct {
	Name string
	Why  string

	// From are the packages that the rule is for, Except those that it is not
	// for all the same.
	From, Except []string

	// Forbid are the packages that they must not import, Allow those that
	// they may all the same.
	Forbid, Allow []string

	// Tests extends the rule to test files and test helpers.
	Tests bool
}

// Violation is an import against a rule.
type Violation struct {
	Edge
	Rule Rule
}

// String names the import, the rule and its reason.
func (v Violation) String() string {
	return fmt.Sprintf("%s imports %s: %s (%s)", v.From, v.To, v.Rule.Why, v.Rule.Name)
}

// Check returns every edge that breaks one of the rules.
func Check(edges []Edge, rules []Rule) []Violation {
	var violations []Violation

	for _, edge := range edges {
		for _, rule := range rules {
			if rule.broken(edge) {
				violations = append(violations, Violation{Edge: edge, Rule: rule})
			}
		}
	}

	return violations
}

func (r Rule) broken(edge Edge) bool {
	if edge.Test && !r.Tests {
		return false
	}

	return matches(r.From, edge.From) && !matches(r.Except, edge.From) &&
		matches(r.Forbid, edge.To) && !matches(r.Allow, edge.To)
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return match(pattern, path) })
}

func match(pattern, path string) bool {
	switch pattern {
	case "any":
		return true
	case "std":
		return isStandard(path)
	}

	path = strings.TrimPrefix(path, Root)
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == tree || strings.HasPrefix(path, tree+"/")
	}

	return path == pattern
}

// isStandard goes by the rule of the go command: the first element of a
// module's path holds a dot.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")

	return !strings.Contains(first, ".")
}

// isTestHelper tells a package that helps the tests of the package beside it
// (postgres/pgtest) by its name.
func isTestHelper(path string) bool {
	return strings.HasPrefix(path, Root) && strings.HasSuffix(path, "test")
}
