package pgserver

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMajorOf(t *testing.T) {
	t.Parallel()
	for output, want := range map[string]string{
		"postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n": "15",
		"postgres (PostgreSQL) 18beta1":                          "18",
		"postgres (PostgreSQL) 9.6.24":                           "9.6",
		"something else":                                         "",
	} {
		got, err := majorOf(output)
		require.Equal(t, want, got, output)
		require.Equal(t, want == "", err != nil, output)
	}
}

func TestNewestInstallationFirst(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, version := range []string{"9.6", "15", "17"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, version, "bin"), 0o700))
	}
	newest := newestFirst(filepath.Join(root, "*", "bin"))
	require.Len(t, newest, 3)
	require.Equal(t, []string{"17", "15", "9.6"}, []string{
		filepath.Base(filepath.Dir(newest[0])), filepath.Base(filepath.Dir(newest[1])), filepath.Base(filepath.Dir(newest[2])),
	})
}

func TestOutputKeepsTheLastLines(t *testing.T) {
	t.Parallel()
	cfg, err := Config{DataDir: "x"}.withDefaults()
	require.NoError(t, err)
	out := &output{log: cfg.Log}
	for range keptLines * 3 {
		_, _ = out.Write([]byte("old\r\n"))
	}
	_, _ = out.Write([]byte("new\nunfin"))
	_, _ = out.Write([]byte("ished"))
	require.Len(t, out.last, keptLines)
	require.Contains(t, out.tail(), "old\nnew\nunfinished")
	_, _ = out.Write(make([]byte, 10*maxLineSize))
	require.LessOrEqual(t, len(out.partial), maxLineSize, "a line without an end is not kept whole")
}
