package aggregator

import (
	"errors"
	"fmt"
	"time"
)

// Config says how an aggregator works. Zero fields have the default beside them.
type Config struct {
	// Folders is how many results are handled at once (4).
	Folders int
	// Sweep is the pause between two sweeps (1 s).
	Sweep time.Duration
	// AnnounceAfter is how long an announcement may be missing before the sweep
	// makes it (5 s).
	AnnounceAfter time.Duration
	// Batch is how many runs or jobs one part of a sweep takes (200).
	Batch int
}

const (
	maxFolders = 64
	maxBatch   = 5000
)

// Validate names every mistake at once.
func (c Config) Validate() error {
	var errs []error
	if c.Folders < 0 || c.Folders > maxFolders {
		errs = append(errs, fmt.Errorf("the folders must be 1 to %d, not %d", maxFolders, c.Folders))
	}
	if c.Batch < 0 || c.Batch > maxBatch {
		errs = append(errs, fmt.Errorf("the batch must be 1 to %d, not %d", maxBatch, c.Batch))
	}
	if c.Sweep < 0 || c.AnnounceAfter < 0 {
		errs = append(errs, errors.New("an interval must be positive"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Folders == 0 {
		c.Folders = 4
	}
	if c.Sweep == 0 {
		c.Sweep = time.Second
	}
	if c.AnnounceAfter == 0 {
		c.AnnounceAfter = 5 * time.Second
	}
	if c.Batch == 0 {
		c.Batch = 200
	}
	return c
}
