package monitoring_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/monitoring"
	"github.com/alphapulse/alphapulse/services/internal/prometheustest"
)

const (
	rulesPattern     = root + "/deployments/prometheus/rules/*.yml"
	ruleTestsPattern = root + "/deployments/prometheus/tests/*_test.yml"
	runbookURL       = "https://github.com/alphapulse/alphapulse/blob/main/docs/runbook.md#"
)

func alerts(t *testing.T) []monitoring.Rule {
	t.Helper()
	rules, err := monitoring.ReadRules(rulesPattern)
	require.NoError(t, err)
	require.Greater(t, len(rules), 15)
	return rules
}

func TestPromtoolAcceptsTheRules(t *testing.T) {
	t.Parallel()
	out, err := prometheustest.Promtool(t, "check", "config", under("deployments", "prometheus", "prometheus.yml"))
	require.NoError(t, err, out)
	require.Contains(t, out, "rules found", "the configuration includes the rules")
	files, err := filepath.Glob(rulesPattern)
	require.NoError(t, err)
	out, err = prometheustest.Promtool(t, append([]string{"check", "rules"}, files...)...)
	require.NoError(t, err, out)
}

func TestPromtoolTestsOfTheRules(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(ruleTestsPattern)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	out, err := prometheustest.Promtool(t, append([]string{"test", "rules"}, files...)...)
	require.NoError(t, err, out)
}

// Each alert has a test in which it waits, fires and resolves, and no test is of
// an alert that is not there.
func TestEachAlertIsTested(t *testing.T) {
	t.Parallel()
	tests, err := monitoring.ReadRuleTests(ruleTestsPattern)
	require.NoError(t, err)
	known := map[string]bool{}
	for _, rule := range alerts(t) {
		require.False(t, known[rule.Alert], "%s is there twice", rule.Alert)
		known[rule.Alert] = true
		require.True(t, slices.ContainsFunc(tests, func(r monitoring.RuleTest) bool { return r.Proves(rule.Alert) }),
			"no test of promtool has %s wait, fire and resolve", rule.Alert)
	}
	for _, test := range tests {
		for _, c := range test.Cases {
			require.True(t, known[c.Alert], "%s: %s: there is no alert %s", test.File, test.Name, c.Alert)
		}
	}
}

func TestAlertsNameMetricsThatExist(t *testing.T) {
	t.Parallel()
	for _, rule := range alerts(t) {
		requireKnown(t, rule.Alert, rule.Expr)
	}
}

// Whoever is called reads what is wrong, how much, and where to read on.
func TestAlertsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, rule := range alerts(t) {
		require.Regexp(t, `^AlphaPulse[A-Z][A-Za-z]+$`, rule.Alert)
		require.Contains(t, []string{"critical", "warning"}, rule.Labels["severity"], rule.Alert)
		require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
		require.Equal(t, runbookURL+strings.ToLower(rule.Alert), rule.Annotations["runbook_url"], rule.Alert)
		if !valueless(rule.Expr) {
			require.Contains(t, rule.Annotations["description"], "$value", "%s: its value", rule.Alert)
		}
		require.NotEmpty(t, rule.Annotations["description"], rule.Alert)
	}
}

// valueless are expressions whose value says nothing: something is absent, or
// zero.
func valueless(expr string) bool {
	return strings.HasPrefix(expr, "absent(") || strings.HasSuffix(expr, "== 0")
}

// Each alert has a chapter in the runbook, with the same four paragraphs, and no
// chapter is of an alert that is not there.
func TestTheRunbookKnowsEachAlert(t *testing.T) {
	t.Parallel()
	chapters := map[string]string{}
	for _, chapter := range strings.Split(read(t, "docs", "runbook.md"), "\n### ")[1:] {
		name, text, _ := strings.Cut(chapter, "\n")
		chapters[name], _, _ = strings.Cut(text, "\n## ")
	}
	for _, rule := range alerts(t) {
		text, ok := chapters[rule.Alert]
		require.True(t, ok, "docs/runbook.md has no heading ### %s", rule.Alert)
		for _, paragraph := range []string{"**What it means.** ", "**What users lose.** ", "**Look.** ", "**Do.** "} {
			require.Regexp(t, `(?m)^`+regexp.QuoteMeta(paragraph)+`\S`, text, rule.Alert)
		}
		require.Regexp(t, "`(alphapulse|docker|psql|nats) |/metrics|/readyz", text, "%s: it names no command", rule.Alert)
		delete(chapters, rule.Alert)
	}
	require.Empty(t, chapters, "there are no such alerts")
}
