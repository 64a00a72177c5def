package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

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
