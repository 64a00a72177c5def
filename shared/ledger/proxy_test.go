package ledger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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

// A connection that breaks before COMMIT stored nothing: the read of the
// exchange is not thrown away for it.
func TestABrokenConnectionCostsNoReadOfTheExchange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	job := b.claim(b.jobOf(b.manual(account, syncjob.Balances).ID, syncjob.Balances))
	tries := 0
	settled, err := b.Commit(t.Context(), job, succeeded(), func(ctx context.Context, tx pgx.Tx) (Written, error) {
		if tries++; tries == 1 {
			_, err := tx.Exec(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`)
			return Written{}, err
		}
		return store(account.ID, job)(ctx, tx)
	})
	require.NoError(t, err)
	require.True(t, settled.Applied)
	require.Equal(t, 2, tries)
	require.Equal(t, int64(1), b.row(job.JobID).RowsChanged)
}

// What the lookup finds is this claim's own outcome only if nobody else can
// have written it.
func TestRule04TheLookupTellsWhoseOutcomeItIs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		become func(b bundle, job *Claimed)
		again  bool
		want   Settled
	}{
		"still running": {func(bundle, *Claimed) {}, true, Settled{Holds: true, Status: syncjob.Running}},
		"stored": {
			func(b bundle, job *Claimed) { b.commit(job, succeeded()) }, false,
			Settled{Holds: true, Applied: true, Status: syncjob.Succeeded},
		},
		"cancelled": {
			func(b bundle, job *Claimed) { require.NoError(b.t, b.EndRun(b.ctx(), job.RunID, syncjob.CancelUser)) }, false,
			Settled{Holds: true, Status: syncjob.Cancelled},
		},
		"taken back": {
			func(b bundle, job *Claimed) {
				b.expireLease(job.JobID)
				_, err := b.TakeBackLost(b.ctx(), 10)
				require.NoError(b.t, err)
			}, false, Settled{Holds: true, Status: syncjob.Waiting},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			job := b.claim(b.jobOf(b.manual(b.active("main"), syncjob.Balances).ID, syncjob.Balances))
			test.become(b, job)
			again, settled, err := b.lookUp(t.Context(), job)
			require.NoError(t, err)
			require.Equal(t, test.again, again)
			require.Equal(t, test.want, settled)
		})
	}
}
