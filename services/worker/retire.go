package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// goneScope is why a history that the account had can be read no longer.
const goneScope = "the account does not have this any more"

// whole is everything that an account has of a data type: what is stored in other
// scopes is of an account mode that is over.
type whole struct {
	writer *snapshot.Writer // nil: a history, whose rows stay
	scopes []string
}

func wholeOf(w *snapshot.Writer, scopes []exchange.Scope) *whole {
	all := &whole{writer: w}
	for _, scope := range scopes {
		all.scopes = append(all.scopes, string(scope))
	}
	return all
}

// retires reports whether what the account has beside this reading is to be ended.
// After an upgrade the exchange moves what the old wallets had into the new one;
// left alone, their rows would stay for ever and count twice.
func (s *storing) retires() bool {
	return s.reading.whole != nil && s.job.Lane == syncjob.Live && s.reading.stored() > 0 && s.reading.fault == nil
}

// queueRetired queues that the scopes which accounts have no longer are ended.
// Those of snapshots are found in the storing, for end.
func queueRetired(batch *pgx.Batch, all []*storing) {
	var snapshots []*storing
	for _, s := range all {
		s.gone = nil
		switch {
		case !s.retires():
		case s.reading.whole.writer == nil:
			s.queueGoneHistories(batch)
		default:
			snapshots = append(snapshots, s)
		}
	}
	if len(snapshots) > 0 {
		queueGoneScopes(batch, snapshots)
	}
}

func (s *storing) queueGoneHistories(batch *pgx.Batch) {
	const gone = `
UPDATE alphapulse.sync_coverage SET unreadable = $4
WHERE subject_id = $1 AND data_type = $2 AND scope <> ALL ($3) AND unreadable IS DISTINCT FROM $4`
	batch.Queue(gone, s.job.Subject.ID, string(s.job.DataType), s.reading.whole.scopes, goneScope)
}

func queueGoneScopes(batch *pgx.Batch, all []*storing) {
	const gone = `
DELETE FROM alphapulse.sync_scopes c
USING unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS u (subject, data_type, as_of)
WHERE c.subject_id BETWEEN u.subject AND u.subject AND c.data_type = u.data_type AND (c.as_of IS NULL OR c.as_of < u.as_of)
  AND (c.subject_id, c.data_type, c.scope) NOT IN (
      SELECT k.subject, k.data_type, k.scope
      FROM unnest($4::uuid[], $5::text[], $6::text[]) AS k (subject, data_type, scope))
RETURNING c.subject_id::text, c.data_type, c.scope`
	var subjects, types []string
	var asOfs []time.Time
	var kept []scopeKey
	by := bySubject(all)
	for _, s := range all {
		subjects, types = append(subjects, s.job.Subject.ID), append(types, string(s.job.DataType))
		asOfs = append(asOfs, s.reading.asOf())
		for _, scope := range s.reading.whole.scopes {
			kept = append(kept, scopeKey{s.job.Subject, s.job.DataType, scope})
		}
	}
	keep := columnsOf(kept)
	batch.Queue(gone, subjects, types, asOfs, keep.subjects, keep.types, keep.scopes).Query(func(rows pgx.Rows) error {
		var subject, dataType, scope string
		_, err := pgx.ForEachRow(rows, []any{&subject, &dataType, &scope}, func() error {
			s := by[subject+dataType]
			s.gone = append(s.gone, scope)
			return nil
		})
		return err
	})
}

// endGone ends the rows of the scopes that were found to be gone.
func (s *storing) endGone(ctx context.Context, tx pgx.Tx) error {
	if len(s.gone) == 0 {
		return nil
	}
	s.log.WithField("scopes", s.gone).Warn("the account has these no longer; their rows are ended")
	if err := s.empty(ctx, tx, s.reading.whole.writer, s.gone); err != nil {
		return fmt.Errorf("ending scopes that are gone: %w", err)
	}
	return nil
}

// empty stores that nothing is in some scopes.
func (s *storing) empty(ctx context.Context, tx pgx.Tx, w *snapshot.Writer, scopes []string) error {
	batch := &pgx.Batch{}
	for _, scope := range scopes {
		w.Write(batch, []snapshot.Set{{
			Stamp: snapshot.Stamp{SubjectID: s.job.Subject.ID, RunID: s.job.RunID, Scope: scope, AsOf: s.reading.asOf()},
			Whole: true, Tally: s.tally,
		}})
	}
	return tx.SendBatch(ctx, batch).Close()
}
