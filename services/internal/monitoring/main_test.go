package monitoring_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/monitoring"
)

// root is the repository, seen from this directory.
const root = "../../.."

func under(parts ...string) string { return filepath.Join(append([]string{root}, parts...)...) }

func read(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(under(parts...))
	require.NoError(t, err)
	return string(text)
}

func catalogue(t *testing.T) monitoring.Catalogue {
	t.Helper()
	metrics, err := monitoring.ReadCatalogue(under("docs", "metrics.md"))
	require.NoError(t, err)
	require.Greater(t, len(metrics), 50)
	return metrics
}

// foreign are metrics that are not ours: Prometheus' own, and those that every
// Go process shows.
func foreign(name string) bool {
	return name == "up" || name == "ALERTS" || strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_")
}

// attached are labels that do not come from the metric: Prometheus' own, the
// configuration's, and those of histograms.
func attached() []string { return []string{"job", "instance", "process", "le"} }

// requireKnown checks that an expression names metrics of docs/metrics.md alone,
// with labels that they have, and values that the documentation knows.
func requireKnown(t *testing.T, where, expr string) {
	t.Helper()
	metrics, words := catalogue(t), read(t, "docs", "metrics.md")+read(t, "docs", "design.md")+read(t, "docs", "control.md")
	parsed := monitoring.Parse(expr)
	require.NotEmpty(t, parsed.Selectors, "%s: %s names no metric", where, expr)
	for _, complaint := range complaints(metrics, words, parsed) {
		t.Errorf("%s: %s: %s", where, expr, complaint)
	}
}
