package up

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDefaultDir(t *testing.T) {
	t.Parallel()
	open := t.TempDir()
	closed := filepath.Join(open, "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	require.NoError(t, os.Chmod(open, 0o755)) //nolint:gosec // it is to be open
	for name, test := range map[string]struct {
		env        map[string]string
		demo, root bool
		dir        string
	}{
		"data home":      {env: map[string]string{"XDG_DATA_HOME": "/data", "HOME": "/h"}, dir: "/data/alphapulse"},
		"demo":           {env: map[string]string{"XDG_DATA_HOME": "/data"}, demo: true, dir: "/data/alphapulse-demo"},
		"home":           {env: map[string]string{"HOME": closed}, dir: closed + "/.local/share/alphapulse"},
		"relative":       {env: map[string]string{"XDG_DATA_HOME": "data", "HOME": "/h"}, dir: "/h/.local/share/alphapulse"},
		"root's home":    {env: map[string]string{"HOME": closed}, root: true, dir: "/var/lib/alphapulse"},
		"root, open dir": {env: map[string]string{"XDG_DATA_HOME": "/var/tmp"}, root: true, dir: "/var/tmp/alphapulse"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lookup := func(name string) (string, bool) { v, ok := test.env[name]; return v, ok }
			dir, why, err := DefaultDir(lookup, test.demo, test.root)
			require.NoError(t, err)
			require.Equal(t, test.dir, dir)
			if name == "root's home" {
				require.Contains(t, why, closed, "the choice is explained")
			} else {
				require.Empty(t, why)
			}
		})
	}
	_, _, err := DefaultDir(func(string) (string, bool) { return "", false }, false, false)
	require.ErrorContains(t, err, "--data-dir")
}

func TestWriteFileIsPrivateAndWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	for _, text := range []string{"one", "two"} {
		require.NoError(t, writeFile(path, []byte(text)))
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(content))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing temporary is left")
}
