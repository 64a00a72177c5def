package disk

import (
	"context"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// syncFlags ask for a sync with every write. The kernel turns that into fsyncs;
// the live file needs none.
const syncFlags = syscall.O_SYNC | syscall.O_DSYNC

// node is a file or directory of the live tree. What it does not override is
// done to the live tree and changes nothing that a cut could take.
type node struct {
	*fs.LoopbackNode
	volume *volume
}

// WrapChild makes every entry of the tree a node.
func (n *node) WrapChild(_ context.Context, ops fs.InodeEmbedder) fs.InodeEmbedder {
	loopback, _ := ops.(*fs.LoopbackNode)
	return &node{LoopbackNode: loopback, volume: n.volume}
}

func id(inode *fs.Inode) fileID {
	stable := inode.StableAttr()
	return fileID{stable.Ino, stable.Gen}
}

func (n *node) id() fileID { return id(n.EmbeddedInode()) }

// path from the root; false if the last name is gone.
func (n *node) path() (string, bool) {
	inode := n.EmbeddedInode()
	if inode == inode.Root() {
		return "", true
	}
	if _, parent := inode.Parent(); parent == nil {
		return "", false
	}
	return inode.Path(inode.Root()), true
}

func (n *node) child(name string) string {
	path, _ := n.path()
	return filepath.Join(path, name)
}

// childID of an entry that the kernel has looked up, as it does before each
// operation on a name.
func (n *node) childID(name string) []fileID {
	if child := n.EmbeddedInode().GetChild(name); child != nil {
		return []fileID{id(child)}
	}
	return nil
}

// alone runs an operation together with its account, while the power is on.
func (n *node) alone(operation func() syscall.Errno) syscall.Errno {
	n.volume.mu.Lock()
	defer n.volume.mu.Unlock()
	if n.volume.cut {
		return syscall.EIO
	}
	return operation()
}

// Create makes a file.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (
	inode *fs.Inode, handle fs.FileHandle, fuseFlags uint32, errno syscall.Errno,
) {
	errno = n.alone(func() syscall.Errno {
		inode, handle, fuseFlags, errno = n.LoopbackNode.Create(ctx, name, flags&^syncFlags, mode, out)
		if errno == 0 {
			n.volume.record(created(n.child(name), out.Attr), n.id(), id(inode))
		}
		return errno
	})
	return inode, handle, fuseFlags, errno
}

// Mkdir makes a directory.
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (inode *fs.Inode, errno syscall.Errno) {
	errno = n.alone(func() syscall.Errno {
		inode, errno = n.LoopbackNode.Mkdir(ctx, name, mode, out)
		if errno == 0 {
			n.volume.record(created(n.child(name), out.Attr), n.id(), id(inode))
		}
		return errno
	})
	return inode, errno
}

// Symlink makes a symbolic link.
func (n *node) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (inode *fs.Inode, errno syscall.Errno) {
	errno = n.alone(func() syscall.Errno {
		inode, errno = n.LoopbackNode.Symlink(ctx, target, name, out)
		path := n.child(name)
		if errno == 0 {
			n.volume.record(func(image string) error { return os.Symlink(target, filepath.Join(image, path)) }, n.id(), id(inode))
		}
		return errno
	})
	return inode, errno
}

// Link gives a file one more name.
func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (inode *fs.Inode, errno syscall.Errno) {
	errno = n.alone(func() syscall.Errno {
		of := target.EmbeddedInode()
		from, to := of.Path(of.Root()), n.child(name)
		inode, errno = n.LoopbackNode.Link(ctx, target, name, out)
		if errno == 0 {
			n.volume.record(func(image string) error {
				return os.Link(filepath.Join(image, from), filepath.Join(image, to))
			}, n.id(), id(of))
		}
		return errno
	})
	return inode, errno
}

// Unlink takes a file's name.
func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	return n.alone(func() syscall.Errno {
		gone := n.child(name)
		bytes, last := n.weigh(gone)
		errno := n.LoopbackNode.Unlink(ctx, name)
		if errno == 0 {
			n.removed(name, gone, bytes, last)
		}
		return errno
	})
}

// Rmdir removes an empty directory.
func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	return n.alone(func() syscall.Errno {
		gone := n.child(name)
		errno := n.LoopbackNode.Rmdir(ctx, name)
		if errno == 0 {
			n.removed(name, gone, 0, true)
		}
		return errno
	})
}

// removed accounts for a name that is gone, and its file if it was the last.
func (n *node) removed(name, path string, bytes int64, last bool) {
	n.volume.record(func(image string) error { return os.Remove(filepath.Join(image, path)) }, n.id())
	n.gone(n.childID(name), bytes, last)
}

func (n *node) gone(files []fileID, bytes int64, last bool) {
	if !last {
		n.volume.touch(files...)
		return
	}
	for _, file := range files {
		n.volume.forget(file)
	}
	n.volume.give(bytes)
}

// weigh reports how long a file is and whether this is its last name.
func (n *node) weigh(path string) (bytes int64, last bool) {
	var st syscall.Stat_t
	if err := syscall.Lstat(filepath.Join(n.volume.live, path), &st); err != nil {
		return 0, false
	}
	return st.Size, st.Nlink == 1
}

// Rename gives an entry another name, and takes that of the one that had it.
func (n *node) Rename(ctx context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	return n.alone(func() syscall.Errno {
		to, ok := parent.(*node)
		if !ok || flags&fs.RENAME_EXCHANGE != 0 {
			return syscall.ENOTSUP
		}
		from, onto := n.child(name), to.child(newName)
		bytes, last := n.weigh(onto)
		_, err := os.Lstat(filepath.Join(n.volume.live, onto))
		replaces := err == nil
		moved, replaced := n.childID(name), to.childID(newName)
		errno := n.LoopbackNode.Rename(ctx, name, to.LoopbackNode, newName, flags)
		if errno != 0 {
			return errno
		}
		n.volume.record(func(image string) error {
			return os.Rename(filepath.Join(image, from), filepath.Join(image, onto))
		}, append(moved, n.id(), to.id())...)
		if !replaces {
			return 0
		}
		n.gone(replaced, bytes, last)
		return n.settle(moved, onto)
	})
}

func (n *node) settle(files []fileID, path string) syscall.Errno {
	for _, file := range files {
		if err := n.volume.settle(file, path); err != nil {
			return fs.ToErrno(err)
		}
	}
	return 0
}

// created is the journal's entry for a file or directory.
func created(path string, attr fuse.Attr) change {
	return func(image string) error {
		at := filepath.Join(image, path)
		if attr.Mode&syscall.S_IFMT == syscall.S_IFDIR {
			if err := os.Mkdir(at, os.FileMode(attr.Mode&0o777)); err != nil {
				return err
			}
		} else {
			file, err := os.OpenFile(at, os.O_CREATE|os.O_WRONLY, os.FileMode(attr.Mode&0o777)) //nolint:gosec // a file of the image
			if err != nil {
				return err
			}
			if err := file.Close(); err != nil {
				return err
			}
		}
		if os.Geteuid() != 0 {
			return nil
		}
		return os.Lchown(at, int(attr.Uid), int(attr.Gid))
	}
}
