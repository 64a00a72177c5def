package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// MaxSlots is the most slots that may be asked for.
const MaxSlots = 1024

// WorkerSetting is what somebody set for the workers of a data type. What is nil
// is as each was started.
type WorkerSetting struct {
	DataType  syncjob.DataType
	Worker    string // "" for every worker
	Slots     *int
	Lanes     []syncjob.Lane
	Paused    *bool
	UpdatedBy string
	UpdatedAt time.Time
}

// WorkerSettings lists all settings, or (worker not "") those that concern one
// worker.
func (l *Ledger) WorkerSettings(ctx context.Context, worker string) ([]WorkerSetting, error) {
	const query = `
SELECT data_type, worker, slots, lanes, paused, updated_by, updated_at FROM alphapulse.worker_settings
WHERE $1 = '' OR worker IN ('', $1)
ORDER BY array_position($2::text[], data_type), worker`
	rows, err := l.db.Query(ctx, query, worker, typeNames(syncjob.Known()))
	if err != nil {
		return nil, fmt.Errorf("reading the settings of workers: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[WorkerSetting])
}

// WorkerChange is a change of settings. What is nil is left as it is set.
type WorkerChange struct {
	Types  []syncjob.DataType
	Worker string // "" for every worker
	Slots  *int
	Lanes  []syncjob.Lane
	Paused *bool
	By     string
}

// SetWorkers changes the settings of data types. Workers follow within a second or
// so; jobs in hand go on to their end.
func (l *Ledger) SetWorkers(ctx context.Context, c WorkerChange) error {
	const upsert = `
INSERT INTO alphapulse.worker_settings AS w (data_type, worker, slots, lanes, paused, updated_by)
SELECT t, $2, $3::integer, $4::text[], $5::boolean, $6 FROM unnest($1::text[]) AS t ORDER BY t
ON CONFLICT (data_type, worker) DO UPDATE
SET slots = coalesce(excluded.slots, w.slots), lanes = coalesce(excluded.lanes, w.lanes),
    paused = coalesce(excluded.paused, w.paused), updated_by = excluded.updated_by, updated_at = clock_timestamp()`
	if _, err := l.db.Exec(ctx, upsert, typeNames(c.Types), c.Worker, c.Slots, c.Lanes, c.Paused, c.By); err != nil {
		return fmt.Errorf("setting workers: %w", err)
	}
	return nil
}

// ResetWorkers forgets the settings of data types: workers are again as they were
// started.
func (l *Ledger) ResetWorkers(ctx context.Context, types []syncjob.DataType, worker string) error {
	const remove = `DELETE FROM alphapulse.worker_settings WHERE data_type = ANY ($1) AND worker = $2`
	if _, err := l.db.Exec(ctx, remove, typeNames(types), worker); err != nil {
		return fmt.Errorf("resetting workers: %w", err)
	}
	return nil
}

// WorkerState is what a worker does for a data type now.
type WorkerState struct {
	Name     string
	DataType syncjob.DataType
	Slots    int // in force, of each queue
	MaxSlots int // the most that its connections allow
	Lanes    []syncjob.Lane
	Paused   bool
	SeenAt   time.Time
}

// SeeWorker records what a worker does.
func (l *Ledger) SeeWorker(ctx context.Context, name string, states []WorkerState) error {
	batch := &pgx.Batch{}
	const upsert = `
INSERT INTO alphapulse.workers (name, data_type, slots, max_slots, lanes, paused) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name, data_type) DO UPDATE
SET slots = excluded.slots, max_slots = excluded.max_slots, lanes = excluded.lanes, paused = excluded.paused,
    seen_at = clock_timestamp()`
	for _, s := range states {
		batch.Queue(upsert, name, string(s.DataType), s.Slots, s.MaxSlots, s.Lanes, s.Paused)
	}
	err := l.db.InTx(ctx, "see worker", func(ctx context.Context, tx pgx.Tx) error {
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return fmt.Errorf("recording what worker %s does: %w", name, err)
	}
	return nil
}

// Workers lists what workers do that were seen within a span.
func (l *Ledger) Workers(ctx context.Context, within time.Duration) ([]WorkerState, error) {
	const query = `
SELECT name, data_type, slots, max_slots, lanes, paused, seen_at FROM alphapulse.workers
WHERE seen_at > clock_timestamp() - $1::interval
ORDER BY array_position($2::text[], data_type), name`
	rows, err := l.db.Query(ctx, query, within, typeNames(syncjob.Known()))
	if err != nil {
		return nil, fmt.Errorf("listing workers: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[WorkerState])
}

// PruneWorkers removes workers that were not seen for a day.
func (l *Ledger) PruneWorkers(ctx context.Context) error {
	const prune = `DELETE FROM alphapulse.workers WHERE seen_at < clock_timestamp() - interval '1 day'`
	if _, err := l.db.Exec(ctx, prune); err != nil {
		return fmt.Errorf("removing workers that are gone: %w", err)
	}
	return nil
}
