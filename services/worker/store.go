package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// store gives the function that writes a reading's parts in the transaction of
// their outcome: first every scope's row is locked, in the order of their
// names; then each part whose snapshot is newer than what is stored is written.
//
// A scheduled job whose snapshot was superseded lets it be. Any other was asked
// for by somebody who must not get data older than his call: it stores nothing
// and waits until the scope's as_of has passed.
func (a *attempt) store(r reading, out ledger.Outcome) ledger.Write {
	if a.job.Trigger == syncjob.TriggerVerify {
		return a.verify(r)
	}
	parts := inScopeOrder(r.parts)
	return func(ctx context.Context, tx pgx.Tx) (ledger.Written, error) {
		if err := a.keepOut(ctx, tx, parts); err != nil {
			return ledger.Written{}, err
		}
		newer, err := a.lockScopes(ctx, tx, a.guarded(parts))
		if err != nil {
			return ledger.Written{}, err
		}
		behind, ahead := superseded(parts, newer)
		if behind > 0 && a.job.Trigger.Compares() {
			return ledger.Written{Instead: &ledger.Outcome{
				Status: syncjob.Waiting, Wait: syncjob.WaitSuperseded, After: ahead,
			}}, nil
		}
		tally, err := a.writeParts(ctx, tx, parts, newer)
		if err == nil {
			err = a.retire(ctx, tx, r, &tally)
		}
		if err != nil {
			return ledger.Written{}, err
		}
		written := ledger.Written{Changed: tally.Changed, Deleted: tally.Deleted}
		if behind > 0 && behind == r.stored() {
			skipped := out
			skipped.Status = syncjob.Skipped
			skipped.Message = "a newer snapshot was stored already"
			written.Instead = &skipped
		}
		return written, nil
	}
}

// inScopeOrder is the order in which scopes are locked and written.
func inScopeOrder(parts []part) []part {
	return slices.SortedFunc(slices.Values(parts), func(x, y part) int { return strings.Compare(x.scope, y.scope) })
}

// superseded counts the snapshots that are not newer than what is stored, and
// says how long the newest of those is ahead.
func superseded(parts []part, stored map[string]time.Time) (behind int, ahead time.Duration) {
	for _, p := range parts {
		as, ok := stored[p.scope]
		if !p.stores || p.history || !ok || p.asOf.After(as) {
			continue
		}
		behind++
		ahead = max(ahead, as.Sub(p.asOf))
	}
	return behind, ahead
}

// guarded are the parts whose scope's row guards them. What lane backfill adds to
// a history is guarded by the rows themselves, and touches no scope: so windows
// of one scope commit side by side.
func (a *attempt) guarded(parts []part) []part {
	return slices.DeleteFunc(slices.Clone(parts), func(p part) bool {
		return p.history && a.job.Lane != syncjob.Live
	})
}

// keepOut keeps live jobs from writing orders while a backfill does: both may
// hold the same order, and its history must not be written by two at once.
// Backfills share the scope among themselves.
func (a *attempt) keepOut(ctx context.Context, tx pgx.Tx, parts []part) error {
	if a.job.DataType != syncjob.Orders || a.job.Lane == syncjob.Live {
		return nil
	}
	_, err := a.shareScopes(ctx, tx, parts)
	return err
}

// lockScopes locks the row of every scope that was touched, making it if need
// be, and gives the as_of of those that have one.
func (a *attempt) lockScopes(ctx context.Context, tx pgx.Tx, parts []part) (map[string]time.Time, error) {
	insert := fmt.Sprintf(`
INSERT INTO alphapulse.sync_scopes (%s, data_type, scope)
SELECT $1, $2, s FROM unnest($3::text[]) AS s ORDER BY s
ON CONFLICT (subject_id, data_type, scope) DO NOTHING`, a.subjectColumn())
	const lock = `
SELECT scope, as_of FROM alphapulse.sync_scopes
WHERE subject_id = $1 AND data_type = $2 AND scope = ANY ($3::text[]) ORDER BY scope FOR UPDATE`
	args := []any{a.job.Subject.ID, string(a.job.DataType), scopeNames(parts)}
	stored := map[string]time.Time{}
	batch := &pgx.Batch{}
	batch.Queue(insert, args...)
	batch.Queue(lock, args...).Query(func(rows pgx.Rows) error {
		var scope string
		var asOf *time.Time
		_, err := pgx.ForEachRow(rows, []any{&scope, &asOf}, func() error {
			if asOf != nil {
				stored[scope] = *asOf
			}
			return nil
		})
		return err
	})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("locking scopes: %w", err)
	}
	return stored, nil
}

// writeParts writes the parts that are newer than what is stored, and of every
// part how its walk ended.
func (a *attempt) writeParts(
	ctx context.Context, tx pgx.Tx, parts []part, stored map[string]time.Time,
) (snapshot.Tally, error) {
	var tally snapshot.Tally
	batch := &pgx.Batch{}
	for _, p := range parts {
		as, known := stored[p.scope]
		if known && !p.history && !p.asOf.After(as) && p.stores {
			continue
		}
		if p.stores && !p.asOf.IsZero() {
			stamp := snapshot.Stamp{SubjectID: a.job.Subject.ID, RunID: a.job.RunID, Scope: p.wireScope(), AsOf: p.asOf}
			p.queue(batch, stamp, &tally)
		}
		a.queueQuarantine(batch, p)
		if !p.history || a.job.Lane == syncjob.Live {
			a.queueScope(batch, p)
		}
	}
	for _, p := range parts {
		if p.history {
			a.queueCoverage(batch, p)
		}
	}
	if a.job.Lane == syncjob.Live {
		a.queueWatermark(batch, parts)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return snapshot.Tally{}, fmt.Errorf("writing %s: %w", a.job.DataType, err)
	}
	return tally, nil
}

// queueScope records how the walk of a scope ended. A walk that stored nothing
// leaves as_of; a watermark never goes back. Only lane live moves what belongs to
// a history.
func (a *attempt) queueScope(batch *pgx.Batch, p part) {
	const update = `
UPDATE alphapulse.sync_scopes
SET as_of = greatest(as_of, $4), complete = $5, watermark = greatest(watermark, $6),
    error_class = $7, error_code = $8, error_message = $9, error_payload = $10,
    error_at = CASE WHEN $5 THEN NULL ELSE clock_timestamp() END
WHERE subject_id = $1 AND data_type = $2 AND scope = $3`
	var asOf, watermark *time.Time
	if p.stores && !p.asOf.IsZero() {
		asOf = &p.asOf
	}
	if mark := p.watermark(); !mark.IsZero() {
		watermark = &mark
	}
	var class, code, message, payload *string
	if p.fault != nil {
		text, body := faultText(p.fault), columnText(p.fault.Payload)
		class, code, message, payload = (*string)(&p.fault.Class), &p.fault.Code, &text, &body
	}
	batch.Queue(update, a.job.Subject.ID, string(a.job.DataType), p.scope, asOf, p.fault == nil, watermark,
		class, code, message, payload)
}

// queueCoverage adds what was read to its end to what is covered, in one UPDATE,
// and says where the exchange's memory begins and whether the scope can be read
// at all.
func (a *attempt) queueCoverage(batch *pgx.Batch, p part) {
	insert := fmt.Sprintf(`
INSERT INTO alphapulse.sync_coverage (%s, data_type, scope) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		a.subjectColumn())
	const cover = `
UPDATE alphapulse.sync_coverage
SET covered = covered + (SELECT coalesce(range_agg(tstzrange(w.a, w.z)), '{}')
                         FROM unnest($4::timestamptz[], $5::timestamptz[]) AS w (a, z)),
    horizon = CASE WHEN $6::timestamptz > horizon + interval '1 hour' OR horizon IS NULL THEN $6 ELSE horizon END,
    unreadable = $7, lag = $8
WHERE subject_id = $1 AND data_type = $2 AND scope = $3`
	args := []any{a.job.Subject.ID, string(a.job.DataType), p.coverage}
	batch.Queue(insert, args...)
	from, to := make([]time.Time, len(p.covers)), make([]time.Time, len(p.covers))
	for i, w := range p.covers {
		from[i], to[i] = w.From, w.To
	}
	var horizon *time.Time
	if !p.horizon.IsZero() {
		horizon = &p.horizon
	}
	batch.Queue(cover, append(args, from, to, horizon, unreadable(p.fault), p.lag)...)
}

// unreadable is why a scope cannot be read whatever the time: the key may not,
// or the account does not have it. NULL for everything else.
func unreadable(fault *exchange.Error) *string {
	if fault == nil || (fault.Class != exchange.Permission && fault.Class != exchange.Unsupported) {
		return nil
	}
	text := faultText(fault)
	return &text
}

// queueWatermark brings the state's watermark to the least of its histories'.
func (a *attempt) queueWatermark(batch *pgx.Batch, parts []part) {
	if !slices.ContainsFunc(parts, func(p part) bool { return p.history }) {
		return
	}
	insert := fmt.Sprintf(`
INSERT INTO alphapulse.sync_state AS s (%s, data_type, watermark)
SELECT $1, $2, min(watermark) FROM alphapulse.sync_scopes
WHERE subject_id = $1 AND data_type = $2 AND watermark IS NOT NULL
ON CONFLICT (subject_id, data_type) DO UPDATE SET watermark = greatest(s.watermark, excluded.watermark)`,
		a.subjectColumn())
	batch.Queue(insert, a.job.Subject.ID, string(a.job.DataType))
}

func scopeNames(parts []part) []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.scope
	}
	return names
}

func (a *attempt) subjectColumn() string {
	if a.job.Subject.Kind == syncjob.Market {
		return "market_id"
	}
	return "account_id"
}
