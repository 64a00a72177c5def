//go:build !linux

package disk

import (
	"fmt"
	"io/fs"
	"runtime"
	"time"
)

// Available reports why no disk can be mounted here, nil if one can.
func Available() error {
	return fmt.Errorf("%w: mounted on Linux only, this is %s", ErrUnavailable, runtime.GOOS)
}

func mount(*volume, string) (func(patience time.Duration) error, error) { return nil, Available() }

func detach(string) {}

func keepOwner(string, fs.FileInfo) error { return nil }
