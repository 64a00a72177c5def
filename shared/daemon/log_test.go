package daemon_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

func TestLinesCarryTheIdentity(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer

	log, err := daemon.Logger("worker", "balances-1", "", "", &out)
	require.NoError(t, err)

	kiribati := time.FixedZone("far east", 14*60*60)
	log.WithTime(time.Date(2026, 3, 1, 2, 0, 0, 5, kiribati)).WithField("run_id", "r").Info("a <message>")
	log.Debug("not at this level")

	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line), "one line, and nothing below level info")
	require.Equal(t, map[string]any{
		"service": "worker", "worker": "balances-1", "pid": float64(os.Getpid()), "run_id": "r",
		"level": "info", "msg": "a <message>", "time": "2026-02-28T12:00:00.000000005Z",
	}, line)
	require.Contains(t, out.String(), "a <message>")
}

func TestTextLog(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer

	log, err := daemon.Logger("api", "", "warning", "text", &out)
	require.NoError(t, err)
	log.Info("not at this level")
	log.Warn("careful")
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
	require.Contains(t, out.String(), "msg=careful")
	require.Contains(t, out.String(), "service=api")
	require.Contains(t, out.String(), "Z\" ")
	require.NotContains(t, out.String(), "worker=")
}

func TestLogRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()

	_, err := daemon.Logger("s", "", "loud", "", nil)
	require.ErrorContains(t, err, `"loud" is not one of trace`)

	_, err = daemon.Logger("s", "", "", "xml", nil)
	require.ErrorContains(t, err, `"xml" is not one of json, text`)
}

func TestLogFile(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "logs", "worker.log")

	log, closer, err := daemon.Log{Service: "worker", File: path, MaxMegabytes: 1, MaxBackups: 2}.Open()
	require.NoError(t, err)

	status, err := os.Stat(path)
	require.NoError(t, err, "the file is there before the first line")
	require.Equal(t, os.FileMode(0o600), status.Mode())

	filler := strings.Repeat("x", 100<<10)
	for range 35 {
		log.Info(filler)
	}

	require.NoError(t, closer.Close())

	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 2, "3.5 MB do not fit one file")

	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(1<<20))
		require.Equal(t, os.FileMode(0o600), info.Mode())
	}
}

func TestLogFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()

	occupied := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(occupied, nil, 0o600))

	for name, path := range map[string]string{
		"its directory is a file": filepath.Join(occupied, "worker.log"),
		"it is a directory":       filepath.Dir(occupied),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, _, err := daemon.Log{Service: "worker", File: path}.Open()
			require.ErrorContains(t, err, "log")
			require.ErrorContains(t, err, filepath.Dir(occupied))
		})
	}
}
