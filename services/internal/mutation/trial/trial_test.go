package trial

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/mutation/guard"
)

// repository is a small one, with a guard against a division by zero.
func repository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":     "module example.org/m\n\ngo 1.26.0\n",
		".gitignore": "ignored\n",
		"ignored":    "x",
		"p/p.go": `package p

func Share(of, n int) int {
	if n == 0 {
		return 0
	}
	return of / n
}
`,
		"p/p_test.go": `package p

import "testing"

func TestShare(t *testing.T) {
	if Share(6, 3) != 2 {
		t.Error("6 in 3")
	}
}

func TestShareOfNone(t *testing.T) {
	if Share(1, 0) != 0 {
		t.Error("1 in 0")
	}
}

func TestSkipped(t *testing.T) { t.Skip("always") }
`,
	} {
		file := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	require.NoError(t, exec.CommandContext(t.Context(), "git", "init", "--quiet", root).Run())
	return root
}

func TestAGuardIsTakenAwayAndPutBack(t *testing.T) {
	t.Parallel()
	root := repository(t)
	tree, err := Copy(t.Context(), root)
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(tree.dir, "ignored"))
	share, none := guard.Test{Package: "./p", Name: "TestShare"}, guard.Test{Package: "./p", Name: "TestShareOfNone"}
	skipped := guard.Test{Package: "./p", Name: "TestSkipped"}
	require.NoError(t, tree.Baseline(t.Context(), []guard.Test{share, none, share}))
	require.ErrorContains(t, tree.Baseline(t.Context(), []guard.Test{share, skipped}), "TestSkipped does not pass")
	require.ErrorContains(t, tree.Baseline(t.Context(), []guard.Test{{Package: "./p", Name: "TestNone"}}), "TestNone does not pass")

	zero := guard.Hunk{Old: "\tif n == 0 {\n", New: "\tif n < 0 {\n"}
	for _, test := range []struct {
		name    string
		change  guard.Hunk
		tests   []guard.Test
		verdict Verdict
		passed  []guard.Test
	}{
		{"caught by a panic", zero, []guard.Test{none}, Caught, nil},
		{"one test does not notice", zero, []guard.Test{none, share, skipped}, Survived, []guard.Test{share, skipped}},
		{"nobody notices", guard.Hunk{Old: "\tif n == 0 {\n", New: "\tif n <= 0 {\n"}, []guard.Test{none}, Survived, []guard.Test{none}},
		{"the code has changed", guard.Hunk{Old: "\tif n == 1 {\n"}, []guard.Test{none}, Stale, nil},
		{"the compiler objects", guard.Hunk{Old: "\treturn of / n\n"}, []guard.Test{none}, Broken, nil},
	} {
		result, err := tree.Try(t.Context(), guard.Guard{
			Name: test.name, File: "p/p.go", Hunks: []guard.Hunk{test.change}, Tests: test.tests,
		})
		require.NoError(t, err)
		require.Equal(t, test.verdict, result.Verdict, "%s: %s", test.name, result.Why)
		require.ElementsMatch(t, test.passed, result.Passed, test.name)
		require.Equal(t, test.verdict == Stale || test.verdict == Broken, result.Why != "", test.name)
	}
	require.NoError(t, tree.Baseline(t.Context(), []guard.Test{share, none}), "every guard is back in its place")
	require.NoError(t, tree.Close())
	require.NoDirExists(t, filepath.Dir(tree.dir))
}
