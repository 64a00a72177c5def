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

// listSubAccounts stores what a probe listed. A probe that could not list them
// leaves the last list as it is.
func listSubAccounts(ctx context.Context, tx pgx.Tx, accountID string, list []SubAccount) error {
	if list == nil {
		return nil
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("encoding sub-accounts: %w", err)
	}
	const update = `
UPDATE alphapulse.accounts SET sub_accounts = $2, sub_accounts_at = clock_timestamp() WHERE id = $1`
	if _, err := tx.Exec(ctx, update, accountID, encoded); err != nil {
		return fmt.Errorf("storing sub-accounts: %w", err)
	}
	return nil
}
