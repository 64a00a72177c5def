package databases_test

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
)

func newLink(t *testing.T, to string) *databases.Link {
	t.Helper()
	link, err := databases.NewLink(to)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, link.Close()) })
	return link
}

// linked gives a link to the shared server and the URL of a new database on it.
func linked(t *testing.T) (link *databases.Link, name, url string) {
	t.Helper()
	name = database(t)
	link = newLink(t, shared.Address())
	url, err := link.URL(shared.URL("", name))
	require.NoError(t, err)
	return link, name, url
}

var commits = databases.Match{Application: regexp.MustCompile("^writer"), Statement: databases.Commits()}

// commit stores a note in a transaction.
func commit(t *testing.T, conn *pgx.Conn, note string) error {
	t.Helper()
	tx, err := conn.Begin(patient(t))
	require.NoError(t, err)
	require.NoError(t, insert(t, tx, note))
	return tx.Commit(patient(t))
}

func requireReset(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.Empty(t, sqlstate(err), "the server said nothing")
	require.NotErrorIs(t, err, context.DeadlineExceeded, "it is known at once")
}

func TestACommitIsStoredThoughItsClientNeverHears(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	trap := link.CutAfter(commits, 2)
	require.NoError(t, commit(t, connect(t, url, "other"), "other"), "the trap is not for this one")
	require.Zero(t, trap.Struck())
	requireReset(t, commit(t, connect(t, url, "writer/1"), "first"))
	require.Equal(t, "first other", stored(t, shared, d))
	requireReset(t, commit(t, connect(t, url, "writer/2"), "second"))
	<-trap.Spent()
	require.Equal(t, 2, trap.Struck())
	require.NoError(t, commit(t, connect(t, url, "writer/3"), "third"), "the trap is spent")
	require.Equal(t, "first other second third", stored(t, shared, d))
}

func TestACommitNeverArrives(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	trap := link.CutBefore(commits, 1)
	requireReset(t, commit(t, connect(t, url, "writer"), "lost"))
	<-trap.Spent()
	require.NoError(t, commit(t, connect(t, url, "writer"), "kept"))
	require.Equal(t, "kept", stored(t, shared, d))
}

// A commit that fails, or that rolls back, was not stored: hearing of it is right,
// and the strike is for the next one.
func TestOnlyACommitThatWasStoredIsCut(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	require.NoError(t, shared.Exec(patient(t), d, `CREATE TABLE deferred (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)`))
	trap := link.CutAfter(commits, 1)
	conn := connect(t, url, "writer")
	tx, err := conn.Begin(patient(t))
	require.NoError(t, err)
	_, err = tx.Exec(patient(t), "INSERT INTO deferred VALUES (1), (1)")
	require.NoError(t, err)
	require.Equal(t, "23505", sqlstate(tx.Commit(patient(t))))

	tx, err = conn.Begin(patient(t))
	require.NoError(t, err)
	_, err = tx.Exec(patient(t), "SELECT 1/0")
	require.Equal(t, "22012", sqlstate(err))
	require.ErrorIs(t, tx.Commit(patient(t)), pgx.ErrTxCommitRollback)
	require.Zero(t, trap.Struck())

	requireReset(t, commit(t, conn, "stored"))
	require.Equal(t, "stored", stored(t, shared, d))
}

// A statement with arguments commits by itself, at the end of its cycle.
func TestAStatementOfTheExtendedProtocolIsCut(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	inserts := databases.Match{Statement: regexp.MustCompile("^INSERT INTO notes")}
	link.CutAfter(inserts, 1)
	requireReset(t, insert(t, connect(t, url, "writer"), "stored"))
	require.Equal(t, "stored", stored(t, shared, d))
	link.CutBefore(inserts, 1)
	requireReset(t, insert(t, connect(t, url, "writer"), "lost"))
	require.Equal(t, "stored", stored(t, shared, d))
}

func TestAStatementWaitsForItsMoment(t *testing.T) {
	t.Parallel()
	s := own(t)
	notes(t, s, "postgres")
	link := newLink(t, s.Address())
	url, err := link.URL(s.URL("", "postgres"))
	require.NoError(t, err)
	conn := connect(t, url, "writer")
	trap := link.Hold(commits, 1)
	committed := make(chan error, 1)
	tx, err := conn.Begin(patient(t))
	require.NoError(t, err)
	require.NoError(t, insert(t, tx, "held"))
	go func() { committed <- tx.Commit(context.Background()) }()
	<-trap.Spent()
	require.Empty(t, stored(t, s, "postgres"))
	require.NoError(t, s.Kill(patient(t)))
	trap.Lift()
	requireReset(t, <-committed)
	require.NoError(t, s.Start(patient(t)))
	require.Empty(t, stored(t, s, "postgres"))
	require.NoError(t, commit(t, connect(t, url, "writer"), "again"), "the link leads to the next life")
}

func TestAFrozenLinkIsSilent(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	conn, other := connect(t, url, "writer"), connect(t, url, "other")
	trap := link.Freeze(app("writer"))
	require.NoError(t, insert(t, other, "other"))
	answered := make(chan error, 1)
	go func() { answered <- insert(t, conn, "late") }()
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := tryConnect(short, url, "writer/2")
	require.NoError(t, err)
	_, err = tryConnect(short, url, "writer")
	require.ErrorIs(t, err, context.DeadlineExceeded, "its own limit is all that a newcomer hears")
	require.Empty(t, answered)
	require.Equal(t, 2, trap.Struck())
	require.Equal(t, "other", stored(t, shared, d))
	var sessions int
	require.NoError(t, other.QueryRow(patient(t),
		"SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'writer'", d).Scan(&sessions))
	require.Equal(t, 1, sessions, "the newcomer has not reached the server")
	trap.Lift()
	require.NoError(t, <-answered)
	require.Equal(t, "late other", stored(t, shared, d))
}

// Neither the end of a client nor its request to cancel gets through.
func TestNobodyHearsOfAClientThatLeavesAFrozenLink(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	open := func(note string) (*pgx.Conn, pgx.Tx) {
		conn := connect(t, url, "writer")
		tx, err := conn.Begin(patient(t))
		require.NoError(t, err)
		require.NoError(t, insert(t, tx, note))
		return conn, tx
	}
	gone, _ := open("gone")
	cancelled, tx := open("cancelled")
	trap := link.Freeze(app("writer"))
	require.NoError(t, gone.PgConn().Conn().Close())
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := tx.Exec(short, "SELECT pg_sleep(600)")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	soon(t, func() bool { return trap.Struck() == 3 }) // two connections and a request to cancel
	watch := connect(t, shared.URL("", d), "watch")
	var asking sync.Mutex // Never may leave behind a question that is being asked
	left := func() (n int) {
		asking.Lock()
		defer asking.Unlock()
		err := watch.QueryRow(patient(t), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = $1 AND application_name = 'writer' AND state = 'idle in transaction'`, d).Scan(&n)
		if err != nil {
			return -1
		}
		return n
	}
	require.Never(t, func() bool { return left() != 2 }, 200*time.Millisecond, 20*time.Millisecond)
	trap.Lift()
	<-cancelled.PgConn().CleanupDone()
	soon(t, func() bool { return left() == 0 })
	require.Empty(t, stored(t, shared, d))
}

func TestAListenerThatIsDeadWhileOthersConnect(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	listener := connect(t, url, "x/listen")
	_, err := listener.Exec(patient(t), "LISTEN news")
	require.NoError(t, err)
	trap := link.FreezeOpen(regexp.MustCompile("/listen$"))
	require.NoError(t, shared.Exec(patient(t), d, "NOTIFY news"))
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = listener.WaitForNotification(short)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 1, trap.Struck())
	next := connect(t, url, "x/listen")
	_, err = next.Exec(patient(t), "LISTEN news")
	require.NoError(t, err)
	require.NoError(t, shared.Exec(patient(t), d, "NOTIFY news"))
	_, err = next.WaitForNotification(patient(t))
	require.NoError(t, err)
}

func TestACutLink(t *testing.T) {
	t.Parallel()
	link, _, url := linked(t)
	conn, other := connect(t, url, "writer"), connect(t, url, "other")
	trap := link.Cut(app("writer"))
	requireReset(t, insert(t, conn, "cut"))
	_, err := tryConnect(patient(t), url, "writer")
	requireReset(t, err)
	require.NoError(t, insert(t, other, "spared"))
	require.GreaterOrEqual(t, trap.Struck(), 2)
	trap.Lift()
	require.NoError(t, insert(t, connect(t, url, "writer"), "healed"))
}

func TestASlowLink(t *testing.T) {
	t.Parallel()
	link, _, url := linked(t)
	conn := connect(t, url, "writer")
	const latency = 150 * time.Millisecond
	trap, err := link.Slow(databases.Slowness{Latency: latency, KilobytesPerSec: 1000, SliceBytes: 16})
	require.NoError(t, err)
	_, err = link.Slow(databases.Slowness{Latency: latency})
	require.ErrorIs(t, err, databases.ErrSlow)
	begun := time.Now()
	_, err = conn.Exec(patient(t), "SELECT repeat('x', 1000)")
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(begun), 2*latency, "there and back")
	require.Equal(t, 1, trap.Struck())
	trap.Lift()
	trap.Lift()
	again, err := link.Slow(databases.Slowness{Latency: time.Millisecond})
	require.NoError(t, err, "it was quick in between")
	again.Lift()
	require.NoError(t, insert(t, conn, "through"))
}

func TestALinkMovesToAnotherServer(t *testing.T) {
	t.Parallel()
	link, _, url := linked(t)
	conn := connect(t, url, "writer")
	second := own(t)
	require.NoError(t, second.Exec(patient(t), "postgres", "CREATE DATABASE "+conn.Config().Database))
	const latency = 50 * time.Millisecond
	trap, err := link.Slow(databases.Slowness{Latency: latency})
	require.NoError(t, err)
	frozen := link.Freeze(app("writer"))
	answered := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), "SELECT 1")
		answered <- err
	}()
	soon(t, func() bool { return frozen.Struck() == 1 })
	require.NoError(t, link.Point(second.Address()))
	requireReset(t, <-answered)
	frozen.Lift()
	notes(t, second, conn.Config().Database)
	next := connect(t, url, "writer")
	begun := time.Now()
	require.NoError(t, insert(t, next, "new"))
	require.GreaterOrEqual(t, time.Since(begun), 2*latency, "as slow as it was")
	trap.Lift()
	require.Equal(t, "new", stored(t, second, conn.Config().Database))
}

// What the link does not look at passes as it is: a request for TLS, COPY, a
// cancellation, and answers of any size.
func TestALinkPassesTheRest(t *testing.T) {
	t.Parallel()
	link, _, url := linked(t)
	conn := connect(t, strings.Replace(url, "sslmode=disable", "sslmode=prefer", 1), "writer")
	var rows [][]any
	for i := range 5000 {
		rows = append(rows, []any{strings.Repeat("x", 100) + string(rune('a'+i%26)) + time.Duration(i).String()})
	}
	n, err := conn.CopyFrom(patient(t), pgx.Identifier{"notes"}, []string{"note"}, pgx.CopyFromRows(rows))
	require.NoError(t, err)
	require.Equal(t, int64(5000), n)
	var all string
	require.NoError(t, conn.QueryRow(patient(t), "SELECT string_agg(note, '') FROM notes").Scan(&all))
	require.Greater(t, len(all), 500_000)

	said := asleep(t, shared, conn)
	before := link.Accepted()
	require.NoError(t, conn.PgConn().CancelRequest(patient(t)))
	require.Equal(t, "57014", sqlstate(<-said))
	require.Equal(t, before+1, link.Accepted(), "a request to cancel is a connection of its own")
}

// Of several statements that are under way at once only the one that is meant is
// lost with its answer; what was answered before it is heard, also if both
// answers come together, as they do in some of the turns.
func TestACutOfOneStatementInAPipeline(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	trap := link.CutAfter(databases.Match{Statement: regexp.MustCompile("second")}, 20)
	for range 20 {
		p := connect(t, url, "writer").PgConn().StartPipeline(patient(t))
		for _, sql := range []string{"DELETE FROM notes RETURNING 'first'", "INSERT INTO notes VALUES ('second')"} {
			p.SendQueryParams(sql, nil, nil, nil, nil)
			require.NoError(t, p.Sync())
		}
		result, err := p.GetResults()
		require.NoError(t, err)
		require.NoError(t, result.(*pgconn.ResultReader).Read().Err)
		_, err = p.GetResults() // the end of the first cycle
		require.NoError(t, err)
		_, err = p.GetResults()
		requireReset(t, err)
		require.Equal(t, "second", stored(t, shared, d))
	}
	<-trap.Spent()
}
