package up

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

// TestWorkersGetWhatTheyNeed: secrets by environment and file, never by argument,
// and none that they have no use for.
func TestWorkersGetWhatTheyNeed(t *testing.T) {
	t.Parallel()
	cfg := Config{Workers: 2, Environ: []string{
		"PATH=/bin", "BYBIT_API_SECRET=word-1", "ALPHAPULSE_TOKEN=word-2", "ALPHAPULSE_HEALTH=:1", "DATABASE_URL=word-3",
		"ALPHAPULSE_EGRESS=office",
	}}
	at := connection{database: "postgres://u:word-4@h/d", nats: "nats://h"}
	w, err := newWorkers(cfg, at, "/data/vault.key", &dataDir{path: "/data"}, &terminal{}, queuetest.Discard())
	require.NoError(t, err)
	defer w.closePipe()
	require.ElementsMatch(t, []string{
		"PATH=/bin", "ALPHAPULSE_EGRESS=office", "DATABASE_URL=postgres://u:word-4@h/d", "NATS_URL=nats://h",
		"ALPHAPULSE_VAULT_KEY_FILE=/data/vault.key",
	}, w.environ)
	args := strings.Join(w.args("orders-1", "orders"), " ")
	require.NotContains(t, args, "word")
	require.Contains(t, args, "--requests-per-second 96", "one budget, which all of them share")

	cfg.Environ = []string{"ALPHAPULSE_VAULT_KEY=word-5"}
	own, err := newWorkers(cfg, at, "", &dataDir{path: "/data"}, &terminal{}, queuetest.Discard())
	require.NoError(t, err)
	defer own.closePipe()
	require.Contains(t, own.environ, "ALPHAPULSE_VAULT_KEY=word-5")
}

func TestTailKeepsTheEnd(t *testing.T) {
	t.Parallel()
	words := &tail{}
	for range 1000 {
		_, err := words.Write([]byte("a line of thirty characters\n"))
		require.NoError(t, err)
	}
	_, err := words.Write([]byte("panic: out of range\n\ngoroutine 1 [running]:\n"))
	require.NoError(t, err)
	require.LessOrEqual(t, len(words.String()), maxTail)
	require.Equal(t, "panic: out of range", words.lastLine())
}
