package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// HeldType is a data type and the pause that stops it.
type HeldType struct {
	DataType syncjob.DataType
	Pause    Pause
}

// PausedError says that data types that were asked for are paused by people. It
// is an ErrPaused.
type PausedError struct{ Held []HeldType }

// Error names each type with its pause.
func (e *PausedError) Error() string {
	text := ""
	for i, h := range e.Held {
		if i > 0 {
			text += "; "
		}
		text += fmt.Sprintf("%s: paused by %s (%s)", h.DataType, h.Pause.CreatedBy, h.Pause.Reason)
	}
	return text
}

// Unwrap makes it an ErrPaused.
func (e *PausedError) Unwrap() error { return ErrPaused }

// announcedPause is the condition that pause p is what an exchange announced
// itself, and no person's: a job meets it by itself and waits.
const announcedPause = `(p.market_id IS NOT NULL AND p.reason = 'maintenance')`

// CheckPaused gives a *PausedError if types of an account, in lane live, are
// paused by people. A maintenance that the exchange announced is none: it lasts
// as long as it lasts, and whoever asks waits for it.
func (l *Ledger) CheckPaused(ctx context.Context, accountID string, types []syncjob.DataType) error {
	return checkPaused(ctx, l.db, accountID, types)
}

func checkPaused(ctx context.Context, q querier, accountID string, types []syncjob.DataType) error {
	shared := make([]bool, len(types))
	for i, t := range types {
		shared[i] = t.Shared()
	}
	// Of several pauses of one type, that which ends last.
	read := fmt.Sprintf(`
SELECT DISTINCT ON (t.n) t.data_type, p.id FROM unnest($2::text[], $3::boolean[]) WITH ORDINALITY AS t (data_type, shared, n)
JOIN alphapulse.accounts a ON a.id = $1
JOIN alphapulse.markets m ON m.id = a.market_id
JOIN alphapulse.pauses p ON %s AND NOT %s
      AND %s
ORDER BY t.n, p.until DESC NULLS FIRST`, pauseInForce, announcedPause,
		pauseMatches("m", "CASE WHEN t.shared THEN NULL ELSE a.id END", "t.data_type", "'live'"))
	rows, err := q.Query(ctx, read, accountID, typeNames(types), shared)
	if err != nil {
		return fmt.Errorf("looking for pauses: %w", err)
	}
	type held struct {
		DataType syncjob.DataType
		PauseID  string
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[held])
	if err != nil || len(found) == 0 {
		return err
	}
	ids := make([]string, len(found))
	for i, h := range found {
		ids[i] = h.PauseID
	}
	pauses, err := pausesByID(ctx, q, ids)
	if err != nil {
		return fmt.Errorf("reading pauses: %w", err)
	}
	byID := map[string]Pause{}
	for _, p := range pauses {
		byID[p.ID] = p
	}
	answer := &PausedError{}
	for _, h := range found {
		answer.Held = append(answer.Held, HeldType{DataType: h.DataType, Pause: byID[h.PauseID]})
	}
	return answer
}
