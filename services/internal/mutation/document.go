package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/mutation/trial"
)

const preface = `# Mutations

What holds the protocol and the design together is guards, and a guard that no
test misses will be lost one day. So each of them is taken away in a copy of the
repository, one at a time, and the tests that it names must fail; with all of them
in place the same tests pass. The list is in
` + "`services/internal/mutation/guard/list`" + `; a test of that package fails when it no
longer fits the code.

    go run ./services/internal/mutation

wrote this file:

`

// document is the report as a page of the documentation.
func (r report) document(commit string) string {
	caught := 0
	for _, result := range r.Results {
		if result.Verdict == trial.Caught {
			caught++
		}
	}
	var b strings.Builder
	b.WriteString(preface)
	fmt.Fprintf(&b, "- commit: %s\n- date: %s\n- result: %d of %d caught, in %s\n\n", commit,
		r.Began.Format("2006-01-02 15:04 MST"), caught, len(r.Results), r.Took.Round(time.Second))
	b.WriteString("| Guard | Rule | Without it | Tests that fail | Result |\n|---|---|---|---|---|\n")
	for _, result := range r.Results {
		var names []string
		for _, test := range result.Guard.Tests {
			names = append(names, test.Name)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", result.Guard.Name, strings.Join(result.Guard.Rules, "; "),
			cell(result.Guard.Without), strings.Join(names, "<br>"), cell(outcome(result)))
	}
	return b.String()
}

func outcome(r trial.Result) string {
	switch r.Verdict {
	case trial.Caught:
		return fmt.Sprintf("caught, %.0f s", r.Took.Seconds())
	case trial.Survived:
		return "**SURVIVED**: " + strings.Join(texts(r.Passed), ", ") + " passed"
	default:
		return "**" + string(r.Verdict) + "**: " + r.Why
	}
}

// cell is text for one cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(strings.TrimSpace(text))
}
