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

// retire ends the scopes that an account has no longer. After an upgrade the
// exchange moves what the old wallets had into the new one; left alone, their rows
// would stay for ever and count twice.
func (a *attempt) retire(ctx context.Context, tx pgx.Tx, r reading, tally *snapshot.Tally) error {
	if r.whole == nil || a.job.Lane != syncjob.Live || r.stored() == 0 || r.fault != nil {
		return nil
	}
	if r.whole.writer == nil {
		const gone = `
UPDATE alphapulse.sync_coverage SET unreadable = $4
WHERE subject_id = $1 AND data_type = $2 AND scope <> ALL ($3) AND unreadable IS DISTINCT FROM $4`
		_, err := tx.Exec(ctx, gone, a.job.Subject.ID, string(a.job.DataType), r.whole.scopes, goneScope)
		return err
	}
	const gone = `
DELETE FROM alphapulse.sync_scopes
WHERE subject_id = $1 AND data_type = $2 AND scope <> ALL ($3) AND (as_of IS NULL OR as_of < $4) RETURNING scope`
	rows, err := tx.Query(ctx, gone, a.job.Subject.ID, string(a.job.DataType), r.whole.scopes, r.asOf())
	if err != nil {
		return fmt.Errorf("finding scopes that are gone: %w", err)
	}
	scopes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(scopes) == 0 {
		return err
	}
	a.log.WithField("scopes", scopes).Warn("the account has these no longer; their rows are ended")
	return a.empty(ctx, tx, r.whole.writer, scopes, r.asOf(), tally)
}

// empty stores that nothing is in some scopes.
func (a *attempt) empty(
	ctx context.Context, tx pgx.Tx, w *snapshot.Writer, scopes []string, asOf time.Time, tally *snapshot.Tally,
) error {
	batch := &pgx.Batch{}
	nothing := snapshot.Collect(w.Table(), []exchange.Balance(nil), balanceValues)
	for _, scope := range scopes {
		stamp := snapshot.Stamp{SubjectID: a.job.Subject.ID, RunID: a.job.RunID, Scope: scope, AsOf: asOf}
		w.Remove(batch, stamp, nothing, nil, tally)
	}
	return tx.SendBatch(ctx, batch).Close()
}
