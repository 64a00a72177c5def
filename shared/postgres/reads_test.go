package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func asReplica(c *postgres.Config) { c.Replica = true }

func TestReadsFollowTheReplicaWhileItKeepsUp(t *testing.T) {
	t.Parallel()
	primaryServer := pgtest.NewServer(t, nil)
	replicaServer := primaryServer.Replica()
	primary := primaryServer.DB().Open(t)
	replica := replicaServer.DB().Open(t, asReplica)
	log, book := newLog()
	reads := postgres.NewReads(t.Context(), primary, replica, postgres.ReadsConfig{
		MaxLag: time.Second, CheckPeriod: 50 * time.Millisecond, Log: log,
	})
	t.Cleanup(reads.Close)
	onReplica := func() bool { return reads.DB() == replica }
	onPrimary := func() bool { return reads.DB() == primary }

	logged := func(server string, times int) {
		t.Helper()
		require.Eventually(t, func() bool { return book.count("reads go to the "+server) >= times },
			5*time.Second, time.Millisecond, "the move to the %s is logged", server)
	}

	require.Eventually(t, onReplica, 10*time.Second, time.Millisecond)
	require.Never(t, onPrimary, 1500*time.Millisecond, 10*time.Millisecond, "an idle primary is no lag")

	_, err := replica.Exec(t.Context(), "SELECT pg_wal_replay_pause()")
	require.NoError(t, err)
	_, err = primary.Exec(t.Context(), "CREATE TABLE entries (id int PRIMARY KEY, note text)")
	require.NoError(t, err)
	require.Eventually(t, onPrimary, 10*time.Second, time.Millisecond, "it falls behind")
	_, err = reads.Lag()
	require.ErrorContains(t, err, "behind")
	logged("primary", 1)

	_, err = replica.Exec(t.Context(), "SELECT pg_wal_replay_resume()")
	require.NoError(t, err)
	require.Eventually(t, onReplica, 10*time.Second, time.Millisecond, "it catches up")
	logged("replica", 2)
	require.Zero(t, entries(t, reads.DB()))

	replicaServer.Kill()
	require.Eventually(t, onPrimary, 10*time.Second, time.Millisecond, "it is gone")
	logged("primary", 2)

	replicaServer.Start()
	require.Eventually(t, onReplica, 10*time.Second, time.Millisecond, "it is back")
	replicaServer.Promote()
	require.Eventually(t, onPrimary, 10*time.Second, time.Millisecond, "it follows nobody any more")
	_, err = reads.Lag()
	require.ErrorContains(t, err, "promoted")
}

func TestReadsWithoutAReplica(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	primary := d.Open(t)
	alone := postgres.NewReads(t.Context(), primary, nil, postgres.ReadsConfig{})
	t.Cleanup(alone.Close)
	require.Same(t, primary, alone.DB())

	same := d.Open(t)
	twice := postgres.NewReads(t.Context(), primary, same, postgres.ReadsConfig{CheckPeriod: 10 * time.Millisecond})
	t.Cleanup(twice.Close)
	require.Eventually(t, func() bool { return twice.DB() == same }, 5*time.Second, time.Millisecond,
		"the primary itself, under a second name, is as fresh as can be")

	other := pgtest.NewServer(t, nil).DB().Open(t)
	wrong := postgres.NewReads(t.Context(), primary, other, postgres.ReadsConfig{CheckPeriod: 10 * time.Millisecond})
	t.Cleanup(wrong.Close)
	require.Eventually(t, func() bool {
		_, err := wrong.Lag()
		return err != nil && err.Error() != "not measured yet"
	}, 5*time.Second, time.Millisecond)
	_, err := wrong.Lag()
	require.ErrorContains(t, err, "another database cluster")
	require.Same(t, primary, wrong.DB())
}

// A replica that is killed is left at the first read that meets it, not at the
// next measurement.
func TestTheFirstFailedReadLeavesTheReplica(t *testing.T) {
	t.Parallel()
	primaryServer := pgtest.NewServer(t, nil)
	replicaServer := primaryServer.Replica()
	primary := primaryServer.DB().Open(t)
	replica := replicaServer.DB().Open(t, asReplica, func(c *postgres.Config) { c.HealthCheckPeriod = time.Hour })
	reads := postgres.NewReads(t.Context(), primary, replica, postgres.ReadsConfig{
		MaxLag: time.Hour, CheckPeriod: time.Hour,
	})
	t.Cleanup(reads.Close)
	_, err := primary.Exec(t.Context(), "CREATE TABLE entries (id int PRIMARY KEY, note text)")
	require.NoError(t, err)
	// The only measurement has just been made; the replica may not have replayed
	// its own position by then.
	require.Eventually(t, func() bool {
		if reads.DB() == replica {
			return true
		}
		reads.Close()
		reads = postgres.NewReads(t.Context(), primary, replica, postgres.ReadsConfig{MaxLag: time.Hour, CheckPeriod: time.Hour})
		t.Cleanup(reads.Close)
		return reads.DB() == replica
	}, 20*time.Second, 200*time.Millisecond)
	replicaServer.Kill()
	_, err = reads.DB().Exec(t.Context(), "SELECT 1")
	require.Error(t, err)
	require.Eventually(t, func() bool { return reads.DB() == primary }, 20*time.Second, time.Millisecond)
	_, err = reads.DB().Exec(t.Context(), "SELECT 1")
	require.NoError(t, err)
}
