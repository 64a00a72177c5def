package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Exec runs one statement that commits on its own. Without an answer (a
// connection lost, ctx ended) it may have been stored or not; it is not
// repeated here, so give it a guard that makes repeating harmless.
func (db *DB) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	conn, err := db.Acquire(ctx, statementLabel(sql))
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer conn.Release()
	ctx, cancel := context.WithTimeout(ctx, db.cfg.answerTimeout())
	defer cancel()
	return conn.Exec(ctx, sql, args...)
}

// Query runs one query. The connection is returned when the rows are closed,
// which reading them to their end does too.
func (db *DB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn, err := db.Acquire(ctx, statementLabel(sql))
	if err != nil {
		return failedRows{err: err}, err
	}
	ctx, cancel := context.WithTimeout(ctx, db.cfg.answerTimeout())
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		cancel()
		conn.Release()
		return failedRows{err: err}, err
	}
	return &pooledRows{Rows: rows, conn: conn, cancel: cancel}, nil
}

// QueryRow runs one query for one row; errors, pgx.ErrNoRows among them, come
// from Scan.
func (db *DB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := db.Query(ctx, sql, args...)
	return &pooledRow{rows: rows, err: err}
}

// SendBatch sends statements in one round trip; together they are one implicit
// transaction. Close the results, or their connection is not returned.
func (db *DB) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	conn, err := db.Acquire(ctx, "batch")
	if err != nil {
		return failedBatch{err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, db.cfg.answerTimeout())
	return &pooledBatch{BatchResults: conn.pgx().SendBatch(ctx, batch), conn: conn, cancel: cancel}
}

const maxLabel = 60

// statementLabel is the beginning of the statement: enough to find it.
func statementLabel(sql string) string {
	if len(sql) > 4*maxLabel {
		sql = sql[:4*maxLabel]
	}
	label := strings.Join(strings.Fields(sql), " ")
	if len(label) > maxLabel {
		return label[:maxLabel] + "…"
	}
	return label
}
