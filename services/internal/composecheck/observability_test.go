package composecheck_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// source gives the directory of the checkout that a service sees under a path.
func source(t *testing.T, service types.ServiceConfig, target string) string {
	t.Helper()

	for _, volume := range service.Volumes {
		if volume.Target == target {
			return volume.Source
		}
	}

	require.Fail(t, "nothing is mounted", "%s: %s", service.Name, target)

	return ""
}

func decode(t *testing.T, name string, into any) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(read(t, name)), into))
}

// Prometheus asks every process of ours that shows metrics, where it shows them,
// and reads its configuration and rules from the checkout.
func TestPrometheusScrapesEveryService(t *testing.T) {
	t.Parallel()

	var config struct {
		RuleFiles []string `yaml:"rule_files"`
		Scrape    []struct {
			Job string `yaml:"job_name"`
			DNS []struct {
				Type  string   `yaml:"type"`
				Port  int      `yaml:"port"`
				Names []string `yaml:"names"`
			} `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
	}

	decode(t, "deployments/prometheus/prometheus.yml", &config)
	require.Len(t, config.Scrape, 1)
	require.Len(t, config.Scrape[0].DNS, 1)

	targets := config.Scrape[0].DNS[0]
	require.Equal(t, "alphapulse", config.Scrape[0].Job, "the alerts ask for it")
	require.Equal(t, "A", targets.Type, "each container of a service that was scaled")

	project := load(t, nil, profiles...)

	var shows []string

	for name, service := range project.Services {
		health, ok := service.Environment["ALPHAPULSE_HEALTH"]
		if !ok || name == "sim" { // the stand-in is not what is watched
			continue
		}

		shows = append(shows, name)

		require.Equal(t, "0.0.0.0:"+strconv.Itoa(targets.Port), *health, name)
	}

	require.ElementsMatch(t, shows, targets.Names)

	prometheus := project.Services["prometheus"]
	dir := source(t, prometheus, "/etc/prometheus")
	require.Contains(t, prometheus.Command, "--config.file=/etc/prometheus/prometheus.yml")
	require.FileExists(t, filepath.Join(dir, "prometheus.yml"))

	for _, pattern := range config.RuleFiles {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
	}

	for _, argument := range prometheus.Command {
		path, ok := strings.CutPrefix(argument, "--storage.tsdb.path=")
		require.True(t, !ok || slices.ContainsFunc(prometheus.Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Target == path && v.Type == types.VolumeTypeVolume
		}), "its data is kept: %s", argument)
	}
}

// Grafana finds Prometheus, its dashboards and the one to begin with.
func TestGrafanaIsProvisioned(t *testing.T) {
	t.Parallel()

	var datasources struct {
		Datasources []struct {
			URL string `yaml:"url"`
		} `yaml:"datasources"`
	}

	var dashboards struct {
		Providers []struct {
			Options struct {
				Path string `yaml:"path"`
			} `yaml:"options"`
		} `yaml:"providers"`
	}

	decode(t, "deployments/grafana/provisioning/datasources/prometheus.yml", &datasources)
	decode(t, "deployments/grafana/provisioning/dashboards/alphapulse.yml", &dashboards)

	project := load(t, nil, "observability")
	prometheus, grafana := project.Services["prometheus"], project.Services["grafana"]
	require.Len(t, datasources.Datasources, 1)
	require.Equal(t, "http://"+prometheus.Name+":"+strconv.Itoa(int(prometheus.Ports[0].Target)), datasources.Datasources[0].URL)
	require.FileExists(t, filepath.Join(source(t, grafana, "/etc/grafana/provisioning"), "datasources", "prometheus.yml"))
	require.FileExists(t, filepath.Join(source(t, grafana, "/etc/grafana/provisioning"), "dashboards", "alphapulse.yml"))
	require.Len(t, dashboards.Providers, 1)

	path := dashboards.Providers[0].Options.Path
	dir := source(t, grafana, path)
	found, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, found)

	home := *grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	require.FileExists(t, strings.Replace(home, path, dir, 1))
}
