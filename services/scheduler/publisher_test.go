package scheduler

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
)

func TestPublishesWhatIsDue(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, hook := f.scheduler(Config{})
	f.manual(f.accounts(3))
	f.settle(s)
	f.start(s)
	f.await("jobs in the stream", 3, inStream)
	seen := map[string]bool{}
	for _, d := range f.take(3) {
		seen[d.Job.JobID] = true
		require.Equal(t, 1, d.Job.Publishes)
		require.True(t, d.Job.ExpiresAt.After(time.Now()))
	}
	require.Len(t, seen, 3)
	for _, step := range []string{"planned", "published"} {
		lines := messagesOf(hook, step)
		require.Len(t, lines, 3, step)
		require.NotEmpty(t, lines[0].Data["run_id"])
		require.True(t, seen[lines[0].Data["job_id"].(string)], step) //nolint:forcetypeassert // the test fails on a panic
	}
}

// TestAFailedAttemptIsPublishedAgain: the broker's dedupe window must not swallow
// a retry.
func TestAFailedAttemptIsPublishedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	f.manual(f.accounts(1))
	f.settle(s) // streams first: what is refused before they are there is numbered anew
	f.start(s)
	first := f.take(1)[0]
	f.exec(`UPDATE alphapulse.sync_jobs SET status = 'waiting', wait_reason = 'retry', next_at = clock_timestamp()
	        WHERE id = $1`, first.Job.JobID)
	require.NoError(t, first.Ack(t.Context()))
	second := f.take(1)[0]
	require.Equal(t, first.Job.JobID, second.Job.JobID)
	require.Equal(t, 2, second.Job.Publishes)
}

// TestPublisherThatDied: jobs were taken, and perhaps published, and nobody stored
// where. They are published again under the next number.
func TestPublisherThatDied(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	quick := ledger.New(f.db, ledger.Settings{UnconfirmedAfter: 300 * time.Millisecond})
	f.manual(f.accounts(2))
	due, err := quick.TakeDue(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 2)
	require.NoError(t, f.queue.PublishJobs(t.Context(), messages(due[:1]))[0].Err)

	s, hook := f.schedulerOn(Config{}, f.queue, quick)
	f.start(s)
	f.await("jobs in the stream", 2, inStream)
	require.Equal(t, 2, f.count(published, 2))
	require.NotEmpty(t, messagesOf(hook, "without a stream sequence"))
}

// TestLostAnswerStoresOnce: the broker has stored the job and its answer was lost.
// Asking again under the same message id finds it instead of storing it twice.
func TestLostAnswerStoresOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	wire := newMuteWire(t, f.broker.URL())
	cfg := f.broker.Config()
	cfg.URL = wire.url()
	q := f.broker.Connect(cfg)
	s, _ := f.schedulerOn(Config{}, q, nil)
	f.manual(f.accounts(1))
	_, err := s.topology.step(t.Context())
	require.NoError(t, err)

	due, err := f.ledger.TakeDue(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, f.queue.PublishJobs(t.Context(), messages(due))[0].Err)
	publisher := &publisher{metrics: s.metrics, ledger: f.ledger, queue: q, log: s.log, missing: func() {}, full: func() {}}
	wire.mute.Store(true)
	unmute := time.AfterFunc(2*time.Second, wire.cut)
	defer unmute.Stop()
	answers := publisher.send(t.Context(), messages(due))
	require.Len(t, answers, 1)
	if answers[0].Err != nil {
		require.ErrorIs(t, answers[0].Err, queue.ErrUnknownOutcome)
		require.Eventually(t, func() bool {
			answers = publisher.send(t.Context(), messages(due))
			return answers[0].Err == nil
		}, patience, 50*time.Millisecond)
	}
	require.True(t, answers[0].Duplicate)
	require.Equal(t, 1, f.pending())
}

// muteWire passes everything to the broker and, while it is mute, nothing back.
type muteWire struct {
	t        *testing.T
	listener net.Listener
	mute     atomic.Bool
	conns    chan net.Conn
}

func newMuteWire(t *testing.T, url string) *muteWire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &muteWire{t: t, listener: listener, conns: make(chan net.Conn, 100)}
	t.Cleanup(func() {
		_ = listener.Close()
		w.cut()
	})
	go w.accept(url[len("nats://"):])
	return w
}

func (w *muteWire) url() string { return "nats://" + w.listener.Addr().String() }

// cut ends every connection and speaks again.
func (w *muteWire) cut() {
	w.mute.Store(false)
	for {
		select {
		case conn := <-w.conns:
			_ = conn.Close()
		default:
			return
		}
	}
}

func (w *muteWire) accept(target string) {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", target)
		if err != nil {
			_ = client.Close()
			continue
		}
		w.conns <- client
		w.conns <- server
		go w.pass(server, client, nil)
		go w.pass(client, server, &w.mute)
	}
}

func (w *muteWire) pass(to, from net.Conn, mute *atomic.Bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if mute != nil && mute.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
