package monitoring

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/services/internal/monitoring"
	"github.com/alphapulse/alphapulse/services/internal/prometheustest"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestMain(m *testing.M) {
	defer fleettest.RemoveBinary()
	pgtest.Main(m)
}

// targetsFile writes where each process shows its metrics, as `up` does.
func targetsFile(t *testing.T, processes map[string]string) string {
	t.Helper()
	type target struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	var list []target
	for name, address := range processes {
		list = append(list, target{[]string{address}, map[string]string{"process": name}})
	}
	text, err := json.Marshal(list)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "targets.json")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

// shortened writes a file of the alerts anew, with its times divided.
func shortened(t *testing.T, name string, factor int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(prometheustest.Root(t), "deployments", "prometheus", "rules", name))
	require.NoError(t, err)
	short, err := monitoring.Shorten(string(text), factor)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(short), 0o600))
	return path
}
