package brokers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/alphapulse/alphapulse/services/internal/process"
)

// ErrNothingToFlip: the stream has no message block with a byte in it.
var ErrNothingToFlip = errors.New("the stream has no message blocks")

// Copy is a store as it once was.
type Copy struct{ dir string }

// Flip is where a bit was turned over.
type Flip struct {
	File   string // below the store
	Offset int64
	Bit    uint
}

// offline does something to the files of a store that nobody uses.
func (s *Server) offline(what string, do func(dir string) error) error {
	if s.Running() {
		return fmt.Errorf("%s of broker %s: %w", what, s.cfg.Name, process.ErrRunning)
	}
	dir := s.store()
	if s.cfg.Disk != nil {
		dir = s.cfg.Disk.Image()
		if s.cfg.Disk.Mounted() {
			if err := s.cfg.Disk.Unmount(); err != nil {
				return fmt.Errorf("%s of broker %s: %w", what, s.cfg.Name, err)
			}
		}
	}
	if err := do(dir); err != nil {
		return fmt.Errorf("%s of broker %s: %w", what, s.cfg.Name, err)
	}
	return nil
}

// Wipe empties the store of a server that does not run.
func (s *Server) Wipe() error { return s.offline("wiping the store", clearDir) }

// Save copies the store into a new directory. A running server stands still
// meanwhile, so that the copy is what a kill at that moment would leave.
func (s *Server) Save(ctx context.Context, to string) (Copy, error) {
	if !s.Running() {
		return Copy{to}, s.offline("saving the store", func(dir string) error { return os.CopyFS(to, os.DirFS(dir)) })
	}
	if err := s.Pause(ctx); err != nil {
		return Copy{}, fmt.Errorf("saving the store of broker %s: %w", s.cfg.Name, err)
	}
	from := s.store()
	if s.cfg.Disk != nil {
		from = s.cfg.Disk.Live()
	}
	err := errors.Join(os.CopyFS(to, os.DirFS(from)), s.Continue())
	if err != nil {
		return Copy{}, fmt.Errorf("saving the store of broker %s: %w", s.cfg.Name, err)
	}
	return Copy{to}, nil
}

// Restore puts a copy in the place of the store of a server that does not run.
func (s *Server) Restore(older Copy) error {
	return s.offline("restoring the store", func(dir string) error {
		if err := clearDir(dir); err != nil {
			return err
		}
		return os.CopyFS(dir, os.DirFS(older.dir))
	})
}

// FlipBit turns over one bit in a message block of a stream of a server that
// does not run; the seed decides which.
func (s *Server) FlipBit(stream string, seed uint64) (Flip, error) {
	var flip Flip
	err := s.offline("flipping a bit in the store", func(dir string) error {
		blocks, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", stream, "msgs", "*.blk"))
		if err != nil {
			return err
		}
		path, offset, bit, err := pickBit(blocks, rand.New(rand.NewPCG(seed, 0))) //nolint:gosec // repeatable, no secret
		if err != nil {
			return err
		}
		file, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		flip = Flip{File: file, Offset: offset, Bit: bit}
		return turn(path, offset, bit)
	})
	return flip, err
}

// pickBit chooses among all bits of all files, each as likely as the others.
func pickBit(files []string, random *rand.Rand) (path string, offset int64, bit uint, err error) {
	sizes := make([]int64, len(files))
	var total int64
	for i, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return "", 0, 0, err
		}
		sizes[i] = info.Size()
		total += info.Size()
	}
	if total == 0 {
		return "", 0, 0, ErrNothingToFlip
	}
	offset, bit = random.Int64N(total), uint(random.IntN(8)) //nolint:gosec // below eight
	for i, file := range files {
		if offset < sizes[i] {
			return file, offset, bit, nil
		}
		offset -= sizes[i]
	}
	return "", 0, 0, ErrNothingToFlip
}

func turn(path string, offset int64, bit uint) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // a block of the store
	if err != nil {
		return err
	}
	var data [1]byte
	_, err = file.ReadAt(data[:], offset)
	if err == nil {
		data[0] ^= 1 << bit
		_, err = file.WriteAt(data[:], offset)
	}
	return errors.Join(err, file.Close())
}

// FillDisk leaves so many bytes by which the store can grow. Without a Disk it
// is the nearest fault that needs no privilege: no file of this and the next
// lives, the log among them, may end beyond so many bytes.
//
// A stream whose write has failed is frozen and answers no publish until the
// server's next life, also when there is room again; Healthy tells.
func (s *Server) FillDisk(room int64) error {
	if s.cfg.Disk != nil {
		return s.cfg.Disk.Fill(room)
	}
	ceiling := uint64(max(room, 0)) //nolint:gosec // not negative
	return s.limit(&ceiling)
}

// RelieveDisk ends FillDisk.
func (s *Server) RelieveDisk() error {
	if s.cfg.Disk != nil {
		return s.cfg.Disk.Relieve()
	}
	return s.limit(nil)
}

func (s *Server) limit(ceiling *uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ceiling = ceiling
	if s.process == nil || s.process.PID() == 0 {
		return nil
	}
	if err := limitFiles(s.process.PID(), ceiling); err != nil {
		return fmt.Errorf("limiting the files of broker %s: %w", s.cfg.Name, err)
	}
	return nil
}

func clearDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
