package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// refuseKey marks the account of a job whose key the exchange refused, if that
// key is still the one in use. A passed probe alone brings the account back.
func refuseKey(job *Claimed) func(context.Context, pgx.Tx, lockedAccount, Outcome) error {
	return func(ctx context.Context, tx pgx.Tx, account lockedAccount, out Outcome) error {
		if account.ID == "" || out.Status != syncjob.Failed {
			return nil
		}
		const update = `
UPDATE alphapulse.accounts SET status = 'needs_attention', reason = $3, updated_at = clock_timestamp()
WHERE id = $1 AND key_version = $2 AND status = 'active'`
		_, err := tx.Exec(ctx, update, account.ID, job.KeyVersion, out.Message)
		return err
	}
}

// CodeOtherOwner is the error code of a probe that found the key to belong to
// another UID than the account: whatever it read would be somebody else's.
const CodeOtherOwner = "uid_changed"

// KeyFacts is what a passed probe learned.
type KeyFacts struct {
	UID         string
	Mode        string
	Permissions map[string][]string
	ExpiresAt   time.Time // zero: never
	// ParentUID is the master's UID of a sub-account's key; "" otherwise.
	ParentUID string
	IsMaster  bool
	// SubAccounts are a master's; nil: they were not listed, and what is stored
	// stays.
	SubAccounts []SubAccount
}

// CommitProbe records the outcome of a probe. A passed probe (facts not nil)
// puts the probed key version in use, makes the account active, drops older
// keys and, if the account was not active before, starts its initial run. A
// probe that failed leaves a pending account pending with the reason, and drops
// a candidate of an account that has a key in use. If the key in use was refused
// or is another UID's now, the account needs attention; any other failure means
// nothing to an active account.
func (l *Ledger) CommitProbe(ctx context.Context, job *Claimed, out Outcome, facts *KeyFacts) (Settled, error) {
	after := func(ctx context.Context, tx pgx.Tx, account lockedAccount, out Outcome) error {
		switch {
		case facts != nil:
			return acceptKey(ctx, tx, job, account, *facts)
		case out.Status == syncjob.Waiting:
			return nil
		default:
			return rejectKey(ctx, tx, job, account, out)
		}
	}
	return l.commit(ctx, job, commitment{outcome: out, after: after}, nil)
}

func acceptKey(ctx context.Context, tx pgx.Tx, job *Claimed, account lockedAccount, facts KeyFacts) error {
	if job.KeyVersion < account.KeyVersion {
		return nil // a newer key is in use already
	}
	if job.Trigger == syncjob.Schedule && account.Status != AccountActive {
		return nil // it was stopped meanwhile; only a probe that was asked for brings it back
	}
	permissions, err := json.Marshal(facts.Permissions)
	if err != nil {
		return fmt.Errorf("encoding permissions: %w", err)
	}
	const update = `
UPDATE alphapulse.accounts
SET status = 'active', reason = '', key_version = $2, exchange_uid = $3, account_mode = $4, key_permissions = $5,
    key_warned_days = CASE WHEN key_expires_at IS NOT DISTINCT FROM $6 THEN key_warned_days END,
    key_expires_at = $6, parent_uid = nullif($7, ''), is_master = $8, updated_at = clock_timestamp()
WHERE id = $1 AND status <> 'removed'`
	tag, err := tx.Exec(ctx, update, account.ID, job.KeyVersion, facts.UID, facts.Mode, permissions,
		nullTime(facts.ExpiresAt), facts.ParentUID, facts.IsMaster)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	if err := notePassed(ctx, tx, account.ID, facts.SubAccounts); err != nil {
		return err
	}
	const drop = `DELETE FROM alphapulse.account_credentials WHERE account_id = $1 AND version < $2`
	if _, err := tx.Exec(ctx, drop, account.ID, job.KeyVersion); err != nil {
		return fmt.Errorf("dropping the replaced key: %w", err)
	}
	if account.Status == AccountActive {
		return nil
	}
	_, err = createRun(ctx, tx, newRun{
		Subject: job.Subject, Trigger: syncjob.Initial, Types: syncjob.All(),
	})
	return err
}

func rejectKey(ctx context.Context, tx pgx.Tx, job *Claimed, account lockedAccount, out Outcome) error {
	refused := out.Class == syncjob.Auth || out.Code == CodeOtherOwner
	return rejectProbed(ctx, tx, account, job.KeyVersion, refused, out.Message)
}

// rejectProbed records why a probe of a key version did not pass.
func rejectProbed(
	ctx context.Context, tx pgx.Tx, account lockedAccount, version int, refused bool, reason string,
) error {
	const update = `
UPDATE alphapulse.accounts
SET reason = $2, updated_at = clock_timestamp(),
    status = CASE WHEN status = 'active' AND $3 AND key_version = $4 THEN 'needs_attention' ELSE status END
WHERE id = $1 AND (status IN ('pending', 'needs_attention') OR (status = 'active' AND $3 AND key_version = $4))`
	if _, err := tx.Exec(ctx, update, account.ID, reason, refused, version); err != nil {
		return fmt.Errorf("recording why the probe failed: %w", err)
	}
	if account.KeyVersion == 0 || version <= account.KeyVersion {
		return nil // the only key there is: `accounts test` may try it again
	}
	const drop = `DELETE FROM alphapulse.account_credentials WHERE account_id = $1 AND version = $2`
	if _, err := tx.Exec(ctx, drop, account.ID, version); err != nil {
		return fmt.Errorf("dropping the rejected key: %w", err)
	}
	return nil
}
