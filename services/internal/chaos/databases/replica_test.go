package databases_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func replicate(t *testing.T, s *databases.Server, name, via string) *databases.Replica {
	t.Helper()
	possible(t, s.ReplicaAvailable())
	r, err := s.Replicate(patient(t), quick(pgtest.Dir(t), name), via)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, end(r.Server)) })
	return r
}

func TestAReplicaFallsBehindAndCatchesUp(t *testing.T) {
	t.Parallel()
	s := own(t)
	notes(t, s, "postgres")
	r := replicate(t, s, "lagging", "")
	writer := connect(t, s.URL("", "postgres"), "writer")
	require.NoError(t, insert(t, writer, "before"))
	require.NoError(t, r.CaughtUp(patient(t), s))
	require.Equal(t, "before", stored(t, r.Server, "postgres"))

	require.NoError(t, r.PauseReplay(patient(t)))
	require.NoError(t, insert(t, writer, "while"))
	soon(t, func() bool {
		behind, err := r.Behind(patient(t))
		require.NoError(t, err)
		return behind > 0
	})
	require.Equal(t, "before", stored(t, r.Server, "postgres"))
	require.NoError(t, r.ResumeReplay(patient(t)))
	require.NoError(t, r.CaughtUp(patient(t), s))
	require.Equal(t, "before while", stored(t, r.Server, "postgres"))

	require.NoError(t, r.Kill(patient(t)))
	require.NoError(t, insert(t, writer, "without"))
	require.NoError(t, r.Start(patient(t)))
	require.NoError(t, r.CaughtUp(patient(t), s))
	require.Equal(t, "before while without", stored(t, r.Server, "postgres"))
}

func TestAFailover(t *testing.T) {
	t.Parallel()
	s := own(t)
	notes(t, s, "postgres")
	link := newLink(t, s.Address())
	r := replicate(t, s, "standby", link.Address())
	old := connect(t, s.URL("", "postgres"), "client")
	require.NoError(t, insert(t, old, "kept"))
	require.NoError(t, r.CaughtUp(patient(t), s), "it streams through the link")
	require.Equal(t, "25006", sqlstate(insert(t, connect(t, r.URL("", "postgres"), "client"), "early")))

	// Cut off from the primary, the replica does not get what comes last.
	link.Cut(nil)
	require.NoError(t, insert(t, old, "lost"))
	require.NoError(t, r.Promote(patient(t)))
	require.NoError(t, s.ReadOnly(patient(t), true))
	require.Equal(t, "25006", sqlstate(insert(t, old, "fenced")), "an open session of the old primary")
	require.NoError(t, insert(t, connect(t, r.URL("", "postgres"), "client"), "new"))
	require.Equal(t, "kept new", stored(t, r.Server, "postgres"))

	require.NoError(t, s.ReadOnly(patient(t), false))
	require.NoError(t, insert(t, old, "unfenced"))
	require.NoError(t, s.Kill(patient(t)))
	require.NoError(t, s.Demote(patient(t)))
	back := connect(t, s.URL("", "postgres"), "client")
	require.Equal(t, "25006", sqlstate(insert(t, back, "demoted")), "the old primary that came back")
	require.Equal(t, "kept lost unfenced", stored(t, s, "postgres"))
	n, err := s.Logged("25006", app("client"))
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

func TestAReplicaNeedsANameAndAPlace(t *testing.T) {
	t.Parallel()
	possible(t, shared.ReplicaAvailable())
	_, err := shared.Replicate(patient(t), databases.Config{Dir: "x", Logs: "x"}, "")
	require.ErrorContains(t, err, "needs a name")
	dir := pgtest.Dir(t)
	_, err = shared.Replicate(patient(t), databases.Config{Name: "x", Dir: dir, Logs: dir}, "")
	require.ErrorContains(t, err, "file exists")
	_, err = shared.Replicate(patient(t), databases.Config{Name: "x", Dir: filepath.Join(dir, "x"), Logs: dir}, "127.0.0.1:1")
	require.ErrorContains(t, err, "pg_basebackup")
}
