package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// queueFollow queues what outcomes entail, in their transaction: failed attempts
// are recorded, the states of the data types brought up to date, waiting siblings
// woken, and what a market's success made pointless skipped.
func queueFollow(ctx context.Context, batch *pgx.Batch, endings []*ending) {
	for _, e := range endings {
		if e.out.failed() {
			queueAttempt(batch, e)
		}
	}
	queueStates(batch, endings)
	queueWakes(ctx, batch, endings)
	for _, e := range endings {
		if e.job.Subject.Kind == syncjob.Market && e.out.Status == syncjob.Succeeded && e.job.Lane == syncjob.Live {
			queueSkips(batch, e)
		}
	}
}

func queueAttempt(batch *pgx.Batch, e *ending) {
	const insert = `
INSERT INTO alphapulse.sync_attempts (claim, job_id, attempt, owner, started_at, error_class, error_code, error_message)
SELECT $2, id, $3, owner, claimed_at, $4, nullif($5, ''), nullif($6, '')
FROM alphapulse.sync_jobs WHERE id = $1
ON CONFLICT (claim) DO NOTHING`
	batch.Queue(insert, e.job.JobID, e.job.Claim, e.job.Attempt, string(e.out.Class), e.out.Code, e.out.Message)
}

// stateRows are what endings say of their data types, as columns, in the order of
// the states' keys.
type stateRows struct {
	accounts, markets, types, classes, messages []string
	succeeded, failed, superseded               []bool
	asOf                                        []*time.Time
	requests                                    []int64
}

func statesOf(endings []*ending) stateRows {
	endings = slices.DeleteFunc(slices.Clone(endings), func(e *ending) bool {
		return e.job.Lane != syncjob.Live || e.job.DataType == syncjob.Probe
	})
	slices.SortFunc(endings, func(x, y *ending) int {
		return cmp.Or(cmp.Compare(x.job.Subject.ID, y.job.Subject.ID), cmp.Compare(x.job.DataType, y.job.DataType))
	})
	var r stateRows
	for _, e := range endings {
		r.add(e)
	}
	return r
}

func (r *stateRows) add(e *ending) {
	out := e.out
	failed := out.failed() && out.Class.Counts()
	if out.Wait == syncjob.WaitKey { // the key it used is gone: that says nothing about the data
		failed, out.Class, out.Message = false, "", ""
	}
	var asOf *time.Time
	if out.Status == syncjob.Succeeded || out.Status == syncjob.Partial {
		asOf = nullTime(out.AsOf)
	}
	account, market := e.job.Subject.ID, ""
	if e.job.Subject.Kind == syncjob.Market {
		account, market = "", e.job.Subject.ID
	}
	r.accounts, r.markets = append(r.accounts, account), append(r.markets, market)
	r.types = append(r.types, string(e.job.DataType))
	r.classes, r.messages = append(r.classes, string(out.Class)), append(r.messages, out.Message)
	r.succeeded, r.failed = append(r.succeeded, out.Status == syncjob.Succeeded), append(r.failed, failed)
	r.superseded = append(r.superseded, out.Wait == syncjob.WaitSuperseded || out.Status == syncjob.Skipped)
	r.asOf, r.requests = append(r.asOf, asOf), append(r.requests, out.Requests)
}

// queueStates keeps sync_state: last_success_at and as_of never go backwards,
// and only attempts that failed count as failures. A state that there is, which is
// nearly each, is updated at once: an INSERT that meets it would lock it first, which is
// a record of its own in the log.
func queueStates(batch *pgx.Batch, endings []*ending) {
	upsert := `
WITH u AS MATERIALIZED (
    SELECT nullif(g.account, '')::uuid AS account_id, nullif(g.market, '')::uuid AS market_id,
           coalesce(nullif(g.account, ''), g.market)::uuid AS subject_id, g.data_type,
           clock_timestamp() AS last_attempt_at, CASE WHEN g.succeeded THEN clock_timestamp() END AS last_success_at, g.as_of,
           g.failed::integer AS consecutive_failures, nullif(g.class, '') AS last_error_class,
           nullif(g.message, '') AS last_error_message, g.superseded::integer AS superseded_in_row,
           nullif(g.requests, 0) AS exchange_requests
    FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::timestamptz[], $6::boolean[], $7::text[], $8::text[],
                $9::boolean[], $10::bigint[])
             AS g (account, market, data_type, succeeded, as_of, failed, class, message, superseded, requests)),
known AS (
    UPDATE alphapulse.sync_state s SET ` + stateAfter("u") + `
    FROM u WHERE ` + keyed("s.subject_id", "u.subject_id") + ` AND s.data_type = u.data_type
    RETURNING s.subject_id, s.data_type)
INSERT INTO alphapulse.sync_state AS s
    (account_id, market_id, data_type, last_attempt_at, last_success_at, as_of, consecutive_failures, last_error_class,
     last_error_message, superseded_in_row, exchange_requests)
SELECT u.account_id, u.market_id, u.data_type, u.last_attempt_at, u.last_success_at, u.as_of, u.consecutive_failures,
       u.last_error_class, u.last_error_message, u.superseded_in_row, u.exchange_requests
FROM u WHERE (u.subject_id, u.data_type) NOT IN (SELECT known.subject_id, known.data_type FROM known)
ON CONFLICT (subject_id, data_type) DO UPDATE SET ` + stateAfter("excluded")
	r := statesOf(endings)
	if len(r.types) == 0 {
		return
	}
	batch.Queue(upsert, r.accounts, r.markets, r.types, r.succeeded, r.asOf, r.failed, r.classes, r.messages,
		r.superseded, r.requests)
}

// stateAfter sets the columns of the state s to what they are after the news n of it.
func stateAfter(n string) string {
	return fmt.Sprintf(`
    last_attempt_at = %[1]s.last_attempt_at,
    last_success_at = greatest(s.last_success_at, %[1]s.last_success_at),
    as_of = greatest(s.as_of, %[1]s.as_of),
    consecutive_failures = CASE WHEN %[1]s.consecutive_failures > 0 THEN s.consecutive_failures + 1
                                WHEN %[1]s.last_success_at IS NOT NULL THEN 0 ELSE s.consecutive_failures END,
    last_error_class = CASE WHEN %[1]s.last_success_at IS NULL THEN coalesce(%[1]s.last_error_class, s.last_error_class) END,
    last_error_message = CASE WHEN %[1]s.last_success_at IS NULL THEN coalesce(%[1]s.last_error_message, s.last_error_message) END,
    superseded_in_row = CASE WHEN %[1]s.superseded_in_row > 0 THEN s.superseded_in_row + 1
                             WHEN %[1]s.last_success_at IS NOT NULL THEN 0 ELSE s.superseded_in_row END,
    exchange_requests = coalesce(%[1]s.exchange_requests, s.exchange_requests)`, n)
}

// queueSkips ends every other live job of a market and type that was queued
// before this one was claimed: what it would read has just been read. So a
// thousand new accounts cost one read of the prices. Jobs that are held back
// for a following run are not skipped: callers may still join that run.
func queueSkips(batch *pgx.Batch, e *ending) {
	const skip = `
UPDATE alphapulse.sync_jobs
SET status = 'skipped', as_of = $4, finished_at = clock_timestamp(), next_at = NULL, wait_reason = NULL
WHERE id = ANY (ARRAY(SELECT id FROM alphapulse.sync_jobs
                      WHERE subject_id = $1 AND data_type = $2 AND lane = 'live'
                        AND status IN ('queued', 'waiting')
                        AND queued_at < $3 AND coalesce(next_at, '-infinity') < 'infinity'
                      ORDER BY id FOR UPDATE SKIP LOCKED))
  AND status IN ('queued', 'waiting')`
	batch.Queue(skip, e.job.Subject.ID, string(e.job.DataType), e.job.ClaimedAt, nullTime(e.out.AsOf))
}
