package ledger

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Leases, due times and deadlines are judged by clock_timestamp(). now() is when
// the transaction began, which may be long ago; and the clock of this process may
// show anything.
func TestRule01NoClockButTheDatabases(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	otherClock := regexp.MustCompile(`(?i)\b((transaction_|statement_)?(timestamp|now)\(\)|current_timestamp|localtimestamp)`)
	read := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		read++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, f.Name(), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					require.NotRegexp(t, otherClock, n.Value, "%s", set.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				if of, ok := n.X.(*ast.Ident); ok && of.Name == "time" {
					require.NotContains(t, []string{"Now", "Since", "Until"}, n.Sel.Name, "%s", set.Position(n.Pos()))
				}
			}
			return true
		})
	}
	require.Positive(t, read)
}
