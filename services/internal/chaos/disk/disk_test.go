package disk_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/disk"
)

// mounted is a disk for one test; where there can be none, the test does not run.
func mounted(t *testing.T, cfg disk.Config) *disk.Disk {
	t.Helper()
	if err := disk.Available(); err != nil {
		if os.Getenv("STRICT") == "1" {
			t.Fatalf("not run: %v", err)
		}
		t.Skipf("not run: %v", err)
	}
	d, err := disk.New(t.TempDir(), cfg)
	require.NoError(t, err)
	require.NoError(t, d.Mount())
	t.Cleanup(func() {
		if !d.Mounted() {
			return
		}
		if t.Failed() {
			_, _ = d.Cut()
			return
		}
		require.NoError(t, d.Unmount())
	})
	return d
}

// open opens a file that is closed with the test at the latest: a process that
// ends with a file open on a disk that it serves itself waits for itself.
func open(t *testing.T, path string, flags int) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, flags, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func at(d *disk.Disk, name string) string { return filepath.Join(d.Path(), name) }

// write writes a whole file without a sync.
func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

func appendTo(t *testing.T, path, content string, sync bool) {
	t.Helper()
	file := open(t, path, os.O_CREATE|os.O_APPEND|os.O_WRONLY)
	_, err := file.WriteString(content)
	require.NoError(t, err)
	if sync {
		require.NoError(t, file.Sync())
	}
	require.NoError(t, file.Close())
}

func syncDir(t *testing.T, path string) {
	t.Helper()
	dir := open(t, path, os.O_RDONLY)
	require.NoError(t, dir.Sync())
	require.NoError(t, dir.Close())
}

// survivors is what a cut leaves: each file with its content.
func survivors(t *testing.T, d *disk.Disk) map[string]string {
	t.Helper()
	_, err := d.Cut()
	require.NoError(t, err)
	require.NoError(t, d.Mount())
	left := map[string]string{}
	require.NoError(t, filepath.WalkDir(d.Path(), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		left[path[len(d.Path())+1:]] = string(content)
		return err
	}))
	return left
}

func TestACutForgetsWhatWasNotSynced(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{})
	require.NoError(t, os.Mkdir(at(d, "dir"), 0o700))
	write(t, at(d, "dir/file"), "never synced")
	content, err := os.ReadFile(at(d, "dir/file"))
	require.NoError(t, err)
	require.Equal(t, "never synced", string(content), "everybody sees what is written")
	loss, err := d.Cut()
	require.NoError(t, err)
	require.Equal(t, disk.Loss{Names: 2, Files: 1, Bytes: 12}, loss)
	require.NoError(t, d.Mount())
	entries, err := os.ReadDir(d.Path())
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestAnUnmountForgetsNothing(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{})
	write(t, at(d, "file"), "never synced")
	require.NoError(t, d.Unmount())
	require.NoError(t, d.Mount())
	require.Equal(t, map[string]string{"file": "never synced"}, survivors(t, d))
}

func TestASyncKeepsTheFileAndAllNames(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{})
	require.NoError(t, os.Mkdir(at(d, "dir"), 0o700))
	write(t, at(d, "dir/other"), "data that nobody synced")
	appendTo(t, at(d, "file"), "one,", true)
	appendTo(t, at(d, "file"), "two,", true)
	appendTo(t, at(d, "file"), "three", false)
	require.Equal(t, map[string]string{"file": "one,two,", "dir/other": ""}, survivors(t, d))
}

func TestASyncOfADirectoryKeepsNamesWithoutData(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{})
	write(t, at(d, "old"), "data")
	require.NoError(t, os.Rename(at(d, "old"), at(d, "new")))
	write(t, at(d, "gone"), "data")
	require.NoError(t, os.Remove(at(d, "gone")))
	syncDir(t, d.Path())
	require.Equal(t, map[string]string{"new": ""}, survivors(t, d))
}

func TestAFileThatDidNotChangeCommitsNothing(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{})
	appendTo(t, at(d, "file"), "kept", true)
	write(t, at(d, "other"), "")
	file := open(t, at(d, "file"), os.O_RDONLY)
	require.NoError(t, file.Sync())
	require.NoError(t, file.Close())
	require.Equal(t, map[string]string{"file": "kept"}, survivors(t, d))
}

func TestWritingWithSync(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{})
	file := open(t, at(d, "file"), os.O_CREATE|os.O_WRONLY|os.O_SYNC)
	_, err := file.WriteString("synced by the flag")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.Equal(t, map[string]string{"file": "synced by the flag"}, survivors(t, d))
}

func TestAReplacedFileIsTheOldOrTheNewOne(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{})
	appendTo(t, at(d, "file"), "old", true)
	write(t, at(d, "copy"), "new")
	require.NoError(t, os.Rename(at(d, "copy"), at(d, "file")))
	require.Equal(t, map[string]string{"file": "old"}, survivors(t, d), "no commit since")

	write(t, at(d, "copy"), "new")
	require.NoError(t, os.Rename(at(d, "copy"), at(d, "file")))
	syncDir(t, d.Path())
	require.Equal(t, map[string]string{"file": "new"}, survivors(t, d), "the commit writes what replaces a file")
}

func TestAFileIsEmptiedAndWrittenAgain(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{})
	appendTo(t, at(d, "file"), "old", true)
	file := open(t, at(d, "file"), os.O_TRUNC|os.O_WRONLY)
	_, err := file.WriteString("new, and longer")
	require.NoError(t, err)
	appendTo(t, at(d, "other"), "", true)
	durable, err := os.ReadFile(filepath.Join(d.Image(), "file"))
	require.NoError(t, err)
	require.Empty(t, durable, "while it is open, the commit knows the truncation alone")
	require.NoError(t, file.Close())
	write(t, at(d, "news"), "")
	syncDir(t, d.Path())
	require.Equal(t, map[string]string{"file": "new, and longer", "other": "", "news": ""}, survivors(t, d))
}

func TestNamesAreKeptByTheClock(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{Commit: 10 * time.Millisecond})
	write(t, at(d, "file"), "data")
	require.Eventually(t, func() bool {
		info, err := os.Stat(filepath.Join(d.Image(), "file"))
		return err == nil && info.Size() == 0
	}, 20*time.Second, 5*time.Millisecond)
	require.Equal(t, map[string]string{"file": ""}, survivors(t, d))
}

func TestAFullDisk(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{})
	write(t, at(d, "ballast"), "12345678")
	write(t, at(d, "file"), "abcd")
	require.NoError(t, d.Fill(4))
	file := open(t, at(d, "file"), os.O_RDWR)
	_, err := file.WriteAt([]byte("ABCDEFGH"), 0)
	require.NoError(t, err, "in place and into the room that is left")
	_, err = file.WriteAt([]byte("I"), 8)
	require.ErrorIs(t, err, syscall.ENOSPC)
	_, err = file.WriteAt([]byte("abcdefgh"), 0)
	require.NoError(t, err, "what is there can be overwritten")
	require.NoError(t, os.Remove(at(d, "ballast")))
	_, err = file.WriteAt([]byte("12345678"), 8)
	require.NoError(t, err, "a file that is gone makes room")
	_, err = file.WriteAt([]byte("9"), 16)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, d.Relieve())
	_, err = file.WriteAt([]byte("9"), 16)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func TestADiskInTheOtherState(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{})
	require.ErrorIs(t, d.Mount(), disk.ErrMounted)
	require.NoError(t, d.Unmount())
	require.ErrorIs(t, d.Unmount(), disk.ErrNotMounted)
	require.ErrorIs(t, d.Fill(1), disk.ErrNotMounted)
	_, err := d.Cut()
	require.ErrorIs(t, err, disk.ErrNotMounted)
}

func TestAFileInUseKeepsADiskMounted(t *testing.T) {
	t.Parallel()
	d := mounted(t, disk.Config{})
	file := open(t, at(d, "file"), os.O_CREATE|os.O_WRONLY)
	require.Error(t, d.Unmount())
	_, err := d.Cut()
	require.NoError(t, err, "the power asks nobody")
	_, err = file.WriteString("late")
	require.Error(t, err)
}
