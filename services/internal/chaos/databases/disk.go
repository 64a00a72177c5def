package databases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/jackc/pgx/v5"
)

// ErrNoDisk: this process may not mount a file system.
var ErrNoDisk = errors.New("a small disk needs the right to mount a tmpfs (Linux, root with CAP_SYS_ADMIN)")

// Disk is a small file system of its own that holds a tablespace. When it is
// full, whoever needs another page there gets 53100; the log of the database
// and the rest of its files are elsewhere, so that the server lives on. It may
// neither stop in order nor recover from a kill while the disk is full, since
// both can need space: Free it before.
type Disk struct {
	server     *Server
	path       string
	tablespace string

	mu     sync.Mutex
	before int  // errors logged before the disk was filled
	filled bool // at least once
}

const (
	diskFull    = "53100"
	ballastFile = "ballast"
	dataBelow   = "data" // the tablespace's directory on the disk
)

// SmallDisk mounts a file system of some size beside the server's data
// directory and makes a tablespace on it, for databases and tables that are to
// meet its end: `CREATE DATABASE d TABLESPACE t`. ErrNoDisk names what this
// process lacks.
func (s *Server) SmallDisk(ctx context.Context, tablespace string, size int64) (*Disk, error) {
	d := &Disk{server: s, path: s.cfg.Dir + ".disk-" + tablespace, tablespace: tablespace}
	if err := mount(d.path, size); err != nil {
		return nil, err
	}
	err := d.hand(dataBelow)
	if err == nil {
		err = s.Exec(ctx, superuser, "CREATE TABLESPACE "+pgx.Identifier{tablespace}.Sanitize()+
			" LOCATION '"+d.location()+"'")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making tablespace %s: %w", tablespace, err), unmount(d.path))
	}
	return d, nil
}

func (d *Disk) location() string { return filepath.Join(d.path, dataBelow) }

// hand makes a directory on the disk for the server's user.
func (d *Disk) hand(name string) error {
	dir := filepath.Join(d.path, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return d.server.own(dir)
}

// Fill leaves no byte free. A checkpoint goes before it, since Postgres counts
// on space that it has not taken yet: without one, checkpoints would fail too.
func (d *Disk) Fill(ctx context.Context) error {
	if err := d.server.Exec(ctx, superuser, "CHECKPOINT"); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.filled {
		before, err := d.refusals()
		if err != nil {
			return err
		}
		d.before, d.filled = before, true
	}
	if err := fill(filepath.Join(d.path, ballastFile)); err != nil {
		return fmt.Errorf("filling the disk of tablespace %s: %w", d.tablespace, err)
	}
	return nil
}

// Free gives the space back that Fill took.
func (d *Disk) Free() error {
	err := os.Remove(filepath.Join(d.path, ballastFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("freeing the disk of tablespace %s: %w", d.tablespace, err)
	}
	return nil
}

// refusals of clients: the server's own processes have no name.
func (d *Disk) refusals() (int, error) { return d.server.Logged(diskFull, regexp.MustCompile(".")) }

// Struck is how often the server has told a client that the disk is full since it
// was filled first.
func (d *Disk) Struck() (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.filled {
		return 0, nil
	}
	n, err := d.refusals()
	return n - d.before, err
}

// Close takes the disk away, with all that is on it. The server must have ended
// or use it no longer.
func (d *Disk) Close() error {
	if err := unmount(d.path); err != nil {
		return fmt.Errorf("taking the disk of tablespace %s away: %w", d.tablespace, err)
	}
	return nil
}

// own hands a path to the user that the server runs as.
func (s *Server) own(path string) error {
	as := s.programs.Credential
	if as == nil {
		return nil
	}
	return os.Chown(path, int(as.Uid), int(as.Gid))
}
