package disk

import (
	"errors"
	"fmt"
	"sync"
)

// fileID is a file's number and generation: it tells files apart, also when one
// gets the number of one that is gone.
type fileID [2]uint64

// extent is a part of a file, from one byte up to another.
type extent struct{ from, to int64 }

// change is one entry of the journal: what is done to the image when it commits.
type change func(image string) error

// volume knows what of the live directory is not yet in the image. Its methods,
// most of them in account_linux.go, want mu held for the whole operation that
// they account for.
type volume struct {
	live, image string

	mu       sync.Mutex
	cut      bool // the power is gone: nothing can be done any more
	journal  []change
	touched  map[fileID]struct{} // changed since the last commit
	unsynced map[fileID]extent   // covers all data that is not in the image
	emptied  map[fileID]struct{} // truncated to nothing and still open
	room     int64               // by how much files may grow; negative: without limit
	syncs    int
	failed   error // of the image, which then is worth nothing
}

func newVolume(live, image string) *volume {
	return &volume{
		live: live, image: image, room: -1,
		touched: map[fileID]struct{}{}, unsynced: map[fileID]extent{}, emptied: map[fileID]struct{}{},
	}
}

// commit makes all names and sizes durable.
func (v *volume) commit() error {
	for _, apply := range v.journal {
		if err := apply(v.image); err != nil {
			return v.fail(err)
		}
	}
	v.journal = nil
	clear(v.touched)
	return nil
}

func (v *volume) fail(err error) error {
	v.failed = errors.Join(v.failed, fmt.Errorf("keeping what is durable: %w", err))
	return v.failed
}

// loss is what a cut at this moment forgets.
func (v *volume) loss() Loss {
	loss := Loss{Names: len(v.journal), Files: len(v.unsynced), Syncs: v.syncs}
	for _, part := range v.unsynced {
		loss.Bytes += part.to - part.from
	}
	return loss
}
