package ledger

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// ending is a job whose outcome is being committed.
type ending struct {
	job     *Claimed
	out     Outcome
	written Written
	place   int // in the group
}

func (e *ending) settled() Settled {
	return Settled{Holds: true, Applied: true, Status: e.out.Status, Written: e.written}
}

// endingRows are endings as columns, in the order of their jobs' ids.
type endingRows struct {
	ids, claims, statuses, classes, codes, messages, waits []string
	after                                                  []int64 // microseconds
	attempts                                               []int32
	fetched, requests, changed, deleted                    []int64
	asOf                                                   []*time.Time
}

func rowsOf(endings []*ending) endingRows {
	var r endingRows
	for _, e := range endings {
		r.ids = append(r.ids, e.job.JobID)
		r.claims = append(r.claims, e.job.Claim)
		r.statuses = append(r.statuses, string(e.out.Status))
		r.classes = append(r.classes, string(e.out.Class))
		r.codes = append(r.codes, e.out.Code)
		r.messages = append(r.messages, e.out.Message)
		r.waits = append(r.waits, string(e.out.Wait))
		r.after = append(r.after, e.out.After.Microseconds())
		r.attempts = append(r.attempts, int32(e.job.attemptAfter(e.out))) //nolint:gosec // a handful
		r.fetched = append(r.fetched, e.out.RowsFetched)
		r.requests = append(r.requests, e.out.Requests)
		r.changed = append(r.changed, e.written.Changed)
		r.deleted = append(r.deleted, e.written.Deleted)
		r.asOf = append(r.asOf, e.job.asOfAfter(e.out))
	}
	return r
}

// fence records the outcomes of those whose claim still holds their job, and
// locks the jobs' rows for the rest of the transaction: the endings come in the
// order of their jobs' ids, and the rows are locked in it. It gives those whose
// claim holds. What earlier attempts stored stays counted.
func fence(ctx context.Context, tx pgx.Tx, endings []*ending) ([]*ending, error) {
	update := `
UPDATE alphapulse.sync_jobs j
SET status = u.status,
    error_class = nullif(u.class, ''), error_code = nullif(u.code, ''), error_message = nullif(u.message, ''),
    wait_reason = nullif(u.wait, ''),
    next_at = CASE WHEN u.status = 'waiting' THEN clock_timestamp() + u.after * interval '1 microsecond' END,
    attempt = u.attempt,
    finished_at = CASE WHEN u.status <> 'waiting' THEN clock_timestamp() END,
    rows_fetched = u.fetched, exchange_requests = exchange_requests + u.requests, as_of = u.as_of
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
            $9::integer[], $10::bigint[], $11::bigint[], $12::timestamptz[])
         AS u (id, claim, status, class, code, message, wait, after, attempt, fetched, requests, as_of)
WHERE ` + keyed("j.id", "u.id") + ` AND j.claim = u.claim AND j.status || '' = 'running'
RETURNING j.id`
	r := rowsOf(endings)
	rows, err := tx.Query(ctx, update, r.ids, r.claims, r.statuses, r.classes, r.codes, r.messages, r.waits, r.after,
		r.attempts, r.fetched, r.requests, r.asOf)
	if err != nil {
		return nil, err
	}
	holds := make(map[string]bool, len(endings))
	var id string
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { holds[id] = true; return nil }); err != nil {
		return nil, err
	}
	held := endings[:0:0]
	for _, e := range endings {
		if holds[e.job.JobID] {
			held = append(held, e)
		}
	}
	return held, nil
}

// settle ends what fence began, once the rows are written: it corrects the jobs
// whose rows changed or whose outcome did (an unchanged snapshot costs no second
// update), and does what the outcomes entail.
func settle(ctx context.Context, tx pgx.Tx, held []*ending) error {
	batch := &pgx.Batch{}
	var corrected []*ending
	for _, e := range held {
		if e.written.Instead != nil {
			e.out = *e.written.Instead
		}
		if e.written.Changed != 0 || e.written.Deleted != 0 || e.written.Instead != nil {
			corrected = append(corrected, e)
		}
	}
	queueCorrections(batch, corrected)
	queueFollow(ctx, batch, held)
	if batch.Len() > 0 {
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
	}
	for _, e := range held {
		if e.out.Status == syncjob.Waiting {
			continue
		}
		if _, err := letGo(ctx, tx, e.job.Subject.ID, string(e.job.DataType), string(e.job.Lane)); err != nil {
			return err
		}
	}
	return nil
}

func queueCorrections(batch *pgx.Batch, endings []*ending) {
	if len(endings) == 0 {
		return
	}
	update := `
UPDATE alphapulse.sync_jobs j
SET status = u.status, rows_changed = rows_changed + u.changed, rows_deleted = rows_deleted + u.deleted,
    error_class = nullif(u.class, ''), error_code = nullif(u.code, ''), error_message = nullif(u.message, ''),
    wait_reason = nullif(u.wait, ''),
    next_at = CASE WHEN u.status = 'waiting' THEN clock_timestamp() + u.after * interval '1 microsecond' END,
    attempt = u.attempt,
    finished_at = CASE WHEN u.status <> 'waiting' THEN coalesce(finished_at, clock_timestamp()) END,
    as_of = u.as_of
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::bigint[], $10::integer[], $11::timestamptz[])
         AS u (id, status, changed, deleted, class, code, message, wait, after, attempt, as_of)
WHERE ` + keyed("j.id", "u.id")
	r := rowsOf(endings)
	batch.Queue(update, r.ids, r.statuses, r.changed, r.deleted, r.classes, r.codes, r.messages, r.waits, r.after,
		r.attempts, r.asOf)
}
