package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// rollbackTimeout bounds the polite end of a transaction. Past it the
// connection is cut, which ends the transaction just as well.
const rollbackTimeout = 2 * time.Second

// rollback ends the transaction whatever became of ctx. It leaves a connection
// that is either idle or destroyed, never one inside a transaction.
func (db *DB) rollback(ctx context.Context, conn *Conn, tx pgx.Tx, label string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	err := tx.Rollback(ctx)
	if err == nil || errors.Is(err, pgx.ErrTxClosed) {
		return
	}
	if !conn.pgx().IsClosed() {
		db.log.WithError(err).WithField("tx", label).Warn("rollback failed: connection destroyed")
	}
	conn.destroy()
}

// commit sends COMMIT on a context of its own: once the work is done, a caller
// who gives up must not turn a sure outcome into an unknown one.
func (db *DB) commit(ctx context.Context, conn *Conn, tx pgx.Tx, label string) (TxOutcome, error) {
	commitCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.cfg.answerTimeout())
	defer cancel()
	unsendable := conn.pgx().IsClosed() || conn.pgx().PgConn().IsBusy()
	err := tx.Commit(commitCtx)
	switch {
	case err == nil:
		return TxCommitted, nil
	case unsendable || commitRefused(err):
		if !conn.pgx().IsClosed() && conn.pgx().PgConn().TxStatus() != 'I' {
			conn.destroy()
		}
		return TxRolledBack, db.observe(fmt.Errorf("transaction %q was not committed: %w", label, err))
	}
	conn.destroy()
	db.log.WithError(err).WithField("tx", label).Warn("COMMIT was not answered")
	return TxUnknown, fmt.Errorf("transaction %q: %w: %w", label, ErrUnknownCommit, db.observe(err))
}

// commitRefused is true only when the server's answer makes it certain that
// nothing was stored: ROLLBACK or an ERROR. A FATAL answer is not certain: a
// server that shuts down while it waits for a synchronous replica has already
// committed locally. Codes 08007 and 40003 say so openly.
//
// pgconn.SafeToRetry must not be asked: when the connection is lost while the
// answer to a simple query is awaited, pgx 5.12 reports "conn closed", which it
// declares safe to retry although the query was sent.
func commitRefused(err error) bool {
	if errors.Is(err, pgx.ErrTxCommitRollback) || errors.Is(err, pgx.ErrTxClosed) {
		return true
	}
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return false
	}
	severity := cmp.Or(pgErr.SeverityUnlocalized, pgErr.Severity)
	return severity != severityFatal && severity != severityPanic &&
		pgErr.Code != codeResolutionUnknown && pgErr.Code != codeCompletionUnknown
}
