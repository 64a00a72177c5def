package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/mutation/guard"
	"github.com/alphapulse/alphapulse/services/internal/mutation/trial"
)

func TestGuardsAreChosenByName(t *testing.T) {
	t.Parallel()
	all, err := chosen("")
	require.NoError(t, err)
	some, err := chosen("fence-claim, fence-run*")
	require.NoError(t, err)
	require.Len(t, some, 2)
	require.Less(t, len(some), len(all))
	_, err = chosen("no-such-guard")
	require.ErrorContains(t, err, "no-such-guard")
	_, err = chosen("[")
	require.ErrorContains(t, err, "syntax error")
}

func TestOnlyAWholeRunIsKept(t *testing.T) {
	t.Parallel()
	o, err := parse(nil)
	require.NoError(t, err)
	require.Equal(t, defaultDocument, o.out)
	o, err = parse([]string{"--only", "fence-*"})
	require.NoError(t, err)
	require.Empty(t, o.out)
	_, err = parse([]string{"fence-claim"})
	require.ErrorContains(t, err, "no arguments")
}

func example() report {
	test := guard.Test{Package: "./p", Name: "TestOne"}
	g := guard.Guard{Name: "a", Rules: []string{"protocol 1"}, Without: "it | breaks", File: "f.go", Tests: []guard.Test{test}}
	return report{Began: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC), Took: time.Minute, Results: []trial.Result{
		{Guard: g, Verdict: trial.Caught, Took: 2 * time.Second},
		{Guard: g, Verdict: trial.Survived, Passed: []guard.Test{test}},
		{Guard: g, Verdict: trial.Stale, Why: "twice\ninstead"},
	}}
}

func TestAReportSaysWhatWasNotCaught(t *testing.T) {
	t.Parallel()
	r := example()
	var out bytes.Buffer
	for i, result := range r.Results {
		line(&out, i+1, len(r.Results), result)
	}
	require.ErrorContains(t, r.conclude(&out), "2 not caught: 1 survived, 1 stale, 0 broken")
	for _, want := range []string{"1/3  caught", "2/3  SURVIVED", "still passes: ./p TestOne", "3/3  STALE", "1 of 3 caught"} {
		require.Contains(t, out.String(), want)
	}
	document := r.document("abc")
	for _, want := range []string{
		"- commit: abc\n- date: 2026-01-02 03:04 UTC\n- result: 1 of 3 caught, in 1m0s",
		"| `a` | protocol 1 | it \\| breaks | TestOne | caught, 2 s |", "**SURVIVED**: ./p TestOne passed", "**STALE**: twice instead",
	} {
		require.Contains(t, document, want)
	}
	r.Results = r.Results[:1]
	require.NoError(t, r.conclude(&out))
}

func TestAReportIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := options{json: filepath.Join(dir, "m.json"), out: filepath.Join(dir, "m.md")}
	root, err := trial.Root(t.Context())
	require.NoError(t, err)
	require.NoError(t, example().write(t.Context(), root, o))
	text, err := os.ReadFile(o.json)
	require.NoError(t, err)
	var lines []jsonLine
	require.NoError(t, json.Unmarshal(text, &lines))
	require.Len(t, lines, 3)
	require.Equal(t, []string{"./p TestOne"}, lines[1].Passed)
	text, err = os.ReadFile(o.out)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(text), "# Mutations\n"))
}
