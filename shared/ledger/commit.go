package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/failpoint"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// commitTries bounds how often the transaction of an outcome is tried while its
// answer is lost, the fence cannot be read or the database is away. With the
// pauses between them that is seven seconds, within a lease; nobody tries around
// it.
const commitTries = 8

// Commit records the outcome of a claim and writes its rows, in one
// transaction: the outcome first, fenced by the claim; then write; then state,
// siblings and what else follows. write may be nil.
//
// If the fence does not hold, or the answer to COMMIT is lost, the job is read
// under its lock, which waits for a commit in flight, and that decides: the
// transaction is run again only while the claim still holds the job. If the
// process dies in here, either everything is stored or nothing is.
func (l *Ledger) Commit(ctx context.Context, job *Claimed, out Outcome, write Write) (Settled, error) {
	return l.commit(ctx, job, commitment{outcome: out, write: write})
}

// commitment is an outcome with all that its transaction does.
type commitment struct {
	outcome Outcome
	write   Write
	// after runs last, with the account locked first. For outcomes that may
	// change the account.
	after func(ctx context.Context, tx pgx.Tx, account lockedAccount, out Outcome) error
}

// lockedAccount is an account whose row is locked for a change.
type lockedAccount struct {
	ID         string
	Status     AccountStatus
	KeyVersion int
}

func (l *Ledger) commit(ctx context.Context, job *Claimed, c commitment) (Settled, error) {
	if c.outcome.Class == syncjob.Auth && c.after == nil {
		c.after = refuseKey(job)
	}
	var err error
	unanswered := false
	for try := range commitTries {
		if try > 0 && !pause(ctx, try) {
			break
		}
		var settled Settled
		settled, err = l.commitOnce(ctx, job, c)
		if err == nil {
			return settled, nil
		}
		unanswered = unanswered || errors.Is(err, postgres.ErrUnknownCommit)
		if !undecided(err) {
			break
		}
		again, settled, lookupErr := l.lookUp(ctx, job)
		if lookupErr == nil && !again {
			settled.Applied = settled.Applied && unanswered
			return settled, nil
		}
	}
	return Settled{}, fmt.Errorf("committing job %s: %w", job.JobID, err)
}

// undecided reports whether the job's row decides what follows an error: the
// fence did not hold, no answer came to COMMIT, or the connection broke before
// it or was not to be had (too many clients, every connection in use), which
// stored nothing and costs no read of the exchange.
func undecided(err error) bool {
	if errors.Is(err, ErrFenced) || errors.Is(err, postgres.ErrUnknownCommit) {
		return true
	}
	return postgres.IsConnection(err) || postgres.NoConnection(err)
}

// pause waits before another try, longer each time; false if ctx ended.
func pause(ctx context.Context, try int) bool {
	timer := time.NewTimer(time.Duration(try*try) * 50 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *Ledger) commitOnce(ctx context.Context, job *Claimed, c commitment) (Settled, error) {
	var settled Settled
	err := l.db.InTx(ctx, "commit "+string(job.DataType), func(ctx context.Context, tx pgx.Tx) error {
		out := c.outcome
		account, err := lockForOutcome(ctx, tx, job, c)
		if err != nil {
			return err
		}
		if account.ID != "" && out.Class == syncjob.Auth && job.DataType != syncjob.Probe &&
			account.KeyVersion != job.KeyVersion {
			out = Outcome{
				Status: syncjob.Waiting, Wait: syncjob.WaitKey, Class: out.Class, Code: out.Code,
				Message: out.Message, RowsFetched: out.RowsFetched, Requests: out.Requests,
			}
		}
		if err := fence(ctx, tx, job, out); err != nil {
			return err
		}
		written, out, err := writeRows(ctx, tx, job, out, c.write)
		if err != nil {
			return err
		}
		if err := follow(ctx, tx, job, out); err != nil {
			return err
		}
		if c.after != nil {
			if err := c.after(ctx, tx, account, out); err != nil {
				return err
			}
		}
		failpoint.Hit(failpoint.WorkerWritten, string(job.DataType), job.Account)
		settled = Settled{Holds: true, Applied: true, Status: out.Status, Written: written}
		return nil
	})
	return settled, err
}

func lockForOutcome(ctx context.Context, tx pgx.Tx, job *Claimed, c commitment) (lockedAccount, error) {
	if c.after == nil || job.Subject.Kind != syncjob.Account {
		return lockedAccount{}, nil
	}
	status, version, err := lockAccount(ctx, tx, job.Subject.ID)
	return lockedAccount{ID: job.Subject.ID, Status: status, KeyVersion: version}, err
}

// fence records the outcome if the claim still holds the job, and locks the
// job's row for the rest of the transaction. What earlier attempts stored stays
// counted.
func fence(ctx context.Context, tx pgx.Tx, job *Claimed, out Outcome) error {
	const update = `
UPDATE alphapulse.sync_jobs
SET status = $3,
    error_class = nullif($4, ''), error_code = nullif($5, ''), error_message = nullif($6, ''),
    wait_reason = nullif($7, ''),
    next_at = CASE WHEN $3 = 'waiting' THEN clock_timestamp() + $8::interval END,
    attempt = $9,
    finished_at = CASE WHEN $3 <> 'waiting' THEN clock_timestamp() END,
    rows_fetched = $10, exchange_requests = exchange_requests + $11, as_of = $12
WHERE id = $1 AND claim = $2 AND status = 'running'`
	tag, err := tx.Exec(ctx, update, job.JobID, job.Claim, string(out.Status), string(out.Class), out.Code,
		out.Message, string(out.Wait), out.After, job.attemptAfter(out), out.RowsFetched, out.Requests,
		job.asOfAfter(out))
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return ErrFenced
	}
	return nil
}

// writeRows runs write and, where it changed something or changed the outcome,
// corrects the row that fence wrote. An unchanged snapshot costs no second
// update.
func writeRows(ctx context.Context, tx pgx.Tx, job *Claimed, out Outcome, write Write) (Written, Outcome, error) {
	if write == nil {
		return Written{}, out, nil
	}
	written, err := write(ctx, tx)
	if err != nil {
		return Written{}, out, err
	}
	if written.Instead != nil {
		out = *written.Instead
	}
	if written.Changed == 0 && written.Deleted == 0 && written.Instead == nil {
		return written, out, nil
	}
	const settle = `
UPDATE alphapulse.sync_jobs
SET status = $2, rows_changed = rows_changed + $3, rows_deleted = rows_deleted + $4,
    error_class = nullif($5, ''), error_code = nullif($6, ''), error_message = nullif($7, ''),
    wait_reason = nullif($8, ''),
    next_at = CASE WHEN $2 = 'waiting' THEN clock_timestamp() + $9::interval END,
    attempt = $10,
    finished_at = CASE WHEN $2 <> 'waiting' THEN coalesce(finished_at, clock_timestamp()) END,
    as_of = $11
WHERE id = $1`
	_, err = tx.Exec(ctx, settle, job.JobID, string(out.Status), written.Changed, written.Deleted,
		string(out.Class), out.Code, out.Message, string(out.Wait), out.After, job.attemptAfter(out),
		job.asOfAfter(out))
	return written, out, err
}
