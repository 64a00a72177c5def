package monitoring_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alphapulse/alphapulse/services/internal/monitoring"
)

const dashboardsPattern = root + "/deployments/grafana/dashboards/*.json"

// columns is the width of Grafana's grid.
const columns = 24

func dashboards(t *testing.T) []monitoring.Dashboard {
	t.Helper()
	all, err := monitoring.ReadDashboards(dashboardsPattern)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), 5)
	return all
}

// source is the uid of the provisioned datasource.
func source(t *testing.T) monitoring.Datasource {
	t.Helper()
	var file struct {
		Datasources []struct {
			UID  string `yaml:"uid"`
			Type string `yaml:"type"`
			URL  string `yaml:"url"`
		} `yaml:"datasources"`
	}
	text, err := os.ReadFile(under("deployments", "grafana", "provisioning", "datasources", "prometheus.yml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &file))
	require.Len(t, file.Datasources, 1)
	return monitoring.Datasource{Type: file.Datasources[0].Type, UID: file.Datasources[0].UID}
}

func TestDashboardsAreComplete(t *testing.T) {
	t.Parallel()
	from, uids := source(t), map[string]bool{}
	for _, d := range dashboards(t) {
		require.NotEmpty(t, d.Title, d.File)
		require.Equal(t, 39, d.Schema, "%s: the schema of Grafana 11", d.File)
		require.False(t, uids[d.UID] || d.UID == "", "%s: uid %q", d.File, d.UID)
		uids[d.UID] = true
		ids := map[int]bool{}
		for _, p := range d.Panels {
			where := filepath.Base(d.File) + ": " + p.Title
			require.False(t, ids[p.ID] || p.ID == 0, "%s: id %d", where, p.ID)
			ids[p.ID] = true
			require.NotEmpty(t, p.Title, d.File)
			require.NotEmpty(t, p.Description, where)
			require.NotEmpty(t, p.Field.Defaults.Unit, where)
			require.Contains(t, []string{"timeseries", "stat"}, p.Type, where)
			require.Equal(t, from, p.Source, where)
			require.NotEmpty(t, p.Targets, where)
			for _, target := range p.Targets {
				require.Equal(t, from, target.Source, where)
				require.NotEmpty(t, target.Legend, where)
			}
		}
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	t.Parallel()
	for _, d := range dashboards(t) {
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			require.Positive(t, p.Grid.W, p.Title)
			require.Positive(t, p.Grid.H, p.Title)
			require.LessOrEqual(t, p.Grid.X+p.Grid.W, columns, "%s: %s", d.File, p.Title)
			for x := p.Grid.X; x < p.Grid.X+p.Grid.W; x++ {
				for y := p.Grid.Y; y < p.Grid.Y+p.Grid.H; y++ {
					require.Empty(t, taken[[2]int{x, y}], "%s: %s lies on it", d.File, p.Title)
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}

// Every variable that is used is there, and every one that is there is used.
func TestDashboardsKnowTheirVariables(t *testing.T) {
	t.Parallel()
	for _, d := range dashboards(t) {
		unused := map[string]bool{}
		known := map[string]bool{}
		for _, v := range d.Templating.List {
			known[v.Name], unused[v.Name] = true, true
			require.Equal(t, source(t), v.Source, d.File)
			require.Equal(t, ".*", v.AllValue, d.File)
			parts := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(v.Definition)
			require.NotNil(t, parts, "%s: %s", d.File, v.Definition)
			requireKnown(t, d.File+": variable "+v.Name, "max by ("+parts[2]+") ("+parts[1]+")")
		}
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				for _, name := range monitoring.Variables(target.Expr) {
					require.True(t, known[name], "%s: %s: there is no variable %s", d.File, p.Title, name)
					delete(unused, name)
				}
			}
		}
		require.Empty(t, unused, d.File)
	}
}

func TestDashboardsNameMetricsThatExist(t *testing.T) {
	t.Parallel()
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				requireKnown(t, d.File+": "+p.Title, target.Expr)
			}
		}
	}
}
