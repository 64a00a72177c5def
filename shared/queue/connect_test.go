package queue_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/broker"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func TestConnectNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := queue.Connect(t.Context(), queue.Config{
		TokenFile: "a", CredentialsFile: "b",
		Limits: queue.Limits{Replicas: 9, JobsBytes: -1, MaxAckPending: -2},
	})
	require.ErrorIs(t, err, queue.ErrInvalid)
	for _, word := range []string{"NATS_URL", "log", "only one of", "replicas is 9", "jobs stream is -1", "max ack pending is -2"} {
		require.ErrorContains(t, err, word)
	}
}

func TestConnectRefusesFilesThatAreNotThere(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	for _, cfg := range []queue.Config{{TokenFile: missing}, {CredentialsFile: missing}, {NKeySeedFile: missing}, {CAFile: missing}} {
		cfg.URL, cfg.Log = "nats://127.0.0.1:1", queuetest.Discard()
		_, err := queue.Connect(t.Context(), cfg)
		require.ErrorIs(t, err, os.ErrNotExist)
	}
}

func TestConnectBeforeTheBrokerIsThere(t *testing.T) {
	t.Parallel()
	address := queuetest.FreeAddress(t)
	q, err := queue.Connect(t.Context(), queue.Config{URL: "nats://" + address, Log: queuetest.Discard()})
	require.NoError(t, err)
	defer q.Close()
	require.ErrorIs(t, q.Ready(within(t, patience)), queue.ErrUnreachable)
	require.ErrorIs(t, q.Await(within(t, 200*ms)), queue.ErrUnreachable)

	b, err := broker.Start(within(t, patience), broker.Config{StoreDir: t.TempDir(), Listen: address, Log: queuetest.Discard()})
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Stop()) }()
	require.NoError(t, q.Await(within(t, patience)))
}

func TestConnectWithAToken(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(within(t, patience), broker.Config{
		StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Token: "opensesame", Log: queuetest.Discard(),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Stop()) }()
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("wrong\n"), 0o600))
	var log lines
	q, err := queue.Connect(t.Context(), queue.Config{URL: b.ClientURL(), TokenFile: file, Log: log.entry()})
	require.NoError(t, err)
	defer q.Close()
	require.ErrorContains(t, q.Await(within(t, 2*time.Second)), "uthorization")

	require.NoError(t, os.WriteFile(file, []byte("opensesame\n"), 0o600)) // rotated without a restart
	require.NoError(t, q.Await(within(t, patience)))
	require.NotContains(t, log.String(), "opensesame")
	require.NotContains(t, log.String(), "wrong")
}

func TestTheLifeOfAConnectionIsLogged(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	var log lines
	cfg := server.Config()
	cfg.Log = log.entry()
	q, err := queue.Connect(t.Context(), cfg)
	require.NoError(t, err)
	require.NoError(t, q.Await(within(t, patience)))
	eventually(t, "connected", func() bool { return log.has("broker: connected") })
	server.Restart()
	eventually(t, "lost", func() bool { return log.has("broker: connection lost") })
	eventually(t, "reconnected", func() bool { return log.has("broker: reconnected") })
	q.Close()
	eventually(t, "closed", func() bool { return log.has("broker: connection closed") })
}

func TestAnOutageIsLoggedOnce(t *testing.T) {
	t.Parallel()
	server := queuetest.New(t)
	server.Queue()
	var log lines
	cfg := server.Config()
	cfg.Log = log.entry()
	q := server.Connect(cfg)
	sub := subscribe(t, q, balances)
	ctx, stop := context.WithCancel(within(t, patience))
	ended := make(chan struct{})
	go func() { sub.Fetch(ctx, 1, patience, func(queue.Delivery) {}); close(ended) }()
	eventually(t, "the missing consumer is noted", func() bool { return log.has("the consumer does not exist") })
	require.Zero(t, sub.Fetch(ctx, 1, time.Second, func(queue.Delivery) {})) // a second of further tries
	require.Equal(t, 1, bytes.Count([]byte(log.String()), []byte("cannot take messages")))
	stop()
	<-ended

	ensure(t, q, balances)
	publish(t, q, job(balances, 1))
	require.Equal(t, 1, sub.Fetch(within(t, patience), 1, patience, func(queue.Delivery) {}))
	require.True(t, log.has("taking messages again"))
}

// lines is a log that a test reads.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) has(text string) bool { return bytes.Contains([]byte(l.String()), []byte(text)) }

func (l *lines) entry() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(l)
	log.SetLevel(logrus.DebugLevel)
	return logrus.NewEntry(log)
}
