package brokers_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/brokers"
	"github.com/alphapulse/alphapulse/services/internal/chaos/link"
	"github.com/alphapulse/alphapulse/services/internal/process"
)

func TestAKillKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	s := start(t, brokers.Config{})
	js := withStream(t, s.URL(), 1)
	publish(t, js, 0, 200)
	require.NoError(t, s.Kill())
	require.False(t, s.Running())
	require.NoError(t, s.Start(within(t)))
	require.Equal(t, 2, s.Process().Lives())
	requireStored(t, s.URL(), 200)
	publishEventually(t, js, 200) // the same client, at the same address
	require.ErrorIs(t, s.Start(within(t)), process.ErrRunning)
}

func TestAnOrderlyEnd(t *testing.T) {
	t.Parallel()
	s := start(t, brokers.Config{})
	orderly, err := s.Stop(patience)
	require.NoError(t, err)
	require.True(t, orderly)
	require.GreaterOrEqual(t, s.Process().ExitCode(), 0)
	log, err := os.ReadFile(s.Process().Log())
	require.NoError(t, err)
	require.Contains(t, string(log), "Initiating JetStream Shutdown")
}

func TestAPowerCutTakesWhatWasNotSynced(t *testing.T) {
	t.Parallel()
	d := powered(t)
	s := start(t, brokers.Config{Disk: d})
	publish(t, withStream(t, s.URL(), 1), 0, 100)
	loss, err := s.PowerCut()
	require.NoError(t, err)
	require.Positive(t, loss.Bytes)
	require.NoError(t, s.Start(within(t)))
	require.Less(t, len(stored(t, s.URL())), 100, "by default a broker acknowledges what the disk does not have yet")
}

func TestAPowerCutTakesNothingThatIsSyncedAlways(t *testing.T) {
	t.Parallel()
	d := powered(t)
	s := start(t, brokers.Config{Disk: d, SyncAlways: true})
	publish(t, withStream(t, s.URL(), 1), 0, 100)
	loss, err := s.PowerCut()
	require.NoError(t, err)
	require.GreaterOrEqual(t, loss.Syncs, 100)
	require.NoError(t, s.Start(within(t)))
	requireStored(t, s.URL(), 100)
}

func TestAKillIsNoPowerCut(t *testing.T) {
	t.Parallel()
	d := powered(t)
	s := start(t, brokers.Config{Disk: d})
	publish(t, withStream(t, s.URL(), 1), 0, 100)
	require.NoError(t, s.Kill())
	require.NoError(t, s.Start(within(t)))
	requireStored(t, s.URL(), 100)
}

func TestPowerNeedsADisk(t *testing.T) {
	t.Parallel()
	s := start(t, brokers.Config{})
	_, err := s.PowerCut()
	require.ErrorIs(t, err, brokers.ErrNoDisk)
	require.True(t, s.Running())
}

func TestAWipedStore(t *testing.T) {
	t.Parallel()
	s := start(t, brokers.Config{})
	withStream(t, s.URL(), 1)
	require.ErrorIs(t, s.Wipe(), process.ErrRunning)
	require.NoError(t, s.Kill())
	require.NoError(t, s.Wipe())
	require.NoError(t, s.Start(within(t)))
	_, err := connect(t, s.URL()).Stream(within(t), stream)
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
}

func TestAnOlderStore(t *testing.T) {
	t.Parallel()
	olderStore(t, start(t, brokers.Config{}))
}

func TestAnOlderStoreOnADisk(t *testing.T) {
	t.Parallel()
	olderStore(t, start(t, brokers.Config{Disk: powered(t)}))
}

func olderStore(t *testing.T, s *brokers.Server) {
	t.Helper()
	js := withStream(t, s.URL(), 1)
	publish(t, js, 0, 20)
	older, err := s.Save(within(t), filepath.Join(t.TempDir(), "copy"))
	require.NoError(t, err)
	publish(t, js, 20, 40)
	require.NoError(t, s.Kill())
	require.NoError(t, s.Restore(older))
	require.NoError(t, s.Start(within(t)))
	require.Len(t, stored(t, s.URL()), 20)
	requireStored(t, s.URL(), 20)
}

func TestWhatIsDeletedIsGone(t *testing.T) {
	t.Parallel()
	s := start(t, brokers.Config{})
	js := withStream(t, s.URL(), 1)
	_, err := js.CreateConsumer(within(t), stream, jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	require.NoError(t, s.DeleteConsumer(within(t), stream, "worker"))
	_, err = js.Consumer(within(t), stream, "worker")
	require.ErrorIs(t, err, jetstream.ErrConsumerNotFound)
	require.NoError(t, s.DeleteConsumer(within(t), stream, "worker"))
	require.NoError(t, s.DeleteStream(within(t), stream))
	_, err = js.Stream(within(t), stream)
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
	require.NoError(t, s.DeleteStream(within(t), stream))
}

func TestAFlippedBit(t *testing.T) {
	t.Parallel()
	s := start(t, brokers.Config{})
	publish(t, withStream(t, s.URL(), 1), 0, 100)
	require.NoError(t, s.Kill())
	flip, err := s.FlipBit(stream, 1)
	require.NoError(t, err)
	require.Regexp(t, `^jetstream/.*/streams/SYNC_JOBS/msgs/\d+\.blk$`, filepath.ToSlash(flip.File))
	again, err := s.FlipBit(stream, 1)
	require.NoError(t, err)
	require.Equal(t, flip, again, "the seed decides, and the second flip undoes the first")
	_, err = s.FlipBit(stream, 1)
	require.NoError(t, err)
	require.NoError(t, s.Start(within(t)), "the broker lives with it")
	found := stored(t, s.URL())
	require.Less(t, len(found), 100, "the broker has noticed")
	for message := range found {
		require.Regexp(t, `^message \d{8}$`, message, "what is delivered is whole")
	}
	publishEventually(t, connect(t, s.URL()), 100)
	require.Contains(t, stored(t, s.URL()), body(100))
}

func TestNothingToFlip(t *testing.T) {
	t.Parallel()
	s := start(t, brokers.Config{})
	require.NoError(t, s.Kill())
	_, err := s.FlipBit(stream, 1)
	require.ErrorIs(t, err, brokers.ErrNothingToFlip)
}

func TestAFullDisk(t *testing.T) {
	t.Parallel()
	fullDisk(t, start(t, brokers.Config{Disk: powered(t)}))
}

func TestAFullDiskWithoutADisk(t *testing.T) {
	t.Parallel()
	fullDisk(t, start(t, brokers.Config{}))
}

// fullDisk publishes into a store that cannot grow: it must be seen, nothing
// acknowledged may be lost, and with room again and a new life the broker must
// work. (In this life the stream stays frozen.)
func fullDisk(t *testing.T, s *brokers.Server) {
	t.Helper()
	js := withStream(t, s.URL(), 1)
	publish(t, js, 0, 50)
	if err := s.FillDisk(0); errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("not run: %v", err)
	} else {
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := js.Publish(ctx, "sync.job.test", []byte("one too many"))
	require.Error(t, err)
	require.ErrorContains(t, s.Healthy(within(t)), "write error")
	require.NoError(t, s.RelieveDisk())
	require.NoError(t, s.Kill())
	require.NoError(t, s.Start(within(t)))
	requireStored(t, s.URL(), 50)
	publishEventually(t, js, 50)
	require.NoError(t, s.Healthy(within(t)))
}

func TestAPausedBroker(t *testing.T) {
	t.Parallel()
	s := start(t, brokers.Config{})
	js := withStream(t, s.URL(), 1)
	require.NoError(t, s.Pause(within(t)))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := js.Publish(ctx, "sync.job.test", []byte(body(0)), jetstream.WithMsgID(body(0)))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, s.Continue())
	publishEventually(t, js, 0)
	require.Len(t, stored(t, s.URL()), 1, "the publish before arrived late and was the same one")
}

func TestALostAcknowledgement(t *testing.T) {
	t.Parallel()
	s := start(t, brokers.Config{})
	withStream(t, s.URL(), 1)
	l, err := link.New(t.Name(), s.Address())
	require.NoError(t, err)
	t.Cleanup(l.Close)
	js := connect(t, "nats://"+l.Address())
	require.NoError(t, l.Lose(link.Answers))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = js.Publish(ctx, "sync.job.test", []byte(body(0)), jetstream.WithMsgID(body(0)))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Eventually(t, func() bool { return len(stored(t, s.URL())) == 1 }, patience, 20*time.Millisecond, "stored, and nobody heard")
	require.NoError(t, l.Heal(within(t)))
	var ack *jetstream.PubAck
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		ack, err = js.Publish(ctx, "sync.job.test", []byte(body(0)), jetstream.WithMsgID(body(0)))
		return err == nil
	}, patience, 20*time.Millisecond)
	require.True(t, ack.Duplicate)
	require.Len(t, stored(t, s.URL()), 1)
}

func TestABrokerThatCannotStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	go func() { // a stranger at the address, who speaks another language
		for {
			conn, err := taken.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	_, err = brokers.Start(within(t), brokers.Config{Dir: t.TempDir(), Listen: taken.Addr().String()})
	require.ErrorContains(t, err, "ended with code 1")
	require.ErrorContains(t, err, "address already in use")
}

func TestTheClientsAreToldNoAddresses(t *testing.T) {
	t.Parallel()
	s := start(t, brokers.Config{})
	conn, err := nats.Connect(s.URL())
	require.NoError(t, err)
	defer conn.Close()
	require.Empty(t, conn.DiscoveredServers())
	require.Equal(t, "broker", conn.ConnectedServerName())
	require.True(t, strings.HasPrefix(conn.ConnectedServerVersion(), "2.15."))
}
