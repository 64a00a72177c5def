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
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// storing is a reading that is to be stored with the outcome of its job.
type storing struct {
	*attempt
	reading reading
	parts   []part // in the order of their scopes
	out     ledger.Outcome

	// What follows is known within the transaction.

	silent map[string]bool // scopes that are as they were, and have been brought up to date
	stored map[string]storedScope
	newer  []part   // what is to be written
	gone   []string // scopes that the account has no longer
	tally  *snapshot.Tally
}

// store makes a reading a part of its result: verification compares it, all others
// store it.
func (a *attempt) store(res *result, r reading) {
	res.quarantined = r.quarantined()
	if a.job.Trigger == syncjob.TriggerVerify {
		res.write = a.verify(r)
		return
	}
	res.storing = newStoring(a, r, res.outcome)
	res.write = res.storing.alone
}

func newStoring(a *attempt, r reading, out ledger.Outcome) *storing {
	return &storing{attempt: a, reading: r, parts: inScopeOrder(r.parts), out: out}
}

// alone writes a reading in the transaction of its outcome.
func (s *storing) alone(ctx context.Context, tx pgx.Tx) (ledger.Written, error) {
	written, err := store(ctx, tx, []*storing{s})
	if err != nil {
		return ledger.Written{}, err
	}
	return written[0], nil
}

// store writes readings in the transaction of their outcomes: first the scopes that are
// as they were are brought up to date, and the rows of all others are locked, both in the
// order of their keys; then each part whose snapshot is newer than what is stored is
// written.
//
// A scheduled job whose snapshot was superseded lets it be. Any other was asked
// for by somebody who must not get data older than his call: it stores nothing
// and waits until the scope's as_of has passed.
func store(ctx context.Context, tx pgx.Tx, all []*storing) ([]ledger.Written, error) {
	for _, s := range all {
		s.tally = &snapshot.Tally{}
		if err := s.keepOut(ctx, tx, s.parts); err != nil {
			return nil, err
		}
	}
	if err := touchSilent(ctx, tx, all); err != nil {
		return nil, err
	}
	if err := lockScopes(ctx, tx, all); err != nil {
		return nil, err
	}
	written := make([]ledger.Written, len(all))
	var writing []*storing
	for i, s := range all {
		if written[i].Instead = s.superseded(); written[i].Instead == nil || written[i].Instead.Status == syncjob.Skipped {
			writing = append(writing, s)
		}
	}
	if err := writeParts(ctx, tx, writing); err != nil {
		return nil, err
	}
	for _, s := range writing {
		if err := s.endGone(ctx, tx); err != nil {
			return nil, err
		}
	}
	for i, s := range all {
		written[i].Changed, written[i].Deleted = s.tally.Changed, s.tally.Deleted
	}
	return written, nil
}

// superseded finds what is newer than what is stored, and gives the outcome of a
// job that found a newer snapshot stored; nil if its own stands.
func (s *storing) superseded() *ledger.Outcome {
	behind, ahead := superseded(s.parts, asOfs(s.stored))
	s.newer = nil
	if behind > 0 && s.job.Trigger.Compares() {
		return &ledger.Outcome{Status: syncjob.Waiting, Wait: syncjob.WaitSuperseded, After: ahead}
	}
	for _, p := range s.parts {
		if !s.stored[p.scope].supersedes(p) {
			s.newer = append(s.newer, p)
		}
	}
	if behind > 0 && behind == s.reading.stored() {
		skipped := s.out
		skipped.Status = syncjob.Skipped
		skipped.Message = "a newer snapshot was stored already"
		return &skipped
	}
	return nil
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

// keepOut keeps live jobs from writing orders while a backfill does: both may hold the
// same order. Backfills share the scope among themselves; of two that write one order at
// once, the later one is run again (overtaken).
func (a *attempt) keepOut(ctx context.Context, tx pgx.Tx, parts []part) error {
	if a.job.DataType != syncjob.Orders || a.job.Lane == syncjob.Live {
		return nil
	}
	_, err := a.shareScopes(ctx, tx, parts)
	return err
}

// writeParts writes the parts that are newer than what is stored, and of every
// part how its walk ended.
func writeParts(ctx context.Context, tx pgx.Tx, all []*storing) error {
	batch := &pgx.Batch{}
	queueSnapshots(batch, all)
	var scopes scopeRows
	for _, s := range all {
		for _, p := range s.newer {
			if p.stores && !p.asOf.IsZero() && p.queue != nil {
				p.queue(batch, s.stamp(p), s.tally)
			}
			s.queueQuarantine(batch, p)
			if !s.silent[p.scope] && (!p.history || s.job.Lane == syncjob.Live) {
				scopes.add(s.job, p)
			}
		}
		for _, p := range s.parts {
			if p.history {
				s.queueCoverage(batch, p)
			}
		}
	}
	scopes.queue(batch)
	for _, s := range all {
		if s.job.Lane == syncjob.Live {
			s.queueWatermark(batch, s.parts)
		}
	}
	queueRetired(batch, all)
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("writing %s: %w", all[0].job.DataType, overtaken(err, all[0].job.DataType))
	}
	return nil
}

// overtaken marks the error of a writer who has waited for another one of the same row:
// two backfills may read one order. It would have opened a second row of the past beside
// the other's; run again, it sees that one.
func overtaken(err error, table syncjob.DataType) error {
	if postgres.Violates(err, string(table)+"_history_open") {
		return fmt.Errorf("%w: %w", postgres.ErrOvertaken, err)
	}
	return err
}

func (s *storing) stamp(p part) snapshot.Stamp {
	return snapshot.Stamp{SubjectID: s.job.Subject.ID, RunID: s.job.RunID, Scope: p.wireScope(), AsOf: p.asOf}
}

// queueSnapshots writes the snapshots of all jobs, table by table. The first parts
// of all jobs go together, then the second ones, and so on: so no two sets of one
// statement are of one subject.
func queueSnapshots(batch *pgx.Batch, all []*storing) {
	for turn := 0; ; turn++ {
		sets := map[*snapshot.Writer][]snapshot.Set{}
		var writers []*snapshot.Writer // in the order in which they came
		left := false
		for _, s := range all {
			p, ok := s.snapshotAt(turn)
			left = left || ok
			if !ok || s.silent[p.scope] {
				continue
			}
			if sets[p.writer] == nil {
				writers = append(writers, p.writer)
			}
			set := p.set
			set.Stamp, set.Tally = s.stamp(p), s.tally
			sets[p.writer] = append(sets[p.writer], set)
		}
		if !left {
			return
		}
		for _, w := range writers {
			w.Write(batch, sets[w])
		}
	}
}

// snapshotAt gives the part of that number among those that are written as sets.
func (s *storing) snapshotAt(n int) (part, bool) {
	for _, p := range s.newer {
		if p.writer == nil || !p.stores || p.asOf.IsZero() {
			continue
		}
		if n == 0 {
			return p, true
		}
		n--
	}
	return part{}, false
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
