package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// SubAccount is an account below a master, as the exchange lists it.
type SubAccount struct {
	UID    string `json:"uid"`
	Name   string `json:"name"`
	Status string `json:"status"`
	Mode   string `json:"mode"`
	Remark string `json:"remark"`
}

// SubAccountList is what the last probe of a master's key found.
type SubAccountList struct {
	ListedAt *time.Time // nil: they were never listed
	List     []SubAccount
}

// SubAccounts reads the sub-accounts of an account.
func (l *Ledger) SubAccounts(ctx context.Context, accountID string) (SubAccountList, error) {
	const read = `SELECT sub_accounts_at, sub_accounts FROM alphapulse.accounts WHERE id = $1`
	var found SubAccountList
	var list []byte
	if err := l.db.QueryRow(ctx, read, accountID).Scan(&found.ListedAt, &list); err != nil {
		return found, notFound(err, "account %s", accountID)
	}
	if list == nil {
		return found, nil
	}
	if err := json.Unmarshal(list, &found.List); err != nil {
		return found, fmt.Errorf("decoding the sub-accounts of account %s: %w", accountID, err)
	}
	return found, nil
}

// notePassed records when a key passed a probe, and the sub-accounts that it
// listed. A probe that could not list them leaves the last list as it is.
func notePassed(ctx context.Context, tx pgx.Tx, accountID string, list []SubAccount) error {
	var encoded []byte // NULL
	if list != nil {
		var err error
		if encoded, err = json.Marshal(list); err != nil {
			return fmt.Errorf("encoding sub-accounts: %w", err)
		}
	}
	const update = `
UPDATE alphapulse.accounts
SET probed_at = clock_timestamp(), sub_accounts = coalesce($2::jsonb, sub_accounts),
    sub_accounts_at = CASE WHEN $2::jsonb IS NULL THEN sub_accounts_at ELSE clock_timestamp() END
WHERE id = $1`
	if _, err := tx.Exec(ctx, update, accountID, encoded); err != nil {
		return fmt.Errorf("storing what a probe found: %w", err)
	}
	return nil
}
