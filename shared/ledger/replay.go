package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// ReplayStatus is the state of a replay.
type ReplayStatus string

// The states.
const (
	ReplayPlanning  ReplayStatus = "planning"  // the jobs are being looked for
	ReplayRunning   ReplayStatus = "running"   // new jobs are being made, or at work
	ReplayFinished  ReplayStatus = "finished"  // all are made, and have ended
	ReplayCancelled ReplayStatus = "cancelled" // a person ended it
	ReplayFailed    ReplayStatus = "failed"    // all have ended, and none stored anything
)

// Open reports whether something will still happen.
func (s ReplayStatus) Open() bool { return s == ReplayPlanning || s == ReplayRunning }

// Which jobs a replay is about.
const (
	ReplayAny        = "any"
	ReplayOnlyFailed = "failed"
	ReplayOnlyDead   = "dead"
)

// Rates of a replay, in new jobs a second.
const (
	DefaultReplayRate = 100
	MinReplayRate     = 0.1
	MaxReplayRate     = 10000
)

// ReplayFilter chooses jobs of the past. It needs Since, RunID or FromSeq.
type ReplayFilter struct {
	Since     time.Time          `json:"since,omitzero"`
	Until     time.Time          `json:"until,omitzero"` // zero: now
	AccountID string             `json:"account_id,omitempty"`
	Account   string             `json:"account,omitempty"` // its name, for people
	Types     []syncjob.DataType `json:"types,omitempty"`
	Exchange  string             `json:"exchange,omitempty"`
	Status    string             `json:"status,omitempty"` // any, failed or dead; "" is any
	RunID     string             `json:"run_id,omitempty"`
	FromSeq   uint64             `json:"from_seq,omitempty"` // of SYNC_JOBS
	ToSeq     uint64             `json:"to_seq,omitempty"`
}

// ReplayRequest asks for a replay.
type ReplayRequest struct {
	Filter ReplayFilter
	Rate   float64 // new jobs a second; 0: DefaultReplayRate
	By     string
	Note   string
}

// Replay is one replay with its figures.
type Replay struct {
	ID     string
	By     string
	Note   string
	Filter ReplayFilter
	Status ReplayStatus
	Rate   float64
	// Since and Until are the time that is replayed.
	Since, Until  time.Time
	Phase         string
	StreamCreated *time.Time
	NextSeq       uint64
	FromStream    int64 // jobs found in the stream
	FromTables    int64 // jobs found in the tables alone
	Unknown       int64 // messages of jobs that no table knows any more
	Replayed      int64
	Skipped       int64
	Refused       int64
	CreatedAt     time.Time
	PlannedAt     *time.Time
	FinishedAt    *time.Time
}

// Found is how many jobs there are to replay, refuse or skip.
func (r Replay) Found() int64 { return r.FromStream + r.FromTables }

const selectReplay = `
SELECT id, requested_by, note, filter, status, rate, since, until, phase, stream_created, next_seq, jobs_stream,
       jobs_tables, jobs_unknown, jobs_replayed, jobs_skipped, jobs_refused, created_at, planned_at, finished_at
FROM alphapulse.replays`

func scanReplay(row pgx.CollectableRow) (Replay, error) {
	var r Replay
	var filter []byte
	var seq int64
	err := row.Scan(&r.ID, &r.By, &r.Note, &filter, &r.Status, &r.Rate, &r.Since, &r.Until, &r.Phase, &r.StreamCreated, &seq,
		&r.FromStream, &r.FromTables, &r.Unknown, &r.Replayed, &r.Skipped, &r.Refused, &r.CreatedAt, &r.PlannedAt, &r.FinishedAt)
	if err != nil {
		return r, err
	}
	r.NextSeq = uint64(seq)
	return r, json.Unmarshal(filter, &r.Filter)
}

// Replay reads one. ErrNotFound.
func (l *Ledger) Replay(ctx context.Context, id string) (Replay, error) {
	rows, err := l.db.Query(ctx, selectReplay+` WHERE id = $1`, id)
	if err != nil {
		return Replay{}, notFound(err, "replay %s", id)
	}
	r, err := pgx.CollectExactlyOneRow(rows, scanReplay)
	return r, notFound(err, "replay %s", id)
}

// Replays lists replays, the latest first.
func (l *Ledger) Replays(ctx context.Context, limit int) ([]Replay, error) {
	rows, err := l.db.Query(ctx, selectReplay+` ORDER BY created_at DESC, id LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("listing replays: %w", err)
	}
	return pgx.CollectRows(rows, scanReplay)
}

// StartReplay writes a replay down. The schedulers plan and drive it; whoever
// asked may go away.
func (l *Ledger) StartReplay(ctx context.Context, req ReplayRequest) (Replay, error) {
	var r Replay
	err := l.db.InTx(ctx, "start replay", func(ctx context.Context, tx pgx.Tx) (err error) {
		r, err = l.startReplay(ctx, tx, req)
		return err
	})
	return r, err
}

func (l *Ledger) startReplay(ctx context.Context, tx pgx.Tx, req ReplayRequest) (Replay, error) {
	f := req.Filter
	if req.Rate == 0 {
		req.Rate = DefaultReplayRate
	}
	switch {
	case f.Since.IsZero() && f.RunID == "" && f.FromSeq == 0:
		return Replay{}, errors.New("a replay needs a time to begin at, a run, or sequences of the stream")
	case req.Rate < MinReplayRate || req.Rate > MaxReplayRate:
		return Replay{}, fmt.Errorf("a replay makes %v to %v jobs a second, not %v", MinReplayRate, MaxReplayRate, req.Rate)
	}
	encoded, err := json.Marshal(f)
	if err != nil {
		return Replay{}, fmt.Errorf("encoding the filter of a replay: %w", err)
	}
	if f, err = spanOfRun(ctx, tx, f); err != nil {
		return Replay{}, err
	}
	const insert = `
INSERT INTO alphapulse.replays (requested_by, note, filter, rate, since, until, next_seq)
VALUES ($1, $2, $3, $4, coalesce($5::timestamptz, '1970-01-01Z'), coalesce(least($6::timestamptz, clock_timestamp()), clock_timestamp()),
        $7) RETURNING id`
	var id string
	err = tx.QueryRow(ctx, insert, req.By, req.Note, encoded, req.Rate, nullTime(f.Since), nullTime(f.Until),
		int64(f.FromSeq)).Scan(&id) //nolint:gosec // a sequence comes nowhere near
	if err != nil {
		return Replay{}, fmt.Errorf("writing a replay down: %w", err)
	}
	postgres.Hint(ctx, ChannelReplays, id)
	rows, err := tx.Query(ctx, selectReplay+` WHERE id = $1`, id)
	if err != nil {
		return Replay{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanReplay)
}

// clockMargin is how far the broker's clock may be from the database's.
const clockMargin = time.Minute

// spanOfRun narrows a replay of a run to the time of that run.
func spanOfRun(ctx context.Context, tx pgx.Tx, f ReplayFilter) (ReplayFilter, error) {
	if f.RunID == "" {
		return f, nil
	}
	var began time.Time
	var ended *time.Time
	const read = `SELECT created_at, finished_at FROM alphapulse.sync_runs WHERE id = $1`
	if err := tx.QueryRow(ctx, read, f.RunID).Scan(&began, &ended); err != nil {
		return f, notFound(err, "run %s", f.RunID)
	}
	if f.Since.IsZero() {
		f.Since = began.Add(-clockMargin)
	}
	if f.Until.IsZero() && ended != nil {
		f.Until = ended.Add(clockMargin)
	}
	return f, nil
}

// CancelReplay ends a replay: no further job is made, and what it has made and is
// still open is cancelled. A replay that has ended stays as it is.
func (l *Ledger) CancelReplay(ctx context.Context, id string) error {
	var runs []string
	err := l.db.InTx(ctx, "cancel replay", func(ctx context.Context, tx pgx.Tx) error {
		const cancel = `
UPDATE alphapulse.replays SET status = 'cancelled', finished_at = clock_timestamp()
WHERE id = $1 AND status IN ('planning', 'running')`
		tag, err := tx.Exec(ctx, cancel, id)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		const grown = `
UPDATE alphapulse.sync_runs r SET growing = false
FROM (SELECT r.id FROM alphapulse.replay_runs p JOIN alphapulse.sync_runs r ON r.id = p.run_id
      WHERE p.replay_id = $1 AND r.status = 'running' ORDER BY r.id FOR NO KEY UPDATE OF r) open
WHERE r.id = open.id RETURNING r.id`
		rows, err := tx.Query(ctx, grown, id)
		if err != nil {
			return err
		}
		runs, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return notFound(err, "replay %s", id)
	}
	for _, run := range runs {
		if err := l.EndRun(ctx, run, syncjob.CancelUser); err != nil {
			return err
		}
	}
	return nil
}
