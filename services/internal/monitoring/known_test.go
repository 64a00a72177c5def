package monitoring_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/monitoring"
)

// complaints lists what an expression names and nobody has: metrics, labels, and
// values of labels.
func complaints(metrics monitoring.Catalogue, words string, e monitoring.Expression) []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	labels := attached()
	for _, s := range e.Selectors {
		if foreign(s.Metric) {
			continue
		}
		m, ok := metrics.Find(s.Metric)
		if !ok {
			say("docs/metrics.md has no %s", s.Metric)
			continue
		}
		labels = append(labels, m.Labels...)
		for _, matcher := range s.Matchers {
			if !slices.Contains(append(attached(), m.Labels...), matcher.Label) {
				say("%s has no label %s", s.Metric, matcher.Label)
			}
			for _, value := range values(matcher) {
				if !regexp.MustCompile(`\b` + regexp.QuoteMeta(value) + `\b`).MatchString(words) {
					say("nothing says that %s of %s may be %q", matcher.Label, s.Metric, value)
				}
			}
		}
	}
	for _, label := range e.Grouped {
		if !slices.Contains(labels, label) {
			say("no metric of it has a label %s", label)
		}
	}
	return found
}

// values are the words that a matcher looks for; none if a variable decides.
func values(m monitoring.Matcher) []string {
	if strings.ContainsAny(m.Value, "$.*") {
		return nil
	}
	return strings.Split(m.Value, "|")
}

func TestComplaints(t *testing.T) {
	t.Parallel()
	metrics := monitoring.Catalogue{
		"alphapulse_jobs_total":  {Name: "alphapulse_jobs_total", Kind: "counter", Labels: []string{"data_type", "outcome"}},
		"alphapulse_run_seconds": {Name: "alphapulse_run_seconds", Kind: "histogram", Labels: []string{"trigger"}},
	}
	const words = "outcomes: succeeded, dead"
	for expr, complaint := range map[string]string{
		`sum by (data_type) (rate(alphapulse_jobs_total{outcome="dead"}[5m])) > 0`:      "",
		`histogram_quantile(0.9, sum by (le, trigger) (alphapulse_run_seconds_bucket))`: "",
		`up{job=~"alphapulse.*"} == 0 and on (process) alphapulse_run_seconds_count`:    "",
		`alphapulse_jobs_total{outcome=~"dead|succeeded", data_type=~"$data_type"}`:     "",
		`alphapulse_job_total`:                              "has no alphapulse_job_total",
		`alphapulse_run_seconds`:                            "has no alphapulse_run_seconds",
		`alphapulse_jobs_total_bucket`:                      "has no alphapulse_jobs_total_bucket",
		`alphapulse_jobs_total{lane="dead"}`:                "has no label lane",
		`alphapulse_jobs_total{outcome="death"}`:            `may be "death"`,
		`alphapulse_jobs_total{outcome=~"dead|successful"}`: `may be "successful"`,
		`sum by (lane) (alphapulse_jobs_total)`:             "no metric of it has a label lane",
	} {
		found := complaints(metrics, words, monitoring.Parse(expr))
		if complaint == "" {
			require.Empty(t, found, expr)
			continue
		}
		require.Len(t, found, 1, expr)
		require.Contains(t, found[0], complaint, expr)
	}
}
