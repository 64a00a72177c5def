package postgres

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
)

// Stream reads a result of any size in one read-only transaction, whose only
// bound is ctx: nothing but a caller who reads slowly makes it long.
//
// each gets every row as text, NULL as nil; the slices are valid until it
// returns. head gets the columns before.
func (db *DB) Stream(
	ctx context.Context, sql string, head func([]Column) error, each func([][]byte) error,
) error {
	return db.unbounded(ctx, "stream", func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return err
		}
		defer rows.Close()
		var columns []Column
		for _, f := range rows.FieldDescriptions() {
			columns = append(columns, Column{Name: f.Name, OID: f.DataTypeOID})
		}
		if err := head(columns); err != nil {
			return err
		}
		for rows.Next() {
			if err := each(rows.RawValues()); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// Column is one of a result's.
type Column struct {
	Name string
	OID  uint32
}

// CopyCSV writes a result of any size as CSV with a header, as COPY does: NULL is
// nothing, and an empty text is "". It returns how many rows it wrote.
func (db *DB) CopyCSV(ctx context.Context, sql string, out io.Writer) (rows int64, err error) {
	err = db.unbounded(ctx, "copy", func(conn *pgx.Conn) error {
		tag, err := conn.PgConn().CopyTo(ctx, out, "COPY ("+sql+") TO STDOUT (FORMAT csv, HEADER)")
		rows = tag.RowsAffected()
		return err
	})
	return rows, err
}

// unbounded gives fn a connection in a read-only transaction without the pool's
// timeouts. A connection that is not idle afterwards is destroyed.
func (db *DB) unbounded(ctx context.Context, label string, fn func(*pgx.Conn) error) error {
	conn, err := db.Acquire(ctx, label)
	if err != nil {
		return err
	}
	defer conn.Release()
	started := time.Now()
	err = func() error {
		const begin = `BEGIN READ ONLY; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL TimeZone = 'UTC'; SET LOCAL IntervalStyle = 'iso_8601'`
		if _, err := conn.pgx().Exec(ctx, begin, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		if err := fn(conn.pgx()); err != nil {
			return err
		}
		_, err := conn.pgx().Exec(ctx, `COMMIT`, pgx.QueryExecModeSimpleProtocol)
		return err
	}()
	if err != nil {
		conn.destroy() // it may be in the middle of an answer
		return db.observe(fmt.Errorf("%s, after %s: %w", label, time.Since(started).Round(time.Millisecond), err))
	}
	return nil
}
