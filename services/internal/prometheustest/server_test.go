package prometheustest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/prometheustest"
)

// patience bounds each wait. It is a net, not a measure.
const patience = time.Minute

const rules = `
groups:
  - name: test
    rules:
      - alert: Broken
        expr: broken == 1
        for: 3s
        annotations: {summary: 'part {{ $labels.part }}'}
`

// A server scrapes what the file of targets names, answers queries, and evaluates
// the rules: an alert is pending, then fires, then is gone.
func TestServer(t *testing.T) {
	t.Parallel()
	var broken atomic.Int64
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "broken{part=\"a\"} %d\nbroken{part=\"b\"} 0\n", broken.Load())
	}))
	t.Cleanup(page.Close)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	s := prometheustest.Start(t, prometheustest.Config{
		Targets: write("targets.json", fmt.Sprintf(`[{"targets": [%q], "labels": {"process": "page"}}]`, strings.TrimPrefix(page.URL, "http://"))),
		Rules:   []string{write("rules.yml", rules)}, Every: 200 * time.Millisecond,
	})
	eventually := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(patience); !ok(); <-time.After(50 * time.Millisecond) {
			require.True(t, time.Now().Before(deadline), what)
		}
	}
	eventually("both series are there", func() bool { return len(s.Query(`broken{job="alphapulse", process="page"}`)) == 2 })
	require.Empty(t, s.Query(`nothing`))
	require.Empty(t, s.Alerts("Broken"))

	broken.Store(1)
	eventually("the alert is pending", func() bool { return len(s.Alerts("Broken")) == 1 && !s.Firing("Broken") })
	eventually("the alert fires", func() bool { return s.Firing("Broken") })
	alert := s.Alerts("Broken")[0]
	require.Equal(t, "a", alert.Labels["part"])
	require.Equal(t, "part a", alert.Annotations["summary"])
	require.False(t, s.Firing("Another"))

	broken.Store(0)
	eventually("the alert is gone", func() bool { return len(s.Alerts("Broken")) == 0 })
}

func TestPromtool(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rules.yml")
	require.NoError(t, os.WriteFile(path, []byte(rules), 0o600))
	out, err := prometheustest.Promtool(t, "check", "rules", path)
	require.NoError(t, err, out)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(rules, "== 1", "== =", 1)), 0o600))
	out, err = prometheustest.Promtool(t, "check", "rules", path)
	require.Error(t, err)
	require.Contains(t, out, "Broken")
}
