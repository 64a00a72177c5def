package brokers_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/brokers"
	"github.com/alphapulse/alphapulse/services/internal/chaos/disk"
)

func startCluster(t *testing.T, cfg brokers.ClusterConfig) *brokers.Cluster {
	t.Helper()
	cfg.Dir = t.TempDir()
	c, err := brokers.StartCluster(within(t), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		if !t.Failed() {
			return
		}
		for _, s := range c.Servers() {
			log, err := os.ReadFile(s.Process().Log())
			t.Logf("%s: %s%v", s.Name(), log, err)
		}
	})
	return c
}

// requireNoQuorum fails if a publish is acknowledged.
func requireNoQuorum(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := js.Publish(ctx, "sync.job.test", []byte("nobody agrees to this"))
	require.Error(t, err)
}

// requireRoutesByLinks fails if a server has dialled another at an address that
// it knows from gossip: no partition would part those two.
func requireRoutesByLinks(t *testing.T, c *brokers.Cluster) {
	t.Helper()
	for _, s := range c.Servers() {
		request, err := http.NewRequestWithContext(within(t), http.MethodGet, s.MonitorURL()+"/routez", nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		var known struct {
			Routes []struct {
				Remote     string `json:"remote_name"`
				Dialled    bool   `json:"did_solicit"`
				Configured bool   `json:"is_configured"`
			}
		}
		require.NoError(t, json.NewDecoder(response.Body).Decode(&known))
		require.NoError(t, response.Body.Close())
		require.NotEmpty(t, known.Routes)
		for _, route := range known.Routes {
			require.Equal(t, route.Configured, route.Dialled, "%s to %s", s.Name(), route.Remote)
		}
	}
}

// TestAClusterLosesItsLeaderAndItsQuorum goes through all that happens to three
// servers, since they take seconds to find each other.
func TestAClusterLosesItsLeaderAndItsQuorum(t *testing.T) {
	t.Parallel()
	c := startCluster(t, brokers.ClusterConfig{})
	js := withStream(t, c.URL(), 3)
	publish(t, js, 0, 20)

	killed, err := c.KillLeader(within(t), stream)
	require.NoError(t, err)
	require.False(t, killed.Running())
	publishEventually(t, js, 20) // another leads
	leader, err := c.Leader(within(t), stream)
	require.NoError(t, err)
	require.NotEqual(t, killed.Name(), leader.Name())
	require.NoError(t, c.StartStopped(within(t)))
	require.True(t, killed.Running())
	requireStored(t, c.URL(), 21)

	two, err := c.KillTwo(within(t), stream)
	require.NoError(t, err)
	require.Len(t, two, 2)
	requireNoQuorum(t, js)
	require.NoError(t, c.StartStopped(within(t)))
	publishEventually(t, js, 21)
	requireStored(t, c.URL(), 22)
	requireRoutesByLinks(t, c)
}

func TestAClusterRestartsServerByServer(t *testing.T) {
	t.Parallel()
	c := startCluster(t, brokers.ClusterConfig{})
	js := withStream(t, c.URL(), 3)
	publish(t, js, 0, 20)
	requireRoutesByLinks(t, c)
	require.NoError(t, c.RollingRestart(within(t)))
	requireRoutesByLinks(t, c)
	for _, s := range c.Servers() {
		require.Equal(t, 2, s.Process().Lives())
	}
	publishEventually(t, js, 20)
	requireStored(t, c.URL(), 21)
}

func TestAServerBehindAPartition(t *testing.T) {
	t.Parallel()
	c := startCluster(t, brokers.ClusterConfig{})
	js := withStream(t, c.URL(), 3)
	publish(t, js, 0, 20)
	alone, err := c.Leader(within(t), stream)
	require.NoError(t, err)
	require.NoError(t, c.Isolate(alone))
	requireNoQuorum(t, connect(t, alone.URL())) // it still believes that it leads
	var others []*brokers.Server
	for _, s := range c.Servers() {
		require.True(t, s.Running())
		if s != alone {
			others = append(others, s)
		}
	}
	majority := connect(t, others[0].URL())
	publishEventually(t, majority, 20) // the others have chosen another
	require.NoError(t, c.Heal(within(t)))
	require.Eventually(t, func() bool {
		info, err := connect(t, alone.URL()).Stream(within(t), stream)
		return err == nil && info.CachedInfo().State.LastSeq >= 21
	}, patience, 100*time.Millisecond)
	requireStored(t, alone.URL(), 21)

	// Nor have those who met again found a way past the links.
	requireRoutesByLinks(t, c)
	require.NoError(t, c.Isolate(alone))
	requireNoQuorum(t, connect(t, alone.URL()))
}

func TestAClusterLosesItsPower(t *testing.T) {
	t.Parallel()
	c := startCluster(t, brokers.ClusterConfig{Disks: []*disk.Disk{powered(t), powered(t), powered(t)}, SyncAlways: true})
	publish(t, withStream(t, c.URL(), 3), 0, 20)
	losses, err := c.PowerCut()
	require.NoError(t, err)
	require.Len(t, losses, 3)
	require.NoError(t, c.StartStopped(within(t)))
	requireStored(t, c.URL(), 20)
}

func TestAClusterWithTooFewDisks(t *testing.T) {
	t.Parallel()
	_, err := brokers.StartCluster(within(t), brokers.ClusterConfig{Dir: t.TempDir(), Disks: make([]*disk.Disk, 2)})
	require.ErrorContains(t, err, "2 disks for 3 servers")
}
