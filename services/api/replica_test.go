package api_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// replicated is a primary with a replica and the pools on both.
type replicated struct {
	replicaServer    *pgtest.Server
	primary, replica *postgres.DB
}

func newReplicated(t *testing.T) *replicated {
	t.Helper()
	server := pgtest.NewServer(t, nil)
	require.NoError(t, postgres.Migrate(t.Context(), server.URL(), nil))
	replica := server.Replica()
	return &replicated{
		replicaServer: replica, primary: server.DB().Open(t),
		replica: replica.DB().Open(t, func(c *postgres.Config) { c.Replica, c.HealthCheckPeriod = true, time.Hour }),
	}
}

func (r *replicated) add(t *testing.T, name string) {
	t.Helper()
	_, _, err := ledger.New(r.primary, ledger.Settings{}).AddAccount(t.Context(), ledger.NewAccount{
		Name: name, Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: "http://127.0.0.1:1"},
		Seal: func(string, int) ([]byte, error) { return []byte("sealed"), nil },
	})
	require.NoError(t, err)
}

// serve starts an API that reads from the replica, and waits until it does.
func (r *replicated) serve(t *testing.T, cfg postgres.ReadsConfig) (client, *postgres.Reads) {
	t.Helper()
	reads := postgres.NewReads(t.Context(), r.primary, r.replica, cfg)
	t.Cleanup(reads.Close)
	require.Eventually(t, func() bool { return reads.DB() == r.replica }, 30*time.Second, time.Millisecond)
	s := apitest.New(t, func(_ *api.Config, d *api.Deps) { d.DB, d.Reads = r.primary, reads })
	return newClient(s.URL), reads
}

func listed(t *testing.T, c client) int {
	t.Helper()
	out, err := c.ListAccounts(t.Context(), &controlv1.ListAccountsRequest{})
	require.NoError(t, err)
	return len(out.GetAccounts())
}

// Lists come from the replica while it keeps up, and from the primary when it
// falls behind.
func TestListsLeaveAReplicaThatFallsBehind(t *testing.T) {
	t.Parallel()
	r := newReplicated(t)
	patient, _ := r.serve(t, postgres.ReadsConfig{MaxLag: time.Hour, CheckPeriod: 20 * time.Millisecond})
	strict, reads := r.serve(t, postgres.ReadsConfig{MaxLag: time.Second, CheckPeriod: 20 * time.Millisecond})
	r.add(t, "one")
	require.Eventually(t, func() bool { return listed(t, patient) == 1 }, 30*time.Second, 10*time.Millisecond)
	_, err := r.replica.Exec(t.Context(), "SELECT pg_wal_replay_pause()")
	require.NoError(t, err)
	r.add(t, "two")
	require.Eventually(t, func() bool { return listed(t, strict) == 2 }, 30*time.Second, 10*time.Millisecond)
	require.Equal(t, 1, listed(t, patient), "who may be an hour behind still reads the replica")
	_, err = r.replica.Exec(t.Context(), "SELECT pg_wal_replay_resume()")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return listed(t, patient) == 2 }, 30*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return reads.DB() == r.replica }, 30*time.Second, time.Millisecond)
}

// A replica that has just been killed costs no caller an error.
func TestListsOutliveTheReplica(t *testing.T) {
	t.Parallel()
	r := newReplicated(t)
	r.add(t, "one")
	for name, read := range map[string]func(client) error{
		"ListAccounts": func(c client) error {
			_, err := c.ListAccounts(t.Context(), &controlv1.ListAccountsRequest{})
			return err
		},
		"GetStatus": func(c client) error {
			_, err := c.GetStatus(t.Context(), &controlv1.GetStatusRequest{})
			return err
		},
		"ListRuns": func(c client) error {
			_, err := c.ListRuns(t.Context(), &controlv1.ListRunsRequest{})
			return err
		},
	} {
		tries := 1
		for !r.outlived(t, name, read) {
			require.Less(t, tries, 20, "%s: reads never went to the dead replica", name)
			tries++
		}
	}
}

// outlived kills the replica below an API that reads from it, asks, and brings it
// back. It reports whether the call met the dead replica: on a busy machine the
// pool's own check of a connection, which the end of the measuring cut off, may
// find it dead first, and then the call was never sent there.
func (r *replicated) outlived(t *testing.T, name string, read func(client) error) (met bool) {
	t.Helper()
	c, reads := r.serve(t, postgres.ReadsConfig{MaxLag: time.Hour, CheckPeriod: 50 * time.Millisecond})
	require.NoError(t, read(c), name)
	reads.Close() // it is not measured again: the call itself meets the dead replica
	r.replicaServer.Kill()
	met = reads.DB() == r.replica
	require.NoError(t, read(c), name)
	r.replicaServer.Start()
	require.Eventually(t, func() bool { return r.replica.Ping(t.Context()) == nil && r.replica.Healthy() },
		30*time.Second, 10*time.Millisecond, name)
	return met
}
