//go:build !linux

package databases

// DiskAvailable names what is missing for SmallDisk.
func DiskAvailable() error { return ErrNoDisk }

func mount(string, int64) error { return ErrNoDisk }
func unmount(string) error      { return ErrNoDisk }
func fill(string) error         { return ErrNoDisk }
