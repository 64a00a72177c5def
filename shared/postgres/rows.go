package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// pooledRows returns its connection when it is closed.
type pooledRows struct {
	pgx.Rows
	conn   *Conn
	cancel context.CancelFunc
}

func (r *pooledRows) Close() {
	r.Rows.Close()
	r.cancel()
	r.conn.Release()
}

func (r *pooledRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *pooledRows) Scan(dest ...any) error {
	err := r.Rows.Scan(dest...)
	if err != nil {
		r.Close()
	}
	return err
}

func (r *pooledRows) Values() ([]any, error) {
	values, err := r.Rows.Values()
	if err != nil {
		r.Close()
	}
	return values, err
}

func (r *pooledRows) Err() error { return r.conn.db.observe(r.Rows.Err()) }

type pooledRow struct {
	rows pgx.Rows
	err  error
}

func (r *pooledRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// failedRows is the answer of a query that never ran: reading it yields the
// error, as pgx's own helpers expect.
type failedRows struct{ err error }

func (failedRows) Close()                                       {}
func (r failedRows) Err() error                                 { return r.err }
func (failedRows) CommandTag() pgconn.CommandTag                { return pgconn.CommandTag{} }
func (failedRows) FieldDescriptions() []pgconn.FieldDescription { return nil }
func (failedRows) Next() bool                                   { return false }
func (r failedRows) Scan(...any) error                          { return r.err }
func (r failedRows) Values() ([]any, error)                     { return nil, r.err }
func (failedRows) RawValues() [][]byte                          { return nil }
func (failedRows) Conn() *pgx.Conn                              { return nil }
func (failedRows) TypeMap() *pgtype.Map                         { return nil }

// pooledBatch returns its connection when it is closed.
type pooledBatch struct {
	pgx.BatchResults
	conn   *Conn
	cancel context.CancelFunc
}

func (b *pooledBatch) Close() error {
	err := b.BatchResults.Close()
	b.cancel()
	b.conn.Release()
	return b.conn.db.observe(err)
}

// Tx is always nil: transactions have one door, InTx. A transaction that the
// batch began is rolled back, because its connection is destroyed on return.
func (*pooledBatch) Tx() pgx.Tx { return nil }

// failedBatch is the answer of a batch that was never sent.
type failedBatch struct{ err error }

func (b failedBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, b.err }
func (b failedBatch) Query() (pgx.Rows, error)         { return failedRows(b), b.err }
func (b failedBatch) QueryRow() pgx.Row                { return &pooledRow{err: b.err} }
func (b failedBatch) Close() error                     { return b.err }
func (failedBatch) Tx() pgx.Tx                         { return nil }
