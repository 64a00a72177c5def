package boundary

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// listed is what `go list` says of one package.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// List returns every import of the packages of the module in dir. The
// environment is the go command's, as in exec.Cmd: nil inherits ours.
func List(ctx context.Context, dir string, environ []string) ([]Edge, error) {
	command := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	command.Dir, command.Env = dir, environ

	var complaint bytes.Buffer

	command.Stderr = &complaint

	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the packages in %s: %w: %s", dir, err, complaint.String())
	}

	return decode(out)
}

// decode reads the objects that `go list` prints one after the other.
func decode(out []byte) ([]Edge, error) {
	var edges []Edge

	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var one listed

		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return edges, nil
		}

		if err != nil {
			return nil, fmt.Errorf("reading the list of packages: %w", err)
		}

		edges = append(edges, one.edges()...)
	}
}

func (l listed) edges() []Edge {
	var edges []Edge

	for _, to := range l.Imports {
		edges = append(edges, Edge{From: l.ImportPath, To: to, Test: isTestHelper(l.ImportPath)})
	}

	for _, list := range [][]string{l.TestImports, l.XTestImports} {
		for _, to := range list {
			edges = append(edges, Edge{From: l.ImportPath, To: to, Test: true})
		}
	}

	return edges
}
