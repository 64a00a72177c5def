package access

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// Outcomes of a change beside the codes of errors.
const (
	OutcomeOK       = "ok"
	OutcomeRepeated = "repeated" // answered from what the same key did before
	OutcomeUnknown  = "unknown"  // of a record: none is stored
)

// Change is what a caller asks for.
type Change struct {
	Actor          string
	TokenID        int64 // 0: none
	RemoteAddress  string
	Procedure      string // RunService/StartSync
	Account        string // by name; empty: none, or not known yet
	Target         string
	Request        json.RawMessage // without secrets
	IdempotencyKey string
}

// Record is a change in the log.
type Record struct {
	Change

	ID         int64
	At         time.Time
	Outcome    string
	FinishedAt *time.Time
}

// Audit is the audit log. It is safe for concurrent use.
type Audit struct{ db *postgres.DB }

// NewAudit gives the log of a database, which must be the primary.
func NewAudit(db *postgres.DB) *Audit { return &Audit{db: db} }

const insertChange = `
INSERT INTO alphapulse.audit_log (actor, token_id, remote_address, procedure, account, target, request, idempotency_key,
    outcome, finished_at)
VALUES ($1, nullif($2::bigint, 0), $3, $4, nullif($5, ''), nullif($6, ''), $7, nullif($8, ''), nullif($9, ''),
    CASE WHEN $9 <> '' THEN clock_timestamp() END)
RETURNING id`

// Begin notes a change that is about to be made. Without the note it must not be.
func (a *Audit) Begin(ctx context.Context, c Change) (id int64, err error) {
	return a.insert(ctx, c, "")
}

// Refused notes a change that is not made.
func (a *Audit) Refused(ctx context.Context, c Change, outcome string) error {
	_, err := a.insert(ctx, c, outcome)
	return err
}

func (a *Audit) insert(ctx context.Context, c Change, outcome string) (id int64, err error) {
	err = a.db.QueryRow(ctx, insertChange, c.Actor, c.TokenID, c.RemoteAddress, c.Procedure, c.Account, c.Target,
		c.Request, c.IdempotencyKey, outcome).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("writing the audit log: %w", err)
	}
	return id, nil
}

// End notes what became of a change, and the account if only its answer told.
func (a *Audit) End(ctx context.Context, id int64, outcome, account string) error {
	_, err := a.db.Exec(ctx, `
UPDATE alphapulse.audit_log
SET outcome = $2, account = coalesce(account, nullif($3, '')), finished_at = clock_timestamp()
WHERE id = $1 AND outcome IS NULL`, id, outcome, account)
	if err != nil {
		return fmt.Errorf("completing the audit log: %w", err)
	}
	return nil
}

// AuditFilter narrows List. Zero fields match everything.
type AuditFilter struct {
	Account, Actor string
	Since          time.Time
	BeforeID       int64 // records with a smaller id, for paging
	Limit          int
}

// List lists changes, newest first.
func (a *Audit) List(ctx context.Context, f AuditFilter) ([]Record, error) {
	var since *time.Time
	if !f.Since.IsZero() {
		since = &f.Since
	}
	rows, err := a.db.Query(ctx, `
SELECT id, at, actor, coalesce(token_id, 0), remote_address, procedure, coalesce(account, ''), coalesce(target, ''),
       request, coalesce(idempotency_key, ''), coalesce(outcome, $6), finished_at
FROM alphapulse.audit_log
WHERE ($1 = '' OR account = $1) AND ($2 = '' OR actor = $2) AND ($3::timestamptz IS NULL OR at >= $3)
  AND ($4::bigint = 0 OR id < $4)
ORDER BY id DESC LIMIT $5`, f.Account, f.Actor, since, f.BeforeID, f.Limit, OutcomeUnknown)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Record, error) {
		var r Record
		err := row.Scan(&r.ID, &r.At, &r.Actor, &r.TokenID, &r.RemoteAddress, &r.Procedure, &r.Account, &r.Target,
			&r.Request, &r.IdempotencyKey, &r.Outcome, &r.FinishedAt)
		return r, err
	})
}
