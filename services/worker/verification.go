package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// comparison is how a part that was read is compared with the table, in place of
// being stored.
type comparison struct {
	rows  int
	queue func(batch *pgx.Batch, stamp snapshot.Stamp, since time.Time, found func(snapshot.Difference))
}

// compareSnapshot compares rows of a scope with all that the table has of it.
func compareSnapshot(w *snapshot.Writer, rows snapshot.Rows) comparison {
	return comparison{rows: rows.Len(), queue: func(
		batch *pgx.Batch, stamp snapshot.Stamp, since time.Time, found func(snapshot.Difference),
	) {
		w.Compare(batch, stamp, since, nil, rows, found)
	}}
}

// verify gives the function that compares a reading's parts with the table, in
// the transaction of their outcome. It stores what differs and nothing else.
//
// A difference is drift unless the row changed after the table was last written,
// which is time and not error: then it is only counted. A snapshot that is older
// than what is stored by now proves nothing, so the job waits and reads again.
func (a *attempt) verify(r reading) ledger.Write {
	parts := inScopeOrder(r.parts)
	return func(ctx context.Context, tx pgx.Tx) (ledger.Written, error) {
		stored, err := a.shareScopes(ctx, tx, parts)
		if err != nil {
			return ledger.Written{}, err
		}
		if behind, ahead := superseded(parts, stored); behind > 0 {
			return ledger.Written{Instead: &ledger.Outcome{
				Status: syncjob.Waiting, Wait: syncjob.WaitSuperseded, After: ahead,
			}}, nil
		}
		for _, p := range parts {
			if p.compare.queue == nil || p.asOf.IsZero() {
				continue
			}
			differences, err := a.differences(ctx, tx, p, stored[p.scope])
			if err == nil {
				err = a.storeDrift(ctx, tx, p, differences)
			}
			if err != nil {
				return ledger.Written{}, fmt.Errorf("verifying %s: %w", p.scope, err)
			}
		}
		return ledger.Written{}, nil
	}
}

// shareScopes gives when each scope was last stored, and keeps that so until the
// comparison is done.
func (a *attempt) shareScopes(ctx context.Context, tx pgx.Tx, parts []part) (map[string]time.Time, error) {
	const share = `
SELECT scope, as_of FROM alphapulse.sync_scopes
WHERE subject_id = $1 AND data_type = $2 AND scope = ANY ($3::text[]) AND as_of IS NOT NULL
ORDER BY scope FOR SHARE`
	rows, err := tx.Query(ctx, share, a.job.Subject.ID, string(a.job.DataType), scopeNames(parts))
	if err != nil {
		return nil, fmt.Errorf("locking scopes: %w", err)
	}
	stored := map[string]time.Time{}
	var scope string
	var asOf time.Time
	_, err = pgx.ForEachRow(rows, []any{&scope, &asOf}, func() error {
		stored[scope] = asOf
		return nil
	})
	return stored, err
}

func (a *attempt) differences(ctx context.Context, tx pgx.Tx, p part, since time.Time) ([]snapshot.Difference, error) {
	var found []snapshot.Difference
	batch := &pgx.Batch{}
	stamp := snapshot.Stamp{SubjectID: a.job.Subject.ID, RunID: a.job.RunID, Scope: p.wireScope(), AsOf: p.asOf}
	p.compare.queue(batch, stamp, since, func(d snapshot.Difference) { found = append(found, d) })
	return found, tx.SendBatch(ctx, batch).Close()
}

// maxDrift bounds the differences stored of one scope; the count is kept whole.
const maxDrift = 10_000

func (a *attempt) storeDrift(ctx context.Context, tx pgx.Tx, p part, differences []snapshot.Difference) error {
	protected := map[string]bool{}
	for _, f := range p.faults {
		protected[f.Key] = true
	}
	const insert = `
INSERT INTO alphapulse.drift
    (job_id, account_id, data_type, scope, row_key, kind, column_name, stored_value, exchange_value)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	batch := &pgx.Batch{}
	var moved, drifted int64
	for _, d := range differences {
		switch {
		case d.Kind == "extra" && protected[d.Key]: // it came, and was not understood
			continue
		case d.Moved:
			moved++
			continue
		}
		if drifted++; drifted > maxDrift {
			continue
		}
		line := []any{a.job.JobID, a.accountID(), string(a.job.DataType), p.scope, d.Key, d.Kind}
		if len(d.Columns) == 0 {
			batch.Queue(insert, append(line, nil, nil, nil)...)
		}
		for i, column := range d.Columns {
			batch.Queue(insert, append(line[:len(line):len(line)], column, d.Stored[i], d.Exchange[i])...)
		}
	}
	const summary = `
INSERT INTO alphapulse.verifications (job_id, scope, "window", rows_compared, rows_moved, rows_drifted)
VALUES ($1, $2, tstzrange($3, $4), $5, $6, $7)
ON CONFLICT (job_id, scope) DO UPDATE
SET rows_compared = excluded.rows_compared, rows_moved = excluded.rows_moved, rows_drifted = excluded.rows_drifted,
    checked_at = clock_timestamp()`
	var from, to *time.Time
	if a.job.Window != nil {
		from, to = &a.job.Window.From, &a.job.Window.To
	}
	batch.Queue(summary, a.job.JobID, p.scope, from, to, p.compare.rows, moved, drifted)
	return tx.SendBatch(ctx, batch).Close()
}

// accountID is NULL for a market's job.
func (a *attempt) accountID() *string {
	if a.job.Subject.Kind != syncjob.Account {
		return nil
	}
	return &a.job.Subject.ID
}
