package databases_test

import (
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
)

func TestAnErrorIsInjected(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	conn := connect(t, url, "writer")
	inserts := databases.Match{Application: app("writer"), Statement: regexp.MustCompile("^INSERT")}
	for _, code := range []string{"40001", "40P01", "53100", "53300", "25006", "57P03", "55P03"} {
		trap, err := link.Answer(inserts, 1, code)
		require.NoError(t, err)
		require.Equal(t, code, sqlstate(insert(t, conn, code)), "with arguments: extended")
		require.Equal(t, 1, trap.Struck())
		require.NoError(t, insert(t, conn, code), "the connection is in step")
		_, err = link.Answer(inserts, 1, code)
		require.NoError(t, err)
		_, err = conn.Exec(patient(t), "INSERT INTO notes VALUES ('never')")
		require.Equal(t, code, sqlstate(err), "without: simple")
		require.Equal(t, byte('I'), conn.PgConn().TxStatus())
	}
	require.Equal(t, "25006 40001 40P01 53100 53300 55P03 57P03", stored(t, shared, d))
	n, err := shared.Logged("40001", app("writer"))
	require.NoError(t, err)
	require.Positive(t, n, "the server itself raised it")
	_, err = link.Answer(inserts, 1, "4000")
	require.ErrorContains(t, err, "is not the SQLSTATE of an error")
	_, err = link.Refuse(nil, 1, "00000")
	require.ErrorContains(t, err, "is not the SQLSTATE of an error")
}

// The server must be as sure as the client that the transaction is aborted: what
// follows in it, a COMMIT above all, has no effect.
func TestAnInjectedErrorAbortsTheTransaction(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	conn := connect(t, url, "writer")
	for _, arguments := range [][]any{nil, {"failed"}} {
		tx, err := conn.Begin(patient(t))
		require.NoError(t, err)
		require.NoError(t, insert(t, tx, "before"))
		trap, err := link.Answer(databases.Match{Statement: regexp.MustCompile("^UPDATE")}, 2, "40001")
		require.NoError(t, err)
		sql := "UPDATE notes SET note = 'x'"
		if arguments != nil {
			sql = "UPDATE notes SET note = $1"
		}
		_, err = tx.Exec(patient(t), sql, arguments...)
		require.Equal(t, "40001", sqlstate(err))
		require.Equal(t, byte('E'), conn.PgConn().TxStatus())
		_, err = tx.Exec(patient(t), "UPDATE notes SET note = 'y'")
		require.Equal(t, "25P02", sqlstate(err), "in an aborted transaction the server itself refuses")
		require.Equal(t, 1, trap.Struck())
		require.ErrorIs(t, tx.Commit(patient(t)), pgx.ErrTxCommitRollback)
		trap.Lift()
		_, err = conn.Exec(patient(t), sql, arguments...)
		require.NoError(t, err)
	}
	require.Empty(t, stored(t, shared, d))
}

func TestACommitFails(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	conn := connect(t, url, "writer")
	_, err := link.Answer(commits, 1, "40001")
	require.NoError(t, err)
	require.Equal(t, "40001", sqlstate(commit(t, conn, "rolled back")))
	require.Equal(t, byte('I'), conn.PgConn().TxStatus(), "its transaction is over")
	require.NoError(t, commit(t, conn, "kept"))
	require.Equal(t, "kept", stored(t, shared, d))
}

// A batch is one cycle: what follows the failed statement is skipped, and its
// effects go with it.
func TestAStatementOfABatchFails(t *testing.T) {
	t.Parallel()
	link, d, url := linked(t)
	conn := connect(t, url, "writer")
	batch := func() error {
		b := &pgx.Batch{}
		b.Queue("INSERT INTO notes VALUES ($1)", "one")
		b.Queue("INSERT INTO notes VALUES ($1 || 'x')", "two")
		b.Queue("INSERT INTO notes VALUES ($1)", "three")
		return conn.SendBatch(patient(t), b).Close()
	}
	trap, err := link.Answer(databases.Match{Statement: regexp.MustCompile("'x'")}, 1, "55P03")
	require.NoError(t, err)
	require.Equal(t, "55P03", sqlstate(batch()))
	<-trap.Spent()
	require.Empty(t, stored(t, shared, d))
	require.NoError(t, batch())
	require.Equal(t, "one three twox", stored(t, shared, d))
}

func TestConnectionsAreRefused(t *testing.T) {
	t.Parallel()
	link, _, url := linked(t)
	trap, err := link.Refuse(app("writer"), 1, "57P03")
	require.NoError(t, err)
	connect(t, url, "other")
	_, err = tryConnect(patient(t), url, "writer")
	require.Equal(t, "57P03", sqlstate(err))
	<-trap.Spent()
	connect(t, url, "writer")
}
