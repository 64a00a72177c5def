package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/failpoint"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Commitment is a claim's outcome that may be committed together with others.
type Commitment struct {
	Job     *Claimed
	Outcome Outcome
}

// Groupable reports whether an outcome may be committed together with those of
// other jobs. One that may change its account locks that before the job (rule 2),
// and one of lane backfill lets the next window go: both are committed alone.
func (c Commitment) Groupable() bool {
	return c.Job.Lane == syncjob.Live && c.Job.DataType != syncjob.Probe && c.Outcome.Class != syncjob.Auth
}

// GroupWrite writes the rows of the commitments at the given places, which are
// those whose claim holds, and says of each what was written. As Write it may run
// more than once, and does no I/O outside tx.
type GroupWrite func(ctx context.Context, tx pgx.Tx, places []int) ([]Written, error)

// CommitGroup records outcomes that come at the same time, with their rows, in one
// transaction: one flush of the log for all of them. Each is fenced for itself. Of
// a job whose claim no longer holds nothing is written, and its Settled says so:
// CommitAfterGroup with ErrFenced finds out who has it.
//
// An error means that nothing of any of them is stored, or, with
// postgres.ErrUnknownCommit, that all of it may be. It says nothing about a single
// one of them: each is then committed by CommitAfterGroup, so that the one which
// cannot be stored harms no other.
//
// If the process dies in here, either all of them are stored or none is.
func (l *Ledger) CommitGroup(ctx context.Context, group []Commitment, write GroupWrite) ([]Settled, error) {
	var settled []Settled
	err := l.db.InTx(ctx, "commit group", func(ctx context.Context, tx pgx.Tx) error {
		settled = make([]Settled, len(group))
		held, err := fence(ctx, tx, endingsOf(group))
		if err != nil || len(held) == 0 {
			return err
		}
		if err := writeGroup(ctx, tx, held, write); err != nil {
			return err
		}
		if err := settle(ctx, tx, held); err != nil {
			return err
		}
		for _, e := range held {
			failpoint.Hit(failpoint.WorkerWritten, string(e.job.DataType), e.job.Account)
			settled[e.place] = e.settled()
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("committing %d jobs together: %w", len(group), err)
	}
	return settled, nil
}

// endingsOf are a group's jobs in the order of their ids, in which they are locked.
func endingsOf(group []Commitment) []*ending {
	endings := make([]*ending, len(group))
	for i, c := range group {
		endings[i] = &ending{job: c.Job, out: c.Outcome, place: i}
	}
	slices.SortFunc(endings, func(x, y *ending) int { return cmp.Compare(x.job.JobID, y.job.JobID) })
	return endings
}

func writeGroup(ctx context.Context, tx pgx.Tx, held []*ending, write GroupWrite) error {
	places := make([]int, len(held))
	for i, e := range held {
		places[i] = e.place
	}
	written, err := write(ctx, tx, places)
	if err != nil {
		return err
	}
	for i, e := range held {
		e.written = written[i]
	}
	return nil
}
