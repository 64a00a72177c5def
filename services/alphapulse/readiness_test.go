package main

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// While the database is away a worker is alive and not ready, says so for each
// of its pools, and is ready again by itself.
func TestReadinessFollowsTheDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, nil)
	require.NoError(t, postgres.Migrate(t.Context(), server.URL(), nil))
	broker := queuetest.New(t)
	keys, health := t.TempDir(), queuetest.FreeAddress(t)
	require.NoError(t, vault.GenerateKeys(keys))
	_, err := broker.Queue().EnsureStreams(t.Context())
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	stopped, stderr := make(chan int, 1), &screen{}
	go func() {
		p := program{
			environ: []string{
				"DATABASE_URL=" + server.URL(), "NATS_URL=" + broker.URL(),
				"ALPHAPULSE_VAULT_KEY_FILE=" + filepath.Join(keys, vault.PrivateKeyFile),
			},
			stdin: strings.NewReader(""), stdout: io.Discard, stderr: stderr, args: []string{"worker", "--health", health},
		}
		stopped <- p.run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		require.Zero(t, <-stopped, stderr.String())
	})
	ask := func(path string) (int, string) {
		response, err := http.Get("http://" + health + path)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}
	become := func(status int, words ...string) {
		t.Helper()
		var body string
		require.Eventually(t, func() bool {
			var got int
			got, body = ask("/readyz")
			for _, word := range words {
				if !strings.Contains(body, word) {
					return false
				}
			}
			return got == status
		}, upPatience, 20*time.Millisecond, "the last answer: %s", body)
	}
	become(http.StatusOK, `"postgres"`, `"postgres-writes"`)
	server.Stop()
	become(http.StatusServiceUnavailable, `pool \"claims\": ALERT: fails its checks since`, `pool \"writes\": ALERT`)
	status, _ := ask("/livez")
	require.Equal(t, http.StatusOK, status, "a restart would not help")
	server.Start()
	back := time.Now()
	become(http.StatusOK)
	t.Logf("ready %s after the return of the server", time.Since(back).Round(time.Millisecond))
	require.Less(t, time.Since(back), 5*time.Second)
}
