package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// fileID tells files apart, also when one gets the number of one that is gone.
type fileID struct{ inode, generation uint64 }

// extent is a part of a file, from one byte up to another.
type extent struct{ from, to int64 }

// change is one entry of the journal: what is done to the image when it commits.
type change func(image string) error

// volume knows what of the live directory is not yet in the image. Its methods
// want mu held, for the whole operation that they account for.
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

// record notes a change of names or sizes and the files that it touches.
func (v *volume) record(c change, touched ...fileID) {
	v.journal = append(v.journal, c)
	v.touch(touched...)
}

func (v *volume) touch(files ...fileID) {
	for _, file := range files {
		v.touched[file] = struct{}{}
	}
}

// wrote notes data that is only live.
func (v *volume) wrote(file fileID, offset, count int64) {
	if count <= 0 {
		return
	}
	part, known := v.unsynced[file]
	if !known {
		part = extent{offset, offset + count}
	}
	v.unsynced[file] = extent{min(part.from, offset), max(part.to, offset+count)}
	v.touch(file)
}

// resized notes a truncation. The data behind the new end needs no sync any more.
func (v *volume) resized(file fileID, path string, from, to int64) {
	if path != "" {
		v.record(func(image string) error { return os.Truncate(filepath.Join(image, path), to) }, file)
	}
	if part, known := v.unsynced[file]; known {
		part.to = min(part.to, to)
		v.unsynced[file] = part
		if part.from >= part.to {
			delete(v.unsynced, file)
		}
	}
	if to == 0 && from > 0 {
		v.emptied[file] = struct{}{}
	}
	v.give(from - to)
}

// forget drops what is known of a file that has lost its last name.
func (v *volume) forget(file fileID) {
	delete(v.touched, file)
	delete(v.unsynced, file)
	delete(v.emptied, file)
}

// settle puts a file's data, as it is now, into the journal.
func (v *volume) settle(file fileID, path string) error {
	part, known := v.unsynced[file]
	if !known || path == "" {
		return nil
	}
	data, err := readPart(filepath.Join(v.live, path), part)
	if err != nil {
		return err
	}
	delete(v.unsynced, file)
	v.record(func(image string) error { return writePart(filepath.Join(image, path), part.from, data) }, file)
	return nil
}

// sync is fsync of a file or directory; path is empty if it has no name any more.
func (v *volume) sync(file fileID, path string) error {
	v.syncs++
	if _, changed := v.touched[file]; changed {
		if err := v.commit(); err != nil {
			return err
		}
	}
	part, known := v.unsynced[file]
	if !known || path == "" {
		return nil
	}
	data, err := readPart(filepath.Join(v.live, path), part)
	if err == nil {
		err = writePart(filepath.Join(v.image, path), part.from, data)
	}
	if err != nil {
		return v.fail(err)
	}
	delete(v.unsynced, file)
	return nil
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

// take claims room to grow, or reports that there is none.
func (v *volume) take(bytes int64) bool {
	if bytes <= 0 || v.room < 0 {
		return true
	}
	if bytes > v.room {
		return false
	}
	v.room -= bytes
	return true
}

func (v *volume) give(bytes int64) {
	if v.room >= 0 && bytes > 0 {
		v.room += bytes
	}
}

// loss is what a cut at this moment forgets.
func (v *volume) loss() Loss {
	loss := Loss{Names: len(v.journal), Files: len(v.unsynced), Syncs: v.syncs}
	for _, part := range v.unsynced {
		loss.Bytes += part.to - part.from
	}
	return loss
}

func readPart(path string, part extent) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // a file of the live directory
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data := make([]byte, part.to-part.from)
	n, err := file.ReadAt(data, part.from)
	if errors.Is(err, io.EOF) {
		err = nil // shorter than it once was
	}
	return data[:n], err
}

func writePart(path string, offset int64, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0) //nolint:gosec // a file of the image
	if err != nil {
		return err
	}
	_, err = file.WriteAt(data, offset)
	return errors.Join(err, file.Close())
}
