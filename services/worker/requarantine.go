package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// quarantinedRow is a row that was not understood when it came.
type quarantinedRow struct {
	ID      int64
	Scope   string
	Payload string
	SeenAt  time.Time // when the exchange last showed it
}

// toRetry gives the rows of the quarantine that the job is to read again; nil if
// it is a job of another kind.
func toRetry(job *ledger.Claimed) []int64 {
	var params struct {
		Quarantine []int64 `json:"quarantine"`
	}
	if len(job.Params) == 0 || json.Unmarshal(job.Params, &params) != nil {
		return nil
	}
	return params.Quarantine
}

// rewriter writes rows that were read from the quarantine. Readers of snapshots
// have none: a row of a past snapshot must not come back, and the next walk
// brings it as it is now.
type rewriter interface {
	rewrite(rows []exchange.Keyed) func(*pgx.Batch, snapshot.Stamp, *snapshot.Tally)
}

func (p past[T]) rewrite(rows []exchange.Keyed) func(*pgx.Batch, snapshot.Stamp, *snapshot.Tally) {
	var own []T
	for _, row := range rows {
		if r, ok := row.(T); ok {
			own = append(own, r)
		}
	}
	return func(batch *pgx.Batch, stamp snapshot.Stamp, tally *snapshot.Tally) {
		p.writer.Upsert(batch, stamp, snapshot.Collect(p.writer.Table(), own, p.values), tally)
	}
}

// reparsed is what came of reading rows of the quarantine again.
type reparsed struct {
	understood []int64
	rows       map[string][]exchange.Keyed // by scope
	seen       map[string]time.Time        // by scope: when the oldest of rows was shown
	still      map[int64]string            // the reason by id
	fault      *exchange.RowFault          // the first of those
}

// retryQuarantine parses stored payloads again; the exchange is not asked. What
// is understood now is written and leaves the quarantine.
func (a *attempt) retryQuarantine(ctx context.Context, ids []int64, r reader) result {
	parser, fault := a.reparser()
	if fault != nil {
		return result{outcome: failure(a.job, fault, false, time.Now())}
	}
	kept, err := a.quarantined(ctx, ids)
	if err != nil {
		fault := databaseFault("reading the quarantine", err)
		return result{outcome: failure(a.job, fault, false, time.Now())}
	}
	again := reparse(parser, a.job.DataType, kept)
	outcome := ledger.Outcome{Status: syncjob.Succeeded, RowsFetched: int64(len(kept))}
	if again.fault != nil {
		outcome.Status, outcome.Class = syncjob.Partial, syncjob.Decode
		outcome.Message = plural(len(again.still), "row is", "rows are") + " still not understood, the first: " + again.fault.Reason
	}
	if again.fault != nil && len(again.understood) == 0 {
		outcome.Status = syncjob.Failed
	}
	return result{outcome: outcome, write: a.writeReparsed(again, r)}
}

// reparser is the adapter's, of whichever the job belongs to.
func (a *attempt) reparser() (exchange.Reparser, *exchange.Error) {
	if a.job.Subject.Kind == syncjob.Market {
		return serveMarket[exchange.Reparser](a)
	}
	return serve[exchange.Reparser](a)
}

func (a *attempt) quarantined(ctx context.Context, ids []int64) ([]quarantinedRow, error) {
	const query = `
SELECT id, scope, payload, last_seen_at FROM alphapulse.quarantine
WHERE subject_id = $1 AND data_type = $2 AND id = ANY ($3) ORDER BY id`
	rows, err := a.db.Query(ctx, query, a.job.Subject.ID, string(a.job.DataType), ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[quarantinedRow])
}

func reparse(parser exchange.Reparser, t syncjob.DataType, kept []quarantinedRow) reparsed {
	again := reparsed{rows: map[string][]exchange.Keyed{}, seen: map[string]time.Time{}, still: map[int64]string{}}
	for _, q := range kept {
		row, fault := parser.Reparse(string(t), exchange.Scope(q.Scope), []byte(q.Payload))
		if fault != nil {
			again.still[q.ID] = fault.Reason
			if again.fault == nil {
				again.fault = fault
			}
			continue
		}
		again.understood = append(again.understood, q.ID)
		if row != nil {
			again.rows[q.Scope] = append(again.rows[q.Scope], row)
			if at, ok := again.seen[q.Scope]; !ok || q.SeenAt.Before(at) {
				again.seen[q.Scope] = q.SeenAt
			}
		}
	}
	return again
}

func (a *attempt) writeReparsed(again reparsed, r reader) ledger.Write {
	return func(ctx context.Context, tx pgx.Tx) (ledger.Written, error) {
		var tally snapshot.Tally
		batch := &pgx.Batch{}
		if w, ok := r.(rewriter); ok {
			for scope, rows := range again.rows {
				stamp := snapshot.Stamp{SubjectID: a.job.Subject.ID, RunID: a.job.RunID, Scope: scope, AsOf: again.seen[scope]}
				if a.job.DataType == syncjob.Orders { // their own update time decides, and their history goes forward
					stamp.AsOf = a.exchangeNow()
				}
				w.rewrite(rows)(batch, stamp, &tally)
			}
		}
		batch.Queue(`DELETE FROM alphapulse.quarantine WHERE id = ANY ($1)`, again.understood)
		for id, reason := range again.still {
			batch.Queue(`
UPDATE alphapulse.quarantine SET reason = $2, retried_at = clock_timestamp() WHERE id = $1`, id, reason)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return ledger.Written{}, fmt.Errorf("writing what left the quarantine: %w", err)
		}
		return ledger.Written{Changed: tally.Changed}, nil
	}
}
