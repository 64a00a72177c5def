package disk

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// between two tries to unmount.
const between = 20 * time.Millisecond

// Available reports why no disk can be mounted here, nil if one can. It tries:
// whether a container may mount is not written anywhere.
func Available() error {
	if err := try(); err != nil {
		return fmt.Errorf("%w: FUSE needs /dev/fuse and root or fusermount3: %w", ErrUnavailable, err)
	}
	return nil
}

func try() (err error) {
	dir, err := os.MkdirTemp("", "disk")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d, err := New(filepath.Join(dir, "trial"), Config{})
	if err != nil {
		return err
	}
	if err := d.Mount(); err != nil {
		return err
	}
	err = d.Unmount()
	detach(d.Path()) // nothing, unless that failed
	return err
}

// mount serves the volume at a directory until the function that it returns is
// called, which fails while the directory is in use.
func mount(v *volume, at string) (func(patience time.Duration) error, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(v.live, &st); err != nil {
		return nil, err
	}
	data := &fs.LoopbackRoot{Path: v.live, Dev: st.Dev}
	root := &node{LoopbackNode: &fs.LoopbackNode{RootData: data}, volume: v}
	data.RootNode = root
	keep := time.Minute // nobody else changes the live directory
	server, err := fs.Mount(at, root, &fs.Options{
		EntryTimeout: &keep, AttrTimeout: &keep, NullPermissions: true,
		MountOptions: fuse.MountOptions{
			DirectMount: true, FsName: "power-cut", Name: "disk",
			AllowOther:    os.Geteuid() == 0,
			DisableXAttrs: true,
			// The paths of the volume are right only between two operations.
			SingleThreaded: true,
			// Else the kernel would write to the live files without telling us.
			DisabledCapabilities: fuse.CAP_PASSTHROUGH,
		},
	})
	if err != nil {
		return nil, err
	}
	return func(patience time.Duration) error { return unmount(server, patience) }, nil
}

// unmount is patient with a directory in use: a child that this process has just
// forked holds all its files until it becomes another program.
func unmount(server *fuse.Server, patience time.Duration) error {
	over := time.NewTimer(patience)
	defer over.Stop()
	again := time.NewTicker(between)
	defer again.Stop()
	for {
		err := server.Unmount()
		if err == nil {
			return nil
		}
		select {
		case <-over.C:
			return err
		case <-again.C:
		}
	}
}

// detach takes a mount away from under its users, if there is one.
func detach(path string) { _ = unix.Unmount(path, unix.MNT_DETACH) }

// keepOwner gives a copy its original's owner, where this process may.
func keepOwner(path string, original iofs.FileInfo) error {
	st, ok := original.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, int(st.Uid), int(st.Gid))
}
