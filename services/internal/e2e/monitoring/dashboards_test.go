package monitoring

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/services/internal/monitoring"
	"github.com/alphapulse/alphapulse/services/internal/prometheustest"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// Every expression of every dashboard returns data from a Prometheus that scrapes
// a running fleet, and each series has the labels that its legend shows.
func TestDashboardsShowData(t *testing.T) {
	t.Parallel()
	root := prometheustest.Root(t)
	dashboards, err := monitoring.ReadDashboards(filepath.Join(root, "deployments", "grafana", "dashboards", "*.json"))
	require.NoError(t, err)
	rules, err := filepath.Glob(filepath.Join(root, "deployments", "prometheus", "rules", "*.yml"))
	require.NoError(t, err)

	data := filepath.Join(pgtest.Dir(t), "data")
	up := fleettest.Start(t, "up", nil, fleettest.Binary(t), "up", "--demo", "--data-dir", data, "--http", queuetest.FreeAddress(t))
	up.AwaitOutput("Ctrl-C stops")
	prometheus := prometheustest.Start(t, prometheustest.Config{
		Targets: filepath.Join(data, "metrics-targets.json"), Rules: rules,
	})

	empty := map[string]bool{}
	for _, d := range dashboards {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				empty[target.Expr] = true
			}
		}
	}
	defer func() {
		for expr := range empty {
			t.Log("no data: " + expr)
		}
	}()
	fleettest.Await(t, "every expression returns data", func() bool {
		for expr := range empty {
			if len(prometheus.Query(monitoring.Fill(expr, "15s"))) > 0 {
				delete(empty, expr)
			}
		}
		return len(empty) == 0
	})
	for _, d := range dashboards {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				requireLegend(t, fmt.Sprintf("%s: %s", d.File, p.Title), target, prometheus.Query(monitoring.Fill(target.Expr, "15s")))
			}
		}
	}
}

// requireLegend checks that each series has the labels of its legend. A zero that
// stands for nothing has none.
func requireLegend(t *testing.T, where string, target monitoring.Target, series []prometheustest.Sample) {
	t.Helper()
	for _, one := range series {
		if len(one.Labels) == 0 && strings.HasSuffix(target.Expr, "or on () vector(0)") {
			continue
		}
		for _, label := range target.LegendLabels() {
			require.Contains(t, one.Labels, label, "%s: %s", where, target.Expr)
		}
	}
}
