package ledger

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// lookUp decides, under the job's lock, what became of a claim whose outcome
// did not get an answer. again: the claim holds the job and nothing is stored.
// Settled.Applied is true if the row can be this claim's own outcome; a job that
// was cancelled or taken back is not.
func (l *Ledger) lookUp(ctx context.Context, job *Claimed) (again bool, settled Settled, err error) {
	err = l.db.InTx(ctx, "look up claim", func(ctx context.Context, tx pgx.Tx) error {
		again, settled = false, Settled{}
		const read = `
SELECT coalesce(claim::text, ''), status, coalesce(error_class, ''), rows_changed, rows_deleted
FROM alphapulse.sync_jobs WHERE id = $1 FOR UPDATE`
		var claim string
		var class syncjob.Class
		err := tx.QueryRow(ctx, read, job.JobID).
			Scan(&claim, &settled.Status, &class, &settled.Written.Changed, &settled.Written.Deleted)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // pruned
		}
		if err != nil {
			return err
		}
		settled.Holds = claim == job.Claim
		again = settled.Holds && settled.Status == syncjob.Running
		settled.Applied = settled.Holds && settled.Status != syncjob.Running &&
			settled.Status != syncjob.Cancelled && class != syncjob.Lost
		return nil
	})
	return again, settled, err
}
