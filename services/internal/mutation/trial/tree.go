// Package trial takes guards away in a copy of the repository and runs their
// tests there.
package trial

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tree is a copy of the repository that may be changed.
type Tree struct {
	dir      string
	binaries string // where test binaries are put
}

// Root finds the repository that the current directory is in.
func Root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Copy copies the working tree: what git knows, and what is new and not ignored.
// Close removes it again.
func Copy(ctx context.Context, root string) (*Tree, error) {
	list := exec.CommandContext(ctx, "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	files, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s: %w", root, err)
	}
	top, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return nil, err
	}
	t := &Tree{dir: filepath.Join(top, "tree"), binaries: filepath.Join(top, "tests")}
	// PostgreSQL does not run as root and must be able to enter.
	err = errors.Join(os.Chmod(top, 0o711), os.Mkdir(t.binaries, 0o755)) //nolint:gosec // see above
	for name := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		if err == nil {
			err = copyFile(filepath.Join(root, name), filepath.Join(t.dir, name))
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("copying the repository: %w", err), t.Close())
	}
	return t, nil
}

// Close removes the copy.
func (t *Tree) Close() error { return os.RemoveAll(filepath.Dir(t.dir)) }

func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted, and git has not been told
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no plain file", from)
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // as in any checkout
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}
