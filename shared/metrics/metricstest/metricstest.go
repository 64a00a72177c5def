// Package metricstest reads and judges metrics in tests.
package metricstest

import (
	"math"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

// Value is the sum of a metric's series that have all the labels, given as
// name=value; of a histogram the number of its observations. It is 0 if there is
// no such series.
func Value(t testing.TB, from prometheus.Gatherer, name string, labels ...string) float64 {
	t.Helper()
	sum := 0.0
	for _, family := range Gather(t, from) {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if has(m, labels) {
				sum += value(m)
			}
		}
	}
	return sum
}

// Count is Value of what is counted in whole numbers.
func Count(t testing.TB, from prometheus.Gatherer, name string, labels ...string) int {
	t.Helper()
	return int(math.Round(Value(t, from, name, labels...)))
}

// Has reports whether a series of the family has all the labels.
func Has(family *dto.MetricFamily, labels ...string) bool {
	return slices.ContainsFunc(family.GetMetric(), func(m *dto.Metric) bool { return has(m, labels) })
}

// Gather gives everything that a registry holds.
func Gather(t testing.TB, from prometheus.Gatherer) []*dto.MetricFamily {
	t.Helper()
	families, err := from.Gather()
	require.NoError(t, err)
	return families
}

// Lint fails the test for every name and help that breaks the rules.
func Lint(t testing.TB, families []*dto.MetricFamily) {
	t.Helper()
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	require.NoError(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Series counts the lines that a page with these metrics has.
func Series(families []*dto.MetricFamily) int {
	n := 0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			n += lines(m)
		}
	}
	return n
}

// lines of one metric: a histogram has its buckets, the one without a bound, a
// sum and a count.
func lines(m *dto.Metric) int {
	switch {
	case m.GetHistogram() != nil:
		n := len(m.GetHistogram().GetBucket())
		return n + 3
	case m.GetSummary() != nil:
		return len(m.GetSummary().GetQuantile()) + 2
	default:
		return 1
	}
}

func has(m *dto.Metric, labels []string) bool {
	for _, want := range labels {
		if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName()+"="+l.GetValue() == want }) {
			return false
		}
	}
	return true
}

func value(m *dto.Metric) float64 {
	switch {
	case m.GetHistogram() != nil:
		return float64(m.GetHistogram().GetSampleCount())
	case m.GetCounter() != nil:
		return m.GetCounter().GetValue()
	default:
		return m.GetGauge().GetValue()
	}
}
