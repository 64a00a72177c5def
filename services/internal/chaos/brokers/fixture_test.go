package brokers_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/brokers"
	"github.com/alphapulse/alphapulse/services/internal/chaos/disk"
)

// patience bounds what has no other bound in a test.
const patience = 60 * time.Second

// stream of the product, whose blocks a bit is flipped in.
const stream = "SYNC_JOBS"

func TestMain(m *testing.M) {
	if brokers.RunIfChild() {
		return
	}
	os.Exit(m.Run())
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// start runs a broker that ends with the test; where the test fails, the
// broker's log is shown.
func start(t *testing.T, cfg brokers.Config) *brokers.Server {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	s, err := brokers.Start(within(t), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		if t.Failed() {
			log, err := os.ReadFile(s.Process().Log())
			t.Logf("%s%v", log, err)
		}
	})
	return s
}

// powered is a disk of its own; where there can be none, the test does not run.
func powered(t *testing.T) *disk.Disk {
	t.Helper()
	if err := disk.Available(); err != nil {
		if os.Getenv("STRICT") == "1" {
			t.Fatalf("not run: %v", err)
		}
		t.Skipf("not run: %v", err)
	}
	d, err := disk.New(t.TempDir(), disk.Config{})
	require.NoError(t, err)
	return d
}

// connect is a client of its own.
func connect(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.Timeout(patience))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	return js
}

// withStream makes the stream, as often as it takes: a question that reaches a
// cluster in the midst of an election is never answered.
func withStream(t *testing.T, url string, replicas int) jetstream.JetStream {
	t.Helper()
	js := connect(t, url)
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{
			Name: stream, Subjects: []string{"sync.job.>"}, Duplicates: time.Minute, Replicas: replicas,
		})
		return err == nil
	}, patience, 50*time.Millisecond)
	return js
}

// publish publishes messages one after the other, each acknowledged. It is
// patient: the servers of a cluster hear one by one that there is a stream.
func publish(t *testing.T, js jetstream.JetStream, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		_, err := js.Publish(within(t), "sync.job.test", []byte(body(i)), jetstream.WithMsgID(body(i)), jetstream.WithRetryAttempts(100))
		require.NoError(t, err)
	}
}

// publishEventually publishes one message, as often as it takes.
func publishEventually(t *testing.T, js jetstream.JetStream, i int) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := js.Publish(ctx, "sync.job.test", []byte(body(i)), jetstream.WithMsgID(body(i)))
		return err == nil
	}, patience, 50*time.Millisecond)
}

func body(i int) string { return fmt.Sprintf("message %08d", i) }

// stored is the messages of the stream, read one by one; none if there is no stream.
func stored(t *testing.T, url string) map[string]bool {
	t.Helper()
	js := connect(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	require.NoError(t, err)
	found := map[string]bool{}
	for sequence := uint64(1); sequence <= s.CachedInfo().State.LastSeq; sequence++ {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // a damaged one is not answered for
		message, err := s.GetMsg(ctx, sequence)
		cancel()
		if err == nil {
			found[string(message.Data)] = true
		}
	}
	return found
}

// requireStored fails unless all messages up to one are there.
func requireStored(t *testing.T, url string, to int) {
	t.Helper()
	found := stored(t, url)
	for i := range to {
		require.Contains(t, found, body(i), "acknowledged and lost")
	}
}
