package composecheck_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

func TestNATSKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()

	options, err := server.ProcessConfigFile(filepath.Join(root, "deployments", "nats.conf"))
	require.NoError(t, err)
	require.True(t, options.JetStream)
	require.True(t, options.SyncAlways, "sync_interval: always")
	require.Equal(t, "/data", options.StoreDir)
	require.Equal(t, 4222, options.Port)
	require.Equal(t, 8222, options.HTTPPort)

	// The file is the one that the container reads, and the ports are those
	// that compose publishes and checks.
	project := load(t, nil)
	nats := project.Services["nats"]
	require.Equal(t, "--config", nats.Command[0])
	require.Equal(t, nats.Configs[0].Target, nats.Command[1])

	path, err := filepath.Abs(filepath.Join(root, "deployments", "nats.conf"))
	require.NoError(t, err)
	require.Equal(t, path, project.Configs[nats.Configs[0].Source].File)
	require.Contains(t, strings.Join(nats.HealthCheck.Test, " "), "http://127.0.0.1:8222/healthz")
	require.Equal(t, uint32(4222), nats.Ports[0].Target)
	require.Equal(t, uint32(8222), nats.Ports[1].Target)
	require.Equal(t, "nats://nats:4222", *project.Services["scheduler"].Environment["NATS_URL"])
}
