package postgres_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// replicaOf makes a streaming replica. As root the copy is made as the owner
// of the primary's data, which the server must be too.
func replicaOf(t *testing.T, primary *pgserver.Server, primaryDir, dir string) *pgserver.Server {
	t.Helper()
	info, err := os.Stat(filepath.Join(primaryDir, "data"))
	require.NoError(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	require.NoError(t, os.Chown(dir, int(owner.Uid), int(owner.Gid)))
	bin, err := exec.Command("pg_config", "--bindir").Output()
	require.NoError(t, err)
	backup := exec.Command(filepath.Join(string(bin[:len(bin)-1]), "pg_basebackup"), "-h", "127.0.0.1",
		"-p", strconv.Itoa(primary.Port()), "-U", "postgres", "-D", filepath.Join(dir, "data"), "-R", "-X", "stream",
		"--checkpoint=fast", "--no-sync")
	backup.Dir = dir
	if os.Geteuid() == 0 {
		backup.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	out, err := backup.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return ownServer(t, dir, 0)
}

func TestReadsFollowTheReplicaWhileItKeepsUp(t *testing.T) {
	t.Parallel()
	primaryDir, replicaDir := pgtest.Dir(t), pgtest.Dir(t)
	primaryServer := ownServer(t, primaryDir, 0)
	replicaServer := replicaOf(t, primaryServer, primaryDir, replicaDir)
	primary := (&pgtest.DB{URL: primaryServer.URL()}).Open(t)
	replica := (&pgtest.DB{URL: replicaServer.URL()}).Open(t)
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

	stopServer(t, replicaServer)
	require.Eventually(t, onPrimary, 10*time.Second, time.Millisecond, "it is gone")
	logged("primary", 2)

	promoted := ownServer(t, replicaDir, replicaServer.Port())
	require.Eventually(t, onReplica, 10*time.Second, time.Millisecond, "it is back")
	_, err = replica.Exec(t.Context(), "SELECT pg_promote()")
	require.NoError(t, err)
	require.Eventually(t, onPrimary, 10*time.Second, time.Millisecond, "it follows nobody any more")
	_, err = reads.Lag()
	require.ErrorContains(t, err, "promoted")
	require.NotNil(t, promoted)
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

	stranger := ownServer(t, pgtest.Dir(t), 0)
	other := (&pgtest.DB{URL: stranger.URL()}).Open(t)
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
