package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// Attempts and pauses of a transaction that lost against another one.
const (
	maxTries     = 5
	minRetryWait = 5 * time.Millisecond
	maxRetryWait = 80 * time.Millisecond
)

// InTx runs fn in one transaction and commits it when fn returns nil. It is the
// only way to have a transaction, and it always ends it:
//
//   - fn returns an error: rolled back, the error returned as it is.
//   - fn panics or calls runtime.Goexit: rolled back, and the panic goes on.
//   - ctx ends: rolled back on a context of its own; if even that fails, the
//     connection is destroyed, and the server rolls back.
//   - COMMIT is not answered: ErrUnknownCommit. It is never repeated here,
//     since it may have been stored; look, then decide.
//
// A transaction that lost against another one (ClassSerialization) is run
// again as a whole, at most five times, so fn must not have effects outside
// its tx, and must set its results anew each time. Other classes are the
// caller's to judge.
//
// fn gets a context of its own, bounded by Config.TransactionTimeout. With it
// no second connection can be had (ErrNestedTransaction), and tx cannot be
// ended or nested from within (ErrTransactionScope). label names the
// transaction in logs and in the message of an exhausted pool.
//
// If the process dies here, nothing of an uncommitted transaction is stored.
func (db *DB) InTx(
	ctx context.Context, label string, fn func(ctx context.Context, tx pgx.Tx) error, opts ...TxOption,
) error {
	o := applyOptions(opts)
	for try := 1; ; try++ {
		err := db.runTx(ctx, label, fn, o)
		if err == nil || Classify(err) != ClassSerialization || try >= o.tries {
			return triesError(err, label, try)
		}
		db.counts.retried.Add(1)
		db.log.WithError(err).WithField("tx", label).WithField("try", try).Debug("transaction runs again")
		if !pause(ctx, retryWait(try)) {
			return fmt.Errorf("transaction %q stopped between tries: %w (last: %w)", label, context.Cause(ctx), err)
		}
	}
}

func triesError(err error, label string, tries int) error {
	if err == nil || tries == 1 {
		return err
	}
	return fmt.Errorf("transaction %q, try %d: %w", label, tries, err)
}

// retryWait is full jitter below a doubling cap.
func retryWait(try int) time.Duration {
	limit := min(minRetryWait<<try, maxRetryWait)
	return minRetryWait + rand.N(limit-minRetryWait+1)
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// runTx is one try.
func (db *DB) runTx(
	ctx context.Context, label string, fn func(context.Context, pgx.Tx) error, o txOptions,
) (err error) {
	conn, tx, err := db.begin(ctx, label, o)
	if err != nil {
		return err
	}
	defer conn.Release()
	started, outcome := time.Now(), TxRolledBack
	defer func() { db.report(label, started, outcome) }()

	ended := false
	defer func() { // also on a panic, which goes on afterwards
		if !ended {
			db.rollback(ctx, conn, tx, label)
		}
	}()
	noted := &hints{}
	txCtx, cancel := context.WithTimeoutCause(markTx(ctx, label, noted), db.cfg.TransactionTimeout, ErrTransactionTimeout)
	defer cancel()
	if err := fn(txCtx, scopedTx{tx}); err != nil {
		return db.observe(timeoutError(txCtx, err, label))
	}
	if txCtx.Err() != nil {
		return fmt.Errorf("transaction %q: not committed: %w", label, context.Cause(txCtx))
	}
	ended = true
	if outcome, err = db.commit(ctx, conn, tx, label); err == nil {
		db.sendAfterCommit(noted)
	}
	return err
}

// timeoutError names the transaction's own limit where it, not the caller's
// context, has cut a statement short.
func timeoutError(txCtx context.Context, err error, label string) error {
	if errors.Is(context.Cause(txCtx), ErrTransactionTimeout) && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("transaction %q: %w: %w", label, ErrTransactionTimeout, err)
	}
	return err
}

// begin finds a connection on which BEGIN succeeds. Connections that a restart
// of the server left dead are used up here: nothing of the transaction has
// happened yet, so another one can be taken.
func (db *DB) begin(ctx context.Context, label string, o txOptions) (*Conn, pgx.Tx, error) {
	for try := 1; ; try++ {
		conn, err := db.Acquire(ctx, label)
		if err != nil {
			return nil, nil, err
		}
		beginCtx, cancel := context.WithTimeout(ctx, db.cfg.answerTimeout())
		tx, err := conn.pgx().BeginTx(beginCtx, o.pgx)
		cancel()
		if err == nil {
			return conn, tx, nil
		}
		conn.destroy()
		err = db.observe(fmt.Errorf("beginning transaction %q: %w", label, err))
		if try > int(db.cfg.MaxConns) || ctx.Err() != nil || !IsConnection(err) {
			return nil, nil, err
		}
	}
}
