package broker_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/broker"
)

const patience = 20 * time.Second

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func discard() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

func config(t *testing.T) broker.Config {
	t.Helper()
	return broker.Config{StoreDir: t.TempDir(), Log: discard()}
}

func start(t *testing.T, cfg broker.Config) *broker.Broker {
	t.Helper()
	b, err := broker.Start(within(t), cfg)
	require.NoError(t, err)
	return b
}

func TestABrokerWithoutNetwork(t *testing.T) {
	t.Parallel()
	b := start(t, config(t))
	require.Empty(t, b.ClientURL())
	require.Empty(t, b.MonitorURL())
	q, err := queue.Connect(t.Context(), queue.Config{InProcess: b, Log: discard()})
	require.NoError(t, err)
	require.NoError(t, q.Await(within(t)))
	_, err = q.EnsureStreams(within(t))
	require.NoError(t, err)
	q.Close()
	require.NoError(t, b.Stop())
}

func TestABrokerKeepsItsStreams(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.SyncAlways = true
	for round, want := range []queue.StreamAction{queue.StreamCreated, queue.StreamUnchanged} {
		b := start(t, cfg)
		q, err := queue.Connect(t.Context(), queue.Config{InProcess: b, Log: discard()})
		require.NoError(t, err)
		require.NoError(t, q.Await(within(t)))
		changes, err := q.EnsureStreams(within(t))
		require.NoError(t, err)
		for _, change := range changes {
			require.Equal(t, want, change.Action, "round %d: %s", round, change.Stream)
		}
		q.Close()
		require.NoError(t, b.Stop())
	}
}

func TestABrokerAnswersItsMonitoring(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.Listen, cfg.Monitor = "127.0.0.1:0", "127.0.0.1:0"
	b := start(t, cfg)
	defer func() { require.NoError(t, b.Stop()) }()
	require.NotEqual(t, strings.TrimPrefix(b.MonitorURL(), "http"), strings.TrimPrefix(b.ClientURL(), "nats"))
	request, err := http.NewRequestWithContext(within(t), http.MethodGet, b.MonitorURL()+"/healthz", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}

func TestAStoreBelongsToOneBroker(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	first := start(t, cfg)
	_, err := broker.Start(within(t), cfg)
	require.ErrorIs(t, err, broker.ErrStoreInUse)
	require.ErrorContains(t, err, "process ")
	require.ErrorContains(t, err, cfg.StoreDir)
	require.NoError(t, first.Stop())
	require.NoError(t, start(t, cfg).Stop())
}

// The lock ends with the process that held it, also when it is killed.
func TestALockEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	path := filepath.Join(cfg.StoreDir, "broker.lock")
	flock, err := exec.LookPath("flock")
	require.NoError(t, err, "this test needs flock of util-linux")
	holder := exec.Command(flock, path, "-c", "echo held; exec cat") //nolint:gosec // a test's own command
	in, err := holder.StdinPipe()
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	out, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	word := make([]byte, 5)
	_, err = io.ReadFull(out, word)
	require.NoError(t, err)

	_, err = broker.Start(within(t), cfg)
	require.ErrorIs(t, err, broker.ErrStoreInUse)
	require.NoError(t, in.Close())
	require.NoError(t, holder.Wait())
	require.NoError(t, start(t, cfg).Stop())
}

func TestStartNamesWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))

	for name, test := range map[string]struct {
		change func(*broker.Config)
		word   string
	}{
		"no store":           {func(c *broker.Config) { c.StoreDir = "" }, "store directory"},
		"no log":             {func(c *broker.Config) { c.Log = nil }, "log"},
		"store is a file":    {func(c *broker.Config) { c.StoreDir = file }, "not a directory"},
		"address taken":      {func(c *broker.Config) { c.Listen = taken.Addr().String() }, "address already in use"},
		"monitor taken":      {func(c *broker.Config) { c.Monitor = taken.Addr().String() }, "address already in use"},
		"address is nothing": {func(c *broker.Config) { c.Listen = "here" }, "listen address"},
		"port is a word":     {func(c *broker.Config) { c.Monitor = "127.0.0.1:http" }, "monitor address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			test.change(&cfg)
			began := time.Now()
			_, err := broker.Start(within(t), cfg)
			require.ErrorContains(t, err, test.word)
			require.Less(t, time.Since(began), 10*time.Second)
			if _, statErr := os.Stat(filepath.Join(cfg.StoreDir, "broker.lock")); statErr == nil {
				cfg = broker.Config{StoreDir: cfg.StoreDir, Log: discard()}
				require.NoError(t, start(t, cfg).Stop(), "a start that failed left the store locked")
			}
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := broker.Start(ctx, config(t))
	require.ErrorIs(t, err, context.Canceled)
}
