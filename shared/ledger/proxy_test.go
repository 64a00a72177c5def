package ledger

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// cut says what a proxy does to the next COMMIT.
type cut int32

const (
	cutNothing cut = iota
	cutBefore      // the connection breaks before COMMIT reaches the server
	cutAfter       // it breaks when the server has answered and the client has not heard it
)

// throughProxy gives a second ledger on the same database whose connection
// breaks at the next COMMIT as next says.
func (b bundle) throughProxy() (broken *Ledger, next *atomic.Int32) {
	b.t.Helper()
	target, err := url.Parse(b.test.URL)
	require.NoError(b.t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b.t, err)
	next = &atomic.Int32{}
	var open sync.WaitGroup
	b.t.Cleanup(func() { _ = listener.Close(); open.Wait() })
	server := target.Host
	open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { relay(client, server, next) })
		}
	})
	target.Host = listener.Addr().String()
	db, err := postgres.Open(b.ctx(), postgres.Config{URL: target.String(), Name: "proxied", MaxConns: 2})
	require.NoError(b.t, err)
	b.t.Cleanup(db.Close)
	return New(db, Settings{}), next
}

// relay copies one connection until either side ends or a COMMIT is to be cut.
func relay(client net.Conn, address string, next *atomic.Int32) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var mute atomic.Bool
	answered := make(chan struct{})
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil || mute.Load() { // an answer that nobody hears, or the end
				close(answered)
				_ = client.Close()
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				_ = server.Close()
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		how := cutNothing
		if bytes.Contains(buf[:n], []byte("commit\x00")) {
			how = cut(next.Swap(int32(cutNothing)))
		}
		if how == cutBefore {
			return
		}
		mute.Store(how == cutAfter)
		if _, err := server.Write(buf[:n]); err != nil && !errors.Is(err, io.EOF) {
			return
		}
		if how == cutAfter {
			select {
			case <-answered:
			case <-time.After(10 * time.Second):
			}
			return
		}
	}
}

func TestRule04AnUnansweredCommitIsLookedUp(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]cut{"stored": cutAfter, "not stored": cutBefore} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			broken, next := b.throughProxy()
			account := b.active("main")
			job := b.claim(b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances))
			next.Store(int32(how))
			settled, err := broken.Commit(t.Context(), job, succeeded(), store(account.ID, job))
			require.NoError(t, err)
			require.Equal(t, Settled{
				Holds: true, Applied: true, Status: syncjob.Succeeded, Written: Written{Changed: 1},
			}, settled)
			require.Equal(t, int64(1), b.row(job.JobID).RowsChanged)
			require.Zero(t, next.Load(), "the connection was cut")
		})
	}
}

func TestRule04AnUnansweredRetryIsNotRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	broken, next := b.throughProxy()
	job := b.claim(b.jobOf(b.manual(b.active("main"), syncjob.Balances).ID, syncjob.Balances))
	next.Store(int32(cutAfter))
	settled, err := broken.Commit(t.Context(), job, retry(syncjob.RateLimited), nil)
	require.NoError(t, err)
	require.Equal(t, Settled{Holds: true, Applied: true, Status: syncjob.Waiting}, settled)
	got := b.row(job.JobID)
	require.Zero(t, got.Attempt, "taken off the count once")
	require.Equal(t, 1, b.count(`SELECT count(*) FROM alphapulse.sync_attempts`))
}
