package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// ParamQuarantine is the parameter of a repair job that names the rows in
// quarantine to be read again from their payloads.
const ParamQuarantine = "quarantine"

// RetryQuarantine starts runs that read rows in quarantine again from the
// payloads stored with them, without asking the exchange: one run per account or
// market, with one job per data type. ErrNotFound if one of the rows is gone;
// the errors of StartManual if one of the accounts is not to be synchronized.
// Then no run is started of that account or of those after it.
func (l *Ledger) RetryQuarantine(ctx context.Context, ids []int64) ([]Run, error) {
	groups, err := l.quarantined(ctx, ids)
	if err != nil {
		return nil, err
	}
	runs := make([]Run, 0, len(groups))
	for _, group := range groups {
		run, err := l.retryGroup(ctx, group)
		if err != nil {
			return runs, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// quarantined groups rows by their subject, in key order, and by type.
func (l *Ledger) quarantined(ctx context.Context, ids []int64) ([]newWork, error) {
	const read = `
SELECT CASE WHEN account_id IS NULL THEN 'market' ELSE 'account' END, subject_id, data_type, array_agg(id ORDER BY id)
FROM alphapulse.quarantine WHERE id = ANY($1::bigint[]) GROUP BY 1, 2, 3 ORDER BY 2, 3`
	rows, err := l.db.Query(ctx, read, ids)
	if err != nil {
		return nil, fmt.Errorf("finding rows in quarantine: %w", err)
	}
	var groups []newWork
	var found []int64
	var subject syncjob.Subject
	var dataType syncjob.DataType
	var members []int64
	_, err = pgx.ForEachRow(rows, []any{&subject.Kind, &subject.ID, &dataType, &members}, func() error {
		if len(groups) == 0 || groups[len(groups)-1].Subject != subject {
			groups = append(groups, newWork{Subject: subject, Trigger: syncjob.Repair})
		}
		group := &groups[len(groups)-1]
		group.Jobs = append(group.Jobs, newJob{
			Type: dataType, Lane: syncjob.Backfill, Params: map[string]any{ParamQuarantine: slices.Clone(members)},
		})
		found = append(found, members...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("finding rows in quarantine: %w", err)
	}
	for _, id := range ids {
		if !slices.Contains(found, id) {
			return nil, fmt.Errorf("row %d in quarantine: %w", id, ErrNotFound)
		}
	}
	return groups, nil
}

func (l *Ledger) retryGroup(ctx context.Context, work newWork) (Run, error) {
	var id string
	err := l.db.InTx(ctx, "retry quarantine", func(ctx context.Context, tx pgx.Tx) error {
		if err := lockSyncable(ctx, tx, work.Subject); err != nil {
			return err
		}
		var err error
		id, err = l.createWork(ctx, tx, work)
		return err
	})
	if err != nil {
		return Run{}, err
	}
	return l.Run(ctx, id)
}

// lockSyncable locks a subject, and refuses an account that is not to be
// synchronized.
func lockSyncable(ctx context.Context, tx pgx.Tx, s syncjob.Subject) error {
	if s.Kind == syncjob.Market {
		return lockMarket(ctx, tx, s.ID)
	}
	status, _, err := lockAccount(ctx, tx, s.ID)
	if err != nil {
		return err
	}
	return syncable(status)
}

func lockMarket(ctx context.Context, tx pgx.Tx, id string) error {
	const lock = `SELECT id FROM alphapulse.markets WHERE id = $1 FOR NO KEY UPDATE`
	return notFound(tx.QueryRow(ctx, lock, id).Scan(&id), "market %s", id)
}
