package boundary

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
)

// Sleeps returns the places below dir where a test file calls time.Sleep
// although it does not use testing/synctest, in whose bubbles time is
// synthetic and sleeping costs nothing. A test that sleeps is slow on a good
// day and fails on a bad one. Polling what sends no signal is the exception: a
// comment on the line says so, as in "// no signal: PostgreSQL reports once a
// second".
func Sleeps(dir string) ([]string, error) {
	var found []string

	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}

		places, err := sleepsIn(path)
		found = append(found, places...)

		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for tests that sleep: %w", err)
	}

	return found, nil
}

func sleepsIn(path string) ([]string, error) {
	files := token.NewFileSet()

	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return nil, err
	}

	for _, spec := range file.Imports {
		if spec.Path.Value == `"testing/synctest"` {
			return nil, nil
		}
	}

	excused := map[int]bool{}

	for _, group := range file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, "// no signal: ") {
				excused[files.Position(comment.Pos()).Line] = true
			}
		}
	}

	var places []string

	ast.Inspect(file, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok && selector.Sel.Name == "Sleep" {
			place := files.Position(node.Pos())
			if name, ok := selector.X.(*ast.Ident); ok && name.Name == "time" && !excused[place.Line] {
				places = append(places, place.String())
			}
		}

		return true
	})

	return places, nil
}
