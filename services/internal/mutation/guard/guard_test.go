package guard

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository, from this package.
const root = "../../../.."

// The list fits the code: whoever changes a guard changes its entry too.
func TestTheListFitsTheCode(t *testing.T) {
	t.Parallel()
	all, err := All()
	require.NoError(t, err)
	sources := map[string]string{}
	for _, g := range all {
		if sources[g.File] == "" {
			text, err := os.ReadFile(filepath.Join(root, g.File))
			require.NoError(t, err, g.Name)
			sources[g.File] = string(text)
		}
		changed, err := g.Remove(sources[g.File])
		if err != nil {
			t.Error(err)
			continue
		}
		if strings.HasSuffix(g.File, ".go") {
			_, err = parser.ParseFile(token.NewFileSet(), g.File, changed, parser.SkipObjectResolution)
			require.NoError(t, err, "without guard %s", g.Name)
		}
	}
}

func TestEveryTestOfTheListExists(t *testing.T) {
	t.Parallel()
	all, err := All()
	require.NoError(t, err)
	packages := map[string]map[string]bool{}
	for _, g := range all {
		for _, test := range g.Tests {
			if packages[test.Package] == nil {
				packages[test.Package] = testsIn(t, test.Package)
			}
			if !packages[test.Package][test.Name] {
				t.Errorf("guard %s: there is no test %s", g.Name, test)
			}
		}
	}
}

// testsIn parses the test files of a package.
func testsIn(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
	require.NoError(t, err)
	found := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				found[f.Name.Name] = true
			}
		}
	}
	return found
}

func TestEveryRuleHasAGuard(t *testing.T) {
	t.Parallel()
	all, err := All()
	require.NoError(t, err)
	document, err := os.ReadFile(filepath.Join(root, "docs/protocol.md"))
	require.NoError(t, err)
	rules := Protocol(string(document))
	require.GreaterOrEqual(t, len(rules), 28)
	for _, fault := range Uncovered(all, append(rules, Design()...)) {
		t.Error(fault)
	}
}

const example = `# Comment.

guard    a
rule     protocol 1
rule     protocol 2
without  it breaks
file     f.go
test     ./p TestOne TestTwo
 	kept
-	taken
+	given
@@
-	other

guard    b
rule     r
without  w
file     f.go
test     ./q TestThree
-x
`

func TestAListIsRead(t *testing.T) {
	t.Parallel()
	guards, err := Parse(example)
	require.NoError(t, err)
	require.Len(t, guards, 2)
	require.Equal(t, Guard{
		Name: "a", Rules: []string{"protocol 1", "protocol 2"}, Without: "it breaks", File: "f.go",
		Hunks: []Hunk{{Old: "\tkept\n\ttaken\n", New: "\tkept\n\tgiven\n"}, {Old: "\tother\n"}},
		Tests: []Test{{"./p", "TestOne"}, {"./p", "TestTwo"}},
	}, guards[0])

	changed, err := guards[0].Remove("\tkept\n\ttaken\nrest\n\tother\nend\n")
	require.NoError(t, err)
	require.Equal(t, "\tkept\n\tgiven\nrest\nend\n", changed)
	for _, source := range []string{"\tkept\n\ttaken\n", "\tkept\n\ttaken\n\tother\n\tother\n", "kept\ntaken\n\tother\n"} {
		_, err = guards[0].Remove(source)
		require.ErrorIs(t, err, ErrStale)
	}
}

func TestMistakesInAListAreNamed(t *testing.T) {
	t.Parallel()
	for want, text := range map[string]string{
		`"what" is not known`:          "guard a\nwhat x",
		"no rule":                      "guard a",
		"nothing says what goes wrong": "guard a\nrule r",
		"no file":                      "guard a\nrule r\nwithout w",
		"no test":                      "guard a\nrule r\nwithout w\nfile f",
		"a package needs its tests":    "guard a\ntest ./p",
		"no change":                    "guard a\nrule r\nwithout w\nfile f\ntest ./p T",
		"changes nothing":              "guard a\nrule r\nwithout w\nfile f\ntest ./p T\n-x\n+x",
		"a change without a guard":     "-x\n+y",
		"after the change":             "guard a\n-x\n+y\nrule r",
		`nothing follows "rule"`:       "guard a\nrule",
	} {
		_, err := Parse(text)
		require.ErrorContains(t, err, want)
	}
}

func TestRulesWithoutAGuardAreNamed(t *testing.T) {
	t.Parallel()
	rules := Protocol("# Title\n\n1. One, and\n   more.\n2. Two.\n10. Ten.\n")
	require.Equal(t, []string{"protocol 1", "protocol 2", "protocol 10"}, rules)
	require.Equal(t, []string{
		`guard b stands for "r", which is no rule`, `no guard stands for "protocol 10"`,
	}, Uncovered([]Guard{{Name: "a", Rules: rules[:2]}, {Name: "b", Rules: []string{"r"}}}, rules))
}
