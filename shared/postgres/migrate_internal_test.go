package postgres

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestLatestVersion(t *testing.T) {
	t.Parallel()
	version, err := latestVersion(fstest.MapFS{"00009_a.sql": {}, "00010_b.sql": {}, "readme.md": {}})
	require.NoError(t, err)
	require.EqualValues(t, 10, version)
	_, err = latestVersion(fstest.MapFS{})
	require.ErrorContains(t, err, "without migrations")
	_, err = latestVersion(fstest.MapFS{"nameless.sql": {}})
	require.ErrorContains(t, err, "nameless.sql")
}
