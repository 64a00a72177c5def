package databases_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
)

func TestAFullDisk(t *testing.T) {
	t.Parallel()
	possible(t, databases.DiskAvailable())
	s := own(t)
	disk, err := s.SmallDisk(patient(t), "small", 64<<20)
	require.NoError(t, err)
	defer func() {
		require.NoError(t, end(s))
		require.NoError(t, disk.Close())
	}()
	require.NoError(t, s.Exec(patient(t), "postgres", "CREATE DATABASE little TABLESPACE small"))
	notes(t, s, "little")
	conn := connect(t, s.URL("", "little"), "client")
	require.NoError(t, insert(t, conn, "before"))
	struck, err := disk.Struck()
	require.NoError(t, err)
	require.Zero(t, struck)

	require.NoError(t, disk.Fill(patient(t)))
	const many = "INSERT INTO notes SELECT repeat('x', 1000) || n FROM generate_series(1, 1000) n"
	_, err = conn.Exec(patient(t), many)
	require.Equal(t, "53100", sqlstate(err), "%v", err)
	struck, err = disk.Struck()
	require.NoError(t, err)
	require.Equal(t, 1, struck)
	require.Equal(t, "before", stored(t, s, "little"), "what is there can be read")

	// The server outlives it, a checkpoint and a restart in order included.
	require.NoError(t, s.Exec(patient(t), "postgres", "CHECKPOINT"))
	require.NoError(t, disk.Free())
	require.NoError(t, disk.Free())
	_, err = conn.Exec(patient(t), many)
	require.NoError(t, err)
	require.NoError(t, s.Restart(patient(t), databases.Fast))
	require.Greater(t, len(stored(t, s, "little")), 1000*1000)

	// Its copy has a place of its own.
	possible(t, s.ReplicaAvailable())
	r := replicate(t, s, "copy", "")
	require.NoError(t, r.CaughtUp(patient(t), s))
	require.Equal(t, stored(t, s, "little"), stored(t, r.Server, "little"))
}
