package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// errResolvedMeanwhile: somebody else has dealt with a letter after it was read.
var errResolvedMeanwhile = errors.New("a dead letter was dealt with meanwhile")

// DeadAction is what is done with a dead letter.
type DeadAction string

// The actions.
const (
	DeadRequeue DeadAction = "requeue"
	// DeadJoin: another letter of the selection asks for the same reading, and one
	// new job does both.
	DeadJoin    DeadAction = "join"
	DeadDiscard DeadAction = "discard"
	DeadRefuse  DeadAction = "refuse"
)

// DeadDecision is what was done with a letter, or would be.
type DeadDecision struct {
	Letter      DeadLetter
	Action      DeadAction
	Reason      string // of DeadRefuse: why, and what to do instead
	Replacement string // the new job; "" in a preview
}

// DeadRequest says what to do with the letters of a filter. Letters that are
// named are taken whatever became of them, if that makes sense.
type DeadRequest struct {
	Filter DeadFilter
	By     string // who asks
	Note   string
	DryRun bool
}

// RequeueDead makes new jobs that do the work of dead ones: same window,
// parameters and lane, in a run of their own for each account or market. Each is
// requeued at most once, unless its new job was cancelled or failed. What is
// refused says why and keeps no other letter back.
func (l *Ledger) RequeueDead(ctx context.Context, req DeadRequest) ([]DeadDecision, []Run, error) {
	var all []DeadDecision
	var runs []Run
	err := l.eachSubject(ctx, req, func(subject syncjob.Subject, ids []string) error {
		decisions, runID, err := l.requeueSubject(ctx, req, subject, ids)
		if err != nil {
			return err
		}
		all = append(all, decisions...)
		if runID == "" {
			return nil
		}
		run, err := l.Run(ctx, runID)
		runs = append(runs, run)
		return err
	})
	return all, runs, err
}

// DiscardDead marks dead letters as dealt with. One that was requeued keeps its
// new job, which is refused here while that is open or has done its work.
func (l *Ledger) DiscardDead(ctx context.Context, req DeadRequest) ([]DeadDecision, error) {
	var all []DeadDecision
	err := l.eachSubject(ctx, req, func(subject syncjob.Subject, ids []string) error {
		decisions, err := l.discardSubject(ctx, req, subject, ids)
		all = append(all, decisions...)
		return err
	})
	return all, err
}

// eachSubject groups the letters of a filter by subject, in key order.
func (l *Ledger) eachSubject(
	ctx context.Context, req DeadRequest, do func(subject syncjob.Subject, ids []string) error,
) error {
	letters, err := deadLetters(ctx, l.db, req.Filter, `ORDER BY subject_id, died_at, job_id LIMIT $9`)
	if err != nil {
		return err
	}
	for len(letters) > 0 {
		subject := letters[0].Subject
		n := slices.IndexFunc(letters, func(d DeadLetter) bool { return d.Subject != subject })
		if n < 0 {
			n = len(letters)
		}
		ids := make([]string, n)
		for i, d := range letters[:n] {
			ids[i] = d.JobID
		}
		if err := do(subject, ids); err != nil {
			return err
		}
		letters = letters[n:]
	}
	return nil
}

// requeueSubject reads the letters again under the subject's lock, under which
// alone they are dealt with.
func (l *Ledger) requeueSubject(
	ctx context.Context, req DeadRequest, subject syncjob.Subject, ids []string,
) (decisions []DeadDecision, runID string, err error) {
	err = l.db.InTx(ctx, "requeue dead letters", func(ctx context.Context, tx pgx.Tx) error {
		decisions, runID = nil, ""
		asleep := lockSyncable(ctx, tx, subject)
		if asleep != nil && !errors.Is(asleep, ErrPaused) && !errors.Is(asleep, ErrPending) && !errors.Is(asleep, ErrNotFound) {
			return asleep
		}
		letters, err := deadLetters(ctx, tx, DeadFilter{JobIDs: ids, Limit: len(ids)}, `ORDER BY died_at DESC, job_id LIMIT $9`)
		if err != nil {
			return err
		}
		var jobs []newJob
		decisions, jobs, err = planRequeue(letters, asleep)
		if err != nil || req.DryRun || len(jobs) == 0 {
			return err
		}
		if runID, err = l.createWork(ctx, tx, newWork{Subject: subject, Trigger: syncjob.Replay, Jobs: jobs}); err != nil {
			return err
		}
		return resolve(ctx, tx, req, decisions, Requeued)
	})
	if req.DryRun {
		for i := range decisions {
			decisions[i].Replacement = ""
		}
	}
	return decisions, runID, err
}

// discardSubject is requeueSubject for letters that are dropped. The account may
// be in any state.
func (l *Ledger) discardSubject(
	ctx context.Context, req DeadRequest, subject syncjob.Subject, ids []string,
) (decisions []DeadDecision, err error) {
	err = l.db.InTx(ctx, "discard dead letters", func(ctx context.Context, tx pgx.Tx) error {
		decisions = nil
		lock := `SELECT FROM alphapulse.` + subjectTable(subject.Kind) + ` WHERE id = $1 FOR NO KEY UPDATE`
		if _, err := tx.Exec(ctx, lock, subject.ID); err != nil {
			return fmt.Errorf("locking %s %s: %w", subject.Kind, subject.ID, err)
		}
		letters, err := deadLetters(ctx, tx, DeadFilter{JobIDs: ids, Limit: len(ids)}, `ORDER BY died_at DESC, job_id LIMIT $9`)
		if err != nil {
			return err
		}
		for _, d := range letters {
			decision := DeadDecision{Letter: d, Action: DeadDiscard}
			if !d.open() {
				decision.Action, decision.Reason = DeadRefuse, "it was "+string(d.Resolution.What)+" already"
			}
			decisions = append(decisions, decision)
		}
		if req.DryRun {
			return nil
		}
		return resolve(ctx, tx, req, decisions, Discarded)
	})
	return decisions, err
}

// resolve writes down what became of letters. The key of the table keeps two
// from dealing with one letter, unless what came of it before has come to
// nothing or was a discard that is taken back.
func resolve(ctx context.Context, tx pgx.Tx, req DeadRequest, decisions []DeadDecision, what Resolution) error {
	var ids []string
	var replacements []*string
	for _, d := range decisions {
		if d.Action != DeadRefuse {
			ids, replacements = append(ids, d.Letter.JobID), append(replacements, nullText(d.Replacement))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	const insert = `
INSERT INTO alphapulse.dead_letters_resolved AS d (job_id, resolution, replacement_job_id, resolved_by, note)
SELECT r.id, $3, r.replacement, $4, $5 FROM unnest($1::uuid[], $2::uuid[]) AS r (id, replacement) ORDER BY r.id
ON CONFLICT (job_id) DO UPDATE
SET resolution = excluded.resolution, replacement_job_id = excluded.replacement_job_id,
    resolved_by = excluded.resolved_by, note = excluded.note, resolved_at = clock_timestamp()
WHERE d.resolution = 'discarded' OR EXISTS (
    SELECT FROM alphapulse.sync_jobs n WHERE n.id = d.replacement_job_id AND n.status IN ('failed', 'cancelled'))`
	tag, err := tx.Exec(ctx, insert, ids, replacements, string(what), req.By, req.Note)
	if err != nil {
		return fmt.Errorf("writing down what became of dead letters: %w", err)
	}
	if int(tag.RowsAffected()) != len(ids) {
		return errResolvedMeanwhile
	}
	return nil
}
