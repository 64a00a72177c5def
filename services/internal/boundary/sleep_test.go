package boundary_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/boundary"
)

func TestNoTestSleeps(t *testing.T) {
	t.Parallel()

	for _, module := range []string{"proto", "shared", "services"} {
		places, err := boundary.Sleeps(filepath.Join(root(t), module))
		require.NoError(t, err)

		for _, place := range places {
			t.Errorf("%s: wait for a signal, use testing/synctest, or say on the line why there is \"// no signal: …\"", place)
		}
	}
}

func TestSleepIsFound(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	for name, content := range map[string]string{
		"a/plain_test.go":  "package a\n\nimport \"time\"\n\nfunc f() { time.Sleep(1) }\n",
		"a/bubble_test.go": "package a\n\nimport (\n\t_ \"testing/synctest\"\n\t\"time\"\n)\n\nfunc g() { time.Sleep(1) }\n",
		"a/poll_test.go":   "package a\n\nimport \"time\"\n\nfunc p() {\n\ttime.Sleep(1) // no signal: it reports once a second\n}\n",
		"a/code.go":        "package a\n\nimport \"time\"\n\nfunc h() { time.Sleep(1) }\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}

	places, err := boundary.Sleeps(dir)
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "a", "plain_test.go") + ":5:12"}, places)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "broken_test.go"), []byte("pack"), 0o600))

	_, err = boundary.Sleeps(dir)
	require.ErrorContains(t, err, "broken_test.go")
}
