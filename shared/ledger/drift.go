package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Verification is what a verifying job compared of one scope.
type Verification struct {
	JobID    string
	DataType syncjob.DataType
	Scope    string
	Window   *Window // nil: what is now
	Compared int64
	Moved    int64 // differ because they changed after the table was written
	Drifted  int64
	At       time.Time
}

// Verifications reads what the jobs of a verifying run compared.
func (l *Ledger) Verifications(ctx context.Context, runID string) ([]Verification, error) {
	const read = `
SELECT v.job_id, j.data_type, v.scope, v."window", v.rows_compared, v.rows_moved, v.rows_drifted, v.checked_at
FROM alphapulse.sync_jobs j JOIN alphapulse.verifications v ON v.job_id = j.id
WHERE j.run_id = $1
ORDER BY j.data_type, v.scope, v."window"`
	rows, err := l.db.Query(ctx, read, runID)
	if err != nil {
		return nil, notFound(err, "run %s", runID)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Verification, error) {
		var v Verification
		var window *pgtype.Range[pgtype.Timestamptz]
		err := row.Scan(&v.JobID, &v.DataType, &v.Scope, &window, &v.Compared, &v.Moved, &v.Drifted, &v.At)
		v.Window = optionalWindow(window)
		return v, err
	})
	if err != nil {
		return nil, notFound(err, "run %s", runID)
	}
	return found, nil
}

// Drift is one difference between what is stored and what the exchange says.
type Drift struct {
	JobID    string
	DataType syncjob.DataType
	Scope    string
	Window   *Window // of the job that found it; nil: what is now
	RowKey   string
	Kind     string  // changed, missing or extra
	Column   string  // of a changed row
	Stored   *string // nil: NULL, or no row
	Exchange *string
	FoundAt  time.Time
}

// DriftOf reads what a verifying run found, by type, scope and row.
func (l *Ledger) DriftOf(ctx context.Context, runID string) ([]Drift, error) {
	const read = `
SELECT d.job_id, d.data_type, d.scope, j."window", d.row_key, d.kind, coalesce(d.column_name, ''), d.stored_value,
       d.exchange_value, d.found_at
FROM alphapulse.sync_jobs j JOIN alphapulse.drift d ON d.job_id = j.id
WHERE j.run_id = $1
ORDER BY d.data_type, d.scope, d.row_key, d.id`
	rows, err := l.db.Query(ctx, read, runID)
	if err != nil {
		return nil, notFound(err, "run %s", runID)
	}
	found, err := pgx.CollectRows(rows, scanDrift)
	if err != nil {
		return nil, notFound(err, "run %s", runID)
	}
	return found, nil
}

func scanDrift(row pgx.CollectableRow) (Drift, error) {
	var d Drift
	var window *pgtype.Range[pgtype.Timestamptz]
	err := row.Scan(&d.JobID, &d.DataType, &d.Scope, &window, &d.RowKey, &d.Kind, &d.Column, &d.Stored, &d.Exchange,
		&d.FoundAt)
	if err != nil {
		return d, fmt.Errorf("reading drift: %w", err)
	}
	d.Window = optionalWindow(window)
	return d, nil
}
