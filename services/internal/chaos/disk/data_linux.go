package disk

import (
	"context"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Open opens a file.
func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return n.LoopbackNode.Open(ctx, flags&^syncFlags)
}

// Write writes data, which only an fsync makes durable.
func (n *node) Write(ctx context.Context, handle fs.FileHandle, data []byte, offset int64) (written uint32, errno syscall.Errno) {
	file, ok := handle.(*fs.LoopbackFile)
	if !ok {
		return 0, syscall.EBADF
	}
	errno = n.alone(func() syscall.Errno {
		var now fuse.AttrOut
		if errno := file.Getattr(ctx, &now); errno != 0 {
			return errno
		}
		if !n.volume.take(offset + int64(len(data)) - int64(now.Size)) { //nolint:gosec // the size of a file
			return syscall.ENOSPC
		}
		written, errno = file.Write(ctx, data, offset)
		n.volume.wrote(n.id(), offset, int64(written))
		return errno
	})
	return written, errno
}

// Writev writes data that came in pieces.
func (n *node) Writev(ctx context.Context, handle fs.FileHandle, data [][]byte, offset int64) (written uint32, errno syscall.Errno) {
	for _, piece := range data {
		count, errno := n.Write(ctx, handle, piece, offset+int64(written))
		written += count
		if errno != 0 {
			return written, errno
		}
	}
	return written, 0
}

// Fsync makes the file's data durable and commits the journal if the file or
// directory has changed.
func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return n.alone(func() syscall.Errno {
		path, named := n.path()
		if !named {
			path = ""
		}
		if err := n.volume.sync(n.id(), path); err != nil {
			return syscall.EIO
		}
		return 0
	})
}

// Flush is what close waits for (the release comes when the kernel likes). A file
// that was emptied and written again is settled.
func (n *node) Flush(context.Context, fs.FileHandle) syscall.Errno {
	return n.alone(func() syscall.Errno {
		if _, emptied := n.volume.emptied[n.id()]; !emptied {
			return 0
		}
		delete(n.volume.emptied, n.id())
		path, named := n.path()
		if !named {
			return 0
		}
		return n.settle([]fileID{n.id()}, path)
	})
}

// Setattr changes the size, the mode and the owner.
func (n *node) Setattr(ctx context.Context, handle fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return n.alone(func() syscall.Errno {
		var before fuse.AttrOut
		if errno := n.Getattr(ctx, handle, &before); errno != 0 {
			return errno
		}
		if errno := n.LoopbackNode.Setattr(ctx, handle, in, out); errno != 0 {
			return errno
		}
		path, named := n.path()
		if size, ok := in.GetSize(); ok {
			if !named {
				path = ""
			}
			n.volume.resized(n.id(), path, int64(before.Size), int64(size)) //nolint:gosec // sizes of files
		}
		if named {
			n.changedOwner(path, in)
		}
		n.volume.touch(n.id())
		return 0
	})
}

func (n *node) changedOwner(path string, in *fuse.SetAttrIn) {
	if mode, ok := in.GetMode(); ok {
		n.volume.record(func(image string) error {
			return os.Chmod(filepath.Join(image, path), os.FileMode(mode&0o777))
		})
	}
	uid, newUser := in.GetUID()
	gid, newGroup := in.GetGID()
	if newUser || newGroup {
		n.volume.record(func(image string) error {
			return os.Lchown(filepath.Join(image, path), orKeep(uid, newUser), orKeep(gid, newGroup))
		})
	}
}

// orKeep is an owner for chown, whose -1 means that it stays.
func orKeep(owner uint32, changes bool) int {
	if !changes {
		return -1
	}
	return int(owner)
}

// Statfs tells how much room there is.
func (n *node) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	return n.alone(func() syscall.Errno {
		errno := n.LoopbackNode.Statfs(ctx, out)
		if room := n.volume.room; errno == 0 && room >= 0 && out.Bsize > 0 {
			out.Bavail = uint64(room) / uint64(out.Bsize)
			out.Bfree = out.Bavail
		}
		return errno
	})
}

// directory is an open directory, whose fsync is the node's.
type directory struct {
	entries
	node *node
}

type entries interface {
	fs.FileReaddirenter
	fs.FileSeekdirer
	fs.FileReleasedirer
}

// OpendirHandle opens a directory.
func (n *node) OpendirHandle(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	handle, fuseFlags, errno := n.LoopbackNode.OpendirHandle(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	opened, ok := handle.(entries)
	if !ok {
		return nil, 0, syscall.ENOTSUP
	}
	return &directory{entries: opened, node: n}, fuseFlags, 0
}

// Fsyncdir commits the journal if the directory has changed.
func (d *directory) Fsyncdir(ctx context.Context, flags uint32) syscall.Errno {
	return d.node.Fsync(ctx, d, flags)
}

// Mknod makes no devices here.
func (n *node) Mknod(context.Context, string, uint32, uint32, *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return nil, syscall.ENOTSUP
}

// Tmpfile makes no files without a name: they would have no place in the image.
func (n *node) Tmpfile(context.Context, uint32, uint32, *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	return nil, nil, 0, syscall.ENOTSUP
}

// Allocate reserves nothing: the caller writes zeros instead.
func (n *node) Allocate(context.Context, fs.FileHandle, uint64, uint64, uint32) syscall.Errno {
	return syscall.ENOTSUP
}

// CopyFileRange leaves the copying to the kernel, which reads and writes.
func (n *node) CopyFileRange(context.Context, fs.FileHandle, uint64, *fs.Inode, fs.FileHandle, uint64, uint64, uint64) (uint32, syscall.Errno) {
	return 0, syscall.ENOSYS
}
