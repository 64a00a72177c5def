package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// standing is what a claim that took nothing finds: the job under a lock, and
// why it could not be had.
type standing struct {
	Status        syncjob.Status
	RunID         string
	Claim         string
	Trigger       syncjob.Trigger
	Lane          syncjob.Lane
	SubjectID     string
	DataType      string
	Unpublished   bool // held back, or about to be published again
	Attempt       int
	MaxAttempts   int
	SameMessage   bool
	LeaseLeft     time.Duration
	RunOpen       bool
	AccountStatus AccountStatus // "" for a market's job
	Paused        bool
	PausedFor     time.Duration
	SiblingUntil  *time.Time // its lease; nil: there is none
	RowsChanged   int64
	Stored        bool // an earlier attempt stored a scope
	Class         syncjob.Class
}

// A job that is paused without an end looks again after this time; WakePaused
// makes it due as soon as it is resumed. One that found nothing in its way any
// more is redelivered after the shorter time.
const (
	maxPauseWait = time.Hour
	redeliverIn  = 100 * time.Millisecond
)

// refuse finds out, under the job's lock, why a claim took nothing, and makes
// the transition that the answer stands for. If in the meantime nothing stands
// in the way any more, the answer is Busy with a short wait: the redelivery
// claims it.
func (l *Ledger) refuse(ctx context.Context, req ClaimRequest) (Refusal, error) {
	var refusal Refusal
	err := l.db.InTx(ctx, "refuse claim", func(ctx context.Context, tx pgx.Tx) error {
		s, err := readStanding(ctx, tx, req)
		if err != nil {
			return err
		}
		if s == nil {
			refusal = Refusal{Answer: Done} // unknown: forged, or pruned
			return nil
		}
		refusal = s.answer()
		refusal.Status, refusal.Class, err = s.apply(ctx, tx, req.JobID, refusal)
		if err != nil || !s.Status.Open() || refusal.Status.Open() {
			return err
		}
		_, err = letGo(ctx, tx, s.SubjectID, s.DataType, string(s.Lane))
		return err
	})
	if err != nil {
		return Refusal{}, fmt.Errorf("claiming job %s: %w", req.JobID, err)
	}
	return refusal, nil
}

// answer is the law of rule 13 without its effects.
func (s *standing) answer() Refusal {
	refusal := Refusal{RunID: s.RunID, Claim: s.Claim, Changed: s.RowsChanged}
	switch {
	case !s.Status.Open():
		refusal.Answer = Done
	case s.Status == syncjob.Running && s.SameMessage:
		refusal.Answer, refusal.Wait = Busy, max(s.LeaseLeft, time.Second)
	case s.Status == syncjob.Running:
		refusal.Answer = BusyElsewhere
	case s.Status == syncjob.Waiting, s.Unpublished, !s.RunOpen:
		refusal.Answer = NotDue
	case s.inactive():
		refusal.Answer = Inactive
	case s.Attempt >= s.MaxAttempts:
		refusal.Answer = ExhaustedAnswer
	case s.Paused:
		refusal.Answer, refusal.Wait = NotDue, max(s.PausedFor, time.Second)
	case s.SiblingUntil != nil:
		refusal.Answer = Sibling
	default:
		refusal.Answer, refusal.Wait = Busy, redeliverIn
	}
	return refusal
}

func (s *standing) inactive() bool {
	switch s.AccountStatus {
	case "", AccountActive:
		return false
	case AccountRemoved:
		return true
	default:
		return !s.decides()
	}
}

// decides reports whether the job is a probe that may bring its account back. A
// scheduled probe only looks whether an active account's key still holds.
func (s *standing) decides() bool {
	return s.DataType == string(syncjob.Probe) && s.Trigger != syncjob.Schedule
}

func readStanding(ctx context.Context, tx pgx.Tx, req ClaimRequest) (*standing, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM alphapulse.sync_jobs WHERE id = $1 FOR UPDATE`, req.JobID); err != nil {
		return nil, err
	}
	read := fmt.Sprintf(`
SELECT j.status, j.run_id, coalesce(j.claim::text, ''), j.trigger, j.lane, j.subject_id, j.data_type,
       j.next_at IS NOT NULL, j.attempt, j.max_attempts,
       j.publishes = $2,
       greatest(coalesce(j.lease_until - clock_timestamp(), interval '0'), interval '0'),
       r.status = 'running' AND (r.deadline_at IS NULL OR r.deadline_at > clock_timestamp()),
       coalesce(a.status, ''),
       %s,
       coalesce((SELECT max(coalesce(p.until, clock_timestamp() + $3::interval)) FROM alphapulse.pauses p
                 WHERE %s
                   AND %s) - clock_timestamp(), interval '0'),
       (SELECT s.lease_until FROM alphapulse.sync_jobs s
        WHERE s.subject_id = j.subject_id AND s.data_type = j.data_type AND s.lane = 'live' AND j.lane = 'live'
          AND s.status = 'running'),
       j.rows_changed, j.as_of IS NOT NULL, coalesce(j.error_class, '')
FROM alphapulse.sync_jobs j
JOIN alphapulse.sync_runs r ON r.id = j.run_id
LEFT JOIN alphapulse.accounts a ON a.id = j.account_id
JOIN alphapulse.markets m ON m.id = coalesce(j.market_id, a.market_id)
WHERE j.id = $1`, pausedFor("m", "j.account_id", "j.data_type", "j.lane"),
		pauseInForce, pauseMatches("m", "j.account_id", "j.data_type", "j.lane"))
	rows, err := tx.Query(ctx, read, req.JobID, req.Publishes, maxPauseWait)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[standing])
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}
