package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// DeadLetter is a job whose attempts ran out and that no schedule repeats.
type DeadLetter struct {
	JobID        string
	RunID        string
	Subject      syncjob.Subject
	Account      string // name; "" for a market's job
	Exchange     string
	Environment  string
	DataType     syncjob.DataType
	Lane         syncjob.Lane
	Trigger      syncjob.Trigger
	Window       *Window // nil: what is now
	Params       json.RawMessage
	ReplayOf     string
	Attempts     int
	MaxAttempts  int
	Owner        string
	ErrorClass   string
	ErrorCode    string
	ErrorMessage string
	QueuedAt     time.Time
	StartedAt    *time.Time
	DiedAt       time.Time
	AnnouncedAt  *time.Time
	Resolution   *DeadResolution // nil: nobody has dealt with it
}

// DeadResolution is what became of a dead letter.
type DeadResolution struct {
	What              Resolution
	ReplacementJobID  string         // of a requeued one
	ReplacementStatus syncjob.Status // "": it is pruned
	By                string
	At                time.Time
	Note              string
	// Settled is false if the new job was cancelled or failed: the letter is as
	// open as before.
	Settled bool
}

// Resolution is how a dead letter was dealt with.
type Resolution string

// The resolutions.
const (
	Requeued  Resolution = "requeued"
	Discarded Resolution = "discarded"
)

// open reports that somebody has yet to deal with it.
func (d DeadLetter) open() bool { return d.Resolution == nil || !d.Resolution.Settled }

// DeadFilter chooses dead letters; the zero value those that nobody has dealt
// with.
type DeadFilter struct {
	JobIDs    []string // nil: any
	Class     syncjob.Class
	SubjectID string
	DataType  syncjob.DataType
	Since     time.Time // those that died then or later
	Resolved  bool      // also those that were dealt with
	// BeforeTime and BeforeID go on where a list ended: with its last letter.
	BeforeTime time.Time
	BeforeID   string
	Limit      int // at most; 0: 50
}

const selectDead = `
SELECT job_id, run_id, CASE WHEN account_id IS NULL THEN 'market' ELSE 'account' END, subject_id, account, exchange,
       environment, data_type, lane, trigger, "window", params, coalesce(replay_of::text, ''), attempts, max_attempts,
       owner, error_class, error_code, error_message, queued_at, started_at, died_at, announced_at,
       resolution, replacement_job_id, replacement_status, resolved_by, resolved_at, note, resolved
FROM alphapulse.dead_letters`

// whereDead has eight parameters.
const whereDead = `
WHERE ($1::uuid[] IS NULL OR job_id = ANY ($1)) AND ($2 = '' OR error_class = $2)
  AND ($3 = '' OR subject_id = nullif($3, '')::uuid) AND ($4 = '' OR data_type = $4)
  AND ($5::timestamptz IS NULL OR died_at >= $5) AND ($6 OR NOT resolved)
  AND ($7::timestamptz IS NULL OR (died_at, job_id) < ($7, nullif($8, '')::uuid))`

func (f DeadFilter) args() []any {
	return []any{
		f.JobIDs, string(f.Class), f.SubjectID, string(f.DataType), nullTime(f.Since), f.Resolved || f.JobIDs != nil,
		nullTime(f.BeforeTime), f.BeforeID,
	}
}

// DeadLetters lists dead letters, the latest first. Those that are named are
// given whatever became of them.
func (l *Ledger) DeadLetters(ctx context.Context, f DeadFilter) ([]DeadLetter, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	return deadLetters(ctx, l.db, f, `ORDER BY died_at DESC, job_id DESC LIMIT $9`)
}

func deadLetters(ctx context.Context, q querier, f DeadFilter, order string) ([]DeadLetter, error) {
	rows, err := q.Query(ctx, selectDead+whereDead+order, append(f.args(), f.Limit)...)
	if err != nil {
		return nil, notFound(err, "dead letters")
	}
	found, err := pgx.CollectRows(rows, scanDead)
	if err != nil {
		return nil, notFound(err, "dead letters")
	}
	return found, nil
}

// DeadCount counts the letters of a filter, whatever its limit.
func (l *Ledger) DeadCount(ctx context.Context, f DeadFilter) (int64, error) {
	f.BeforeTime = time.Time{}
	var n int64
	err := l.db.QueryRow(ctx, `SELECT count(*) FROM alphapulse.dead_letters`+whereDead, f.args()...).Scan(&n)
	return n, notFound(err, "dead letters")
}

// DeadLetter reads one. ErrNotFound if there is no dead job of that id.
func (l *Ledger) DeadLetter(ctx context.Context, jobID string) (DeadLetter, error) {
	rows, err := l.db.Query(ctx, selectDead+` WHERE job_id = $1`, jobID)
	if err != nil {
		return DeadLetter{}, notFound(err, "dead job %s", jobID)
	}
	letter, err := pgx.CollectExactlyOneRow(rows, scanDead)
	return letter, notFound(err, "dead job %s", jobID)
}

func scanDead(row pgx.CollectableRow) (DeadLetter, error) {
	var d DeadLetter
	var window *pgtype.Range[pgtype.Timestamptz]
	var resolution, replacement, status, by, note *string
	var at *time.Time
	var settled bool
	err := row.Scan(&d.JobID, &d.RunID, &d.Subject.Kind, &d.Subject.ID, &d.Account, &d.Exchange, &d.Environment,
		&d.DataType, &d.Lane, &d.Trigger, &window, &d.Params, &d.ReplayOf, &d.Attempts, &d.MaxAttempts, &d.Owner,
		&d.ErrorClass, &d.ErrorCode, &d.ErrorMessage, &d.QueuedAt, &d.StartedAt, &d.DiedAt, &d.AnnouncedAt,
		&resolution, &replacement, &status, &by, &at, &note, &settled)
	if err != nil {
		return d, fmt.Errorf("reading a dead letter: %w", err)
	}
	d.Window = optionalWindow(window)
	if resolution != nil {
		d.Resolution = &DeadResolution{
			What: Resolution(*resolution), ReplacementJobID: textOf(replacement), ReplacementStatus: syncjob.Status(textOf(status)),
			By: textOf(by), At: *at, Note: textOf(note), Settled: settled,
		}
	}
	return d, nil
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
