package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrUnavailable: no such disk can be had here. Available says why.
var ErrUnavailable = errors.New("no disk of our own")

// ErrMounted and ErrNotMounted: the disk is in the other state.
var (
	ErrMounted    = errors.New("the disk is mounted")
	ErrNotMounted = errors.New("the disk is not mounted")
)

// patience with those who use a disk that is to be unmounted.
const patience = 5 * time.Second

// Config of a disk.
type Config struct {
	// Commit is how often names and sizes become durable by the clock; 0 is
	// never, ext4's default is five seconds.
	Commit time.Duration
}

// Loss is what a power cut took.
type Loss struct {
	Names int   // changes of names and sizes: creates, renames, unlinks, truncates
	Files int   // files with data that was not synced
	Bytes int64 // of it
	Syncs int   // how often something was synced since the mount
}

// Disk is a directory with two states: what processes see, and what is durable.
type Disk struct {
	dir string
	cfg Config

	mu      sync.Mutex
	volume  *volume // nil while it is not mounted
	unmount func(patience time.Duration) error
	ticking chan struct{} // closed to end the commits by the clock
}

// New makes a disk in a directory of its own, or takes up the one that is there
// with what was durable of it. It is not mounted yet.
func New(dir string, cfg Config) (*Disk, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("making a disk: %w", err)
	}
	d := &Disk{dir: absolute, cfg: cfg}
	detach(d.Path()) // a mount whose server was killed
	for _, sub := range []string{d.Path(), d.Image()} {
		if err := os.MkdirAll(sub, 0o755); err != nil { //nolint:gosec // other users' processes may use it
			return nil, fmt.Errorf("making a disk: %w", err)
		}
	}
	return d, nil
}

// Path is where the disk is mounted.
func (d *Disk) Path() string { return filepath.Join(d.dir, "mount") }

// Image is a directory with what is durable. It may be changed while the disk is
// not mounted.
func (d *Disk) Image() string { return filepath.Join(d.dir, "image") }

// Live is a directory with what processes see while the disk is mounted. It is
// there to be read, without asking the file system that this process serves.
func (d *Disk) Live() string { return filepath.Join(d.dir, "live") }

// Mounted reports whether the disk is mounted.
func (d *Disk) Mounted() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.volume != nil
}

// Mount makes the durable content visible at Path. A disk that is not full
// before is not full now.
func (d *Disk) Mount() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.volume != nil {
		return fmt.Errorf("mounting the disk: %w", ErrMounted)
	}
	if err := replaceTree(d.Live(), d.Image()); err != nil {
		return fmt.Errorf("mounting the disk: %w", err)
	}
	volume := newVolume(d.Live(), d.Image())
	unmount, err := mount(volume, d.Path())
	if err != nil {
		return fmt.Errorf("mounting the disk: %w", err)
	}
	d.volume, d.unmount, d.ticking = volume, unmount, make(chan struct{})
	if d.cfg.Commit > 0 {
		go d.commitByTheClock(volume, d.ticking)
	}
	return nil
}

func (d *Disk) commitByTheClock(v *volume, end <-chan struct{}) {
	ticker := time.NewTicker(d.cfg.Commit)
	defer ticker.Stop()
	for {
		select {
		case <-end:
			return
		case <-ticker.C:
			v.mu.Lock()
			if !v.cut {
				_ = v.commit() // kept in v.failed
			}
			v.mu.Unlock()
		}
	}
}

// Unmount is the orderly end: everything becomes durable. It waits some seconds
// for those who still use the disk, and fails if they go on.
func (d *Disk) Unmount() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.volume == nil {
		return fmt.Errorf("unmounting the disk: %w", ErrNotMounted)
	}
	if err := d.end(false); err != nil {
		return fmt.Errorf("unmounting the disk: %w", err)
	}
	err := os.RemoveAll(d.Image())
	if err == nil {
		err = os.Rename(d.Live(), d.Image())
	}
	if err != nil {
		return fmt.Errorf("unmounting the disk: %w", err)
	}
	return nil
}

// Cut is the loss of power: only what is durable is left, and the disk is not
// mounted. Kill its users first, as the power would: one that runs on sees
// errors, which no machine without power reports.
func (d *Disk) Cut() (Loss, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.volume == nil {
		return Loss{}, fmt.Errorf("cutting the disk's power: %w", ErrNotMounted)
	}
	v := d.volume
	v.mu.Lock()
	v.cut = true
	loss, err := v.loss(), v.failed
	v.mu.Unlock()
	err = errors.Join(err, d.end(true), os.RemoveAll(d.Live()))
	if err != nil {
		return loss, fmt.Errorf("cutting the disk's power: %w", err)
	}
	return loss, nil
}

// end takes the mount away; by force it does so under those who still use it.
func (d *Disk) end(force bool) error {
	if force {
		if err := d.unmount(0); err != nil {
			detach(d.Path())
		}
	} else if err := d.unmount(patience); err != nil {
		return err
	}
	close(d.ticking)
	d.volume, d.unmount = nil, nil
	return nil
}

// Fill leaves the disk so many bytes by which files can grow; from then on
// writing answers ENOSPC. What is deleted makes room again.
func (d *Disk) Fill(room int64) error {
	if room < 0 {
		return fmt.Errorf("filling the disk: %d bytes of room", room)
	}
	return d.setRoom(room)
}

// Relieve ends the limit of Fill.
func (d *Disk) Relieve() error { return d.setRoom(-1) }

func (d *Disk) setRoom(room int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.volume == nil {
		return fmt.Errorf("setting the room on the disk: %w", ErrNotMounted)
	}
	d.volume.mu.Lock()
	defer d.volume.mu.Unlock()
	d.volume.room = room
	return nil
}
