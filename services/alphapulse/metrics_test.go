package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/aggregator"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/services/scheduler"
	"github.com/alphapulse/alphapulse/services/worker"
	"github.com/alphapulse/alphapulse/shared/metrics/metricstest"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgmetrics"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuemetrics"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// catalogue is a registry that remembers what was registered.
type catalogue struct {
	*prometheus.Registry
	collectors []prometheus.Collector
}

// Register implements prometheus.Registerer.
func (c *catalogue) Register(one prometheus.Collector) error {
	c.collectors = append(c.collectors, one)
	return c.Registry.Register(one)
}

// MustRegister implements prometheus.Registerer.
func (c *catalogue) MustRegister(all ...prometheus.Collector) {
	for _, one := range all {
		if err := c.Register(one); err != nil {
			panic(err)
		}
	}
}

// touch gives every metric with labels a series.
func (c *catalogue) touch() {
	for _, one := range c.collectors {
		for n := 1; n < 9; n++ { // it is known when it fits how many labels there are
			if touched(one, slices.Repeat([]string{"x"}, n)) {
				break
			}
		}
	}
}

func touched(one prometheus.Collector, labels []string) bool {
	var err error
	switch vec := one.(type) {
	case *prometheus.CounterVec:
		_, err = vec.GetMetricWithLabelValues(labels...)
	case *prometheus.GaugeVec:
		_, err = vec.GetMetricWithLabelValues(labels...)
	case *prometheus.HistogramVec:
		_, err = vec.GetMetricWithLabelValues(labels...)
	}
	return err == nil
}

// everything registers the metrics of all processes in one registry.
func everything(t *testing.T) *catalogue {
	t.Helper()
	c := &catalogue{Registry: prometheus.NewPedanticRegistry()}
	pools := pgmetrics.New(c)
	db := pgtest.New(t).Open(t, func(cfg *postgres.Config) { *cfg = pools.Measure(*cfg) })
	pools.Watch(db)
	q := queuetest.New(t).Queue()
	queuemetrics.Register(c, q)
	_, err := worker.New(worker.Config{Name: "w", Egress: "e"}, worker.Deps{
		Writes: db, Claims: db, Queue: q, Log: queuetest.Discard(), Metrics: c,
	})
	require.NoError(t, err)
	_, err = scheduler.New(scheduler.Config{MetricsAccounts: true}, scheduler.Deps{
		DB: db, Queue: q, Log: queuetest.Discard(), Metrics: c,
	})
	require.NoError(t, err)
	_, err = aggregator.New(aggregator.Config{}, aggregator.Deps{DB: db, Queue: q, Log: queuetest.Discard(), Metrics: c})
	require.NoError(t, err)
	apitest.New(t, func(_ *api.Config, d *api.Deps) { d.Metrics = c })
	c.touch()
	return c
}

// described is what prometheus.Desc says of itself, which is all that it tells.
func described() *regexp.Regexp {
	return regexp.MustCompile(`^Desc\{fqName: "(.*?)", help: "(.*?)", .*?constLabels: \{(.*?)\}, variableLabels: \{(.*?)\}`)
}

// rows are the lines of the tables in docs/metrics.md, by the metric's name.
func (c *catalogue) rows(t *testing.T) map[string]string {
	t.Helper()
	types := map[string]string{}
	for _, family := range metricstest.Gather(t, c) {
		types[family.GetName()] = strings.ToLower(family.GetType().String())
	}
	descs := make(chan *prometheus.Desc)
	go func() {
		c.Describe(descs)
		close(descs)
	}()
	rows := map[string]string{}
	for desc := range descs {
		parts := described().FindStringSubmatch(desc.String())
		require.NotNil(t, parts, desc.String())
		name, help := parts[1], strings.ReplaceAll(parts[2], `\"`, `"`)
		labels := append(constLabels(parts[3]), labelsIn(parts[4])...)
		kind := types[name]
		if kind == "" { // it has no series yet
			kind = "gauge"
		}
		rows[name] = fmt.Sprintf("| `%s` | %s | %s | %s |", name, kind, strings.Join(labels, ", "), help)
	}
	return rows
}

func labelsIn(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func constLabels(list string) []string {
	var names []string
	for _, pair := range labelsIn(list) {
		name, _, _ := strings.Cut(pair, "=")
		names = append(names, name)
	}
	return names
}

func TestMetricsObeyTheRules(t *testing.T) {
	t.Parallel()
	c := everything(t)
	families := metricstest.Gather(t, c)
	metricstest.Lint(t, families)
	for _, family := range families {
		require.True(t, strings.HasPrefix(family.GetName(), "alphapulse_"), family.GetName())
	}
	for name, row := range c.rows(t) {
		labels := strings.Split(strings.Split(row, "|")[3], ",")
		for _, l := range labels {
			l = strings.TrimSpace(l)
			require.NotContains(t, []string{"run", "run_id", "job", "job_id", "account_id"}, l, name)
			require.False(t, l == "account" && !strings.HasPrefix(name, "alphapulse_account_"), name)
		}
	}
}

// TestMetricsAreDocumented: docs/metrics.md lists what is registered, and nothing
// else.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	require.NoError(t, err)
	documented := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "| `alphapulse_") {
			name := strings.Split(line, "`")[1]
			require.NotContains(t, documented, name, "it is documented twice")
			documented[name] = line
		}
	}
	for name, row := range everything(t).rows(t) {
		if documented[name] != row {
			t.Errorf("docs/metrics.md should have this line:\n%s", row)
		}
		delete(documented, name)
	}
	require.Empty(t, documented, "no process has these metrics")
}
