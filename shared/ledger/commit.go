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
	return l.commit(ctx, job, commitment{outcome: out, write: write}, nil)
}

// CommitAfterGroup is Commit for a job that was in a group which came to nothing,
// or may have: cause is the error of CommitGroup, or ErrFenced if the group was
// stored without this job.
func (l *Ledger) CommitAfterGroup(
	ctx context.Context, job *Claimed, out Outcome, write Write, cause error,
) (Settled, error) {
	return l.commit(ctx, job, commitment{outcome: out, write: write}, cause)
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

// commit tries until the outcome is decided. before is the error of a try in a
// group; nil if there was none.
func (l *Ledger) commit(ctx context.Context, job *Claimed, c commitment, before error) (Settled, error) {
	if c.outcome.Class == syncjob.Auth && c.after == nil {
		c.after = refuseKey(job)
	}
	unanswered := errors.Is(before, postgres.ErrUnknownCommit)
	if undecided(before) {
		if settled, ok := l.decided(ctx, job, unanswered); ok {
			return settled, nil
		}
	}
	var err error
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
		if settled, ok := l.decided(ctx, job, unanswered); ok {
			return settled, nil
		}
	}
	return Settled{}, fmt.Errorf("committing job %s: %w", job.JobID, err)
}

// decided looks up what became of a job whose commit failed; ok is false while
// the claim still holds it, or nothing is known.
func (l *Ledger) decided(ctx context.Context, job *Claimed, unanswered bool) (settled Settled, ok bool) {
	again, settled, err := l.lookUp(ctx, job)
	if err != nil || again {
		return Settled{}, false
	}
	settled.Applied = settled.Applied && unanswered
	return settled, true
}

// undecided reports whether the job's row decides what follows an error: the
// fence did not hold, no answer came to COMMIT, or the connection broke before
// it or was not to be had (too many clients, every connection in use), which
// stored nothing and costs no read of the exchange.
func undecided(err error) bool {
	if err == nil {
		return false
	}
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
		account, err := lockForOutcome(ctx, tx, job, c)
		if err != nil {
			return err
		}
		e := &ending{job: job, out: c.outcome.under(account, job)}
		held, err := fence(ctx, tx, []*ending{e})
		if err != nil {
			return err
		}
		if len(held) == 0 {
			return ErrFenced
		}
		if c.write != nil {
			if e.written, err = c.write(ctx, tx); err != nil {
				return err
			}
		}
		if err := settle(ctx, tx, held); err != nil {
			return err
		}
		if c.after != nil {
			if err := c.after(ctx, tx, account, e.out); err != nil {
				return err
			}
		}
		failpoint.Hit(failpoint.WorkerWritten, string(job.DataType), job.Account)
		settled = e.settled()
		return nil
	})
	return settled, err
}

// under is the outcome as it is under the account's key in use: what an older key
// was refused says nothing, and the job is tried again with the new one.
func (o Outcome) under(account lockedAccount, job *Claimed) Outcome {
	if account.ID == "" || o.Class != syncjob.Auth || job.DataType == syncjob.Probe ||
		account.KeyVersion == job.KeyVersion {
		return o
	}
	return Outcome{
		Status: syncjob.Waiting, Wait: syncjob.WaitKey, Class: o.Class, Code: o.Code,
		Message: o.Message, RowsFetched: o.RowsFetched, Requests: o.Requests,
	}
}

func lockForOutcome(ctx context.Context, tx pgx.Tx, job *Claimed, c commitment) (lockedAccount, error) {
	if c.after == nil || job.Subject.Kind != syncjob.Account {
		return lockedAccount{}, nil
	}
	status, version, err := lockAccount(ctx, tx, job.Subject.ID)
	return lockedAccount{ID: job.Subject.ID, Status: status, KeyVersion: version}, err
}
