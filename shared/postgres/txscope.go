package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

type txKey struct{}

// txScope is what the closure of a transaction is known by.
type txScope struct {
	label string
	hints *hints
}

func markTx(ctx context.Context, label string, h *hints) context.Context {
	return context.WithValue(ctx, txKey{}, txScope{label, h})
}

// enclosingTx is the label of the transaction whose closure ctx belongs to.
func enclosingTx(ctx context.Context) string {
	scope, _ := ctx.Value(txKey{}).(txScope)
	return scope.label
}

// scopedTx is the transaction as its closure sees it: it can do everything but
// end or nest it.
type scopedTx struct{ pgx.Tx }

// Begin refuses: a savepoint hides an error from the retry of the whole.
func (scopedTx) Begin(context.Context) (pgx.Tx, error) { return nil, ErrNestedTransaction }

// Commit refuses: return nil instead.
func (scopedTx) Commit(context.Context) error { return ErrTransactionScope }

// Rollback refuses: return an error instead.
func (scopedTx) Rollback(context.Context) error { return ErrTransactionScope }

type txOptions struct {
	pgx   pgx.TxOptions
	tries int
}

// TxOption changes how one transaction is run.
type TxOption func(*txOptions)

// NoRetry returns a lost serialization or deadlock to the caller at once.
func NoRetry() TxOption { return func(o *txOptions) { o.tries = 1 } }

// Isolation sets the level; the default is the server's, read committed.
func Isolation(level pgx.TxIsoLevel) TxOption { return func(o *txOptions) { o.pgx.IsoLevel = level } }

// ReadOnly makes the server refuse writes.
func ReadOnly() TxOption { return func(o *txOptions) { o.pgx.AccessMode = pgx.ReadOnly } }

func applyOptions(opts []TxOption) txOptions {
	o := txOptions{tries: maxTries}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}
