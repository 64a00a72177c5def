package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// replaceTree makes one directory the copy of another, with modes and owners.
func replaceTree(to, from string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return copyEntry(filepath.Join(to, relative), path, entry)
	})
}

func copyEntry(to, from string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch {
	case entry.IsDir():
		err = os.Mkdir(to, info.Mode().Perm())
	case entry.Type() == fs.ModeSymlink:
		var target string
		if target, err = os.Readlink(from); err == nil {
			err = os.Symlink(target, to)
		}
	case entry.Type().IsRegular():
		err = copyFile(to, from, info.Mode().Perm())
	default:
		return nil // a socket or a pipe has no content
	}
	if err != nil {
		return err
	}
	return keepOwner(to, info)
}

func copyFile(to, from string, mode fs.FileMode) error {
	source, err := os.Open(from) //nolint:gosec // a file of the disk
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode) //nolint:gosec // a file of the disk
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
