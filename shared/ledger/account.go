package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// AccountStatus is the state of an account.
type AccountStatus string

const (
	// AccountPending: its key has not passed a probe. Only probes run.
	AccountPending AccountStatus = "pending"
	// AccountActive: it is synchronized.
	AccountActive AccountStatus = "active"
	// AccountPaused: a person stopped it. Resuming probes first.
	AccountPaused AccountStatus = "paused"
	// AccountNeedsAttention: the exchange refused its key. Nothing is asked of
	// the exchange until set-key or resume has passed a probe.
	AccountNeedsAttention AccountStatus = "needs_attention"
	// AccountRemoved: its data is purged and its name is free.
	AccountRemoved AccountStatus = "removed"
)

// Account is one account as the tables know it. It never holds its key.
type Account struct {
	ID             string
	Name           string
	MarketID       string
	Exchange       string
	Environment    string
	BaseURL        string
	Status         AccountStatus
	Reason         string
	KeyVersion     int
	AllowWriteKey  bool
	ExchangeUID    string
	AccountMode    string
	KeyPermissions map[string][]string
	KeyExpiresAt   *time.Time
	CreatedAt      time.Time
	// ExpectUID is the UID that its key was said to have when it was added.
	ExpectUID string
	// ParentUID is the master's UID if this is a sub-account, as far as known.
	ParentUID string
	IsMaster  bool
}

const selectAccount = `
SELECT a.id, a.name, a.market_id, m.exchange, m.environment, m.base_url, a.status, a.reason, a.key_version,
       a.allow_write_key, coalesce(a.exchange_uid, ''), coalesce(a.account_mode, ''), a.key_permissions,
       a.key_expires_at, a.created_at, coalesce(a.expected_uid, ''), coalesce(a.parent_uid, ''),
       coalesce(a.is_master, false)
FROM alphapulse.accounts a JOIN alphapulse.markets m ON m.id = a.market_id`

func scanAccount(row pgx.CollectableRow) (Account, error) {
	var a Account
	var permissions []byte
	err := row.Scan(&a.ID, &a.Name, &a.MarketID, &a.Exchange, &a.Environment, &a.BaseURL, &a.Status, &a.Reason,
		&a.KeyVersion, &a.AllowWriteKey, &a.ExchangeUID, &a.AccountMode, &permissions, &a.KeyExpiresAt, &a.CreatedAt,
		&a.ExpectUID, &a.ParentUID, &a.IsMaster)
	if err == nil && permissions != nil {
		err = json.Unmarshal(permissions, &a.KeyPermissions)
	}
	return a, err
}

// NewAccount is what is known of an account before its probe.
type NewAccount struct {
	Name          string
	Market        Market
	AllowWriteKey bool
	// ExpectUID, if not empty, is the UID that the key must belong to.
	ExpectUID string
	// Seal encrypts the credentials for the account's id and key version.
	Seal func(accountID string, version int) ([]byte, error)
}

// AddAccount adds a pending account and, in the same transaction, the run that
// probes its key. ErrNameTaken if a living account has the name.
func (l *Ledger) AddAccount(ctx context.Context, n NewAccount) (Account, Run, error) {
	var id, runID string
	err := l.db.InTx(ctx, "add account", func(ctx context.Context, tx pgx.Tx) error {
		marketID, err := ensureMarket(ctx, tx, n.Market)
		if err != nil {
			return err
		}
		const insert = `
INSERT INTO alphapulse.accounts (name, market_id, allow_write_key, expected_uid)
VALUES ($1, $2, $3, nullif($4, '')) RETURNING id`
		if err := tx.QueryRow(ctx, insert, n.Name, marketID, n.AllowWriteKey, n.ExpectUID).Scan(&id); err != nil {
			if postgres.Violates(err, "accounts_name") {
				return fmt.Errorf("account %q: %w", n.Name, ErrNameTaken)
			}
			return fmt.Errorf("adding account: %w", err)
		}
		if err := addAccountSchedules(ctx, tx, id); err != nil {
			return err
		}
		version, err := addCandidateKey(ctx, tx, id, n.Seal)
		if err != nil {
			return err
		}
		runID, err = startProbe(ctx, tx, id, version)
		return err
	})
	if err != nil {
		return Account{}, Run{}, err
	}
	return l.accountAndRun(ctx, id, runID)
}

func addAccountSchedules(ctx context.Context, tx pgx.Tx, id string) error {
	for _, t := range syncjob.Known() {
		if t.Shared() {
			continue
		}
		if err := addSchedule(ctx, tx, syncjob.Subject{Kind: syncjob.Account, ID: id}, t); err != nil {
			return err
		}
	}
	if err := scheduleVerify(ctx, tx, id); err != nil {
		return err
	}
	postgres.Hint(ctx, ChannelAccounts, id)
	return nil
}

func (l *Ledger) accountAndRun(ctx context.Context, accountID, runID string) (Account, Run, error) {
	account, err := l.Account(ctx, accountID)
	if err != nil {
		return Account{}, Run{}, err
	}
	run, err := l.Run(ctx, runID)
	return account, run, err
}

// Account finds an account by id, removed ones included.
func (l *Ledger) Account(ctx context.Context, id string) (Account, error) {
	return l.oneAccount(ctx, ` WHERE a.id = $1`, id)
}

// AccountByName finds the living account of a name.
func (l *Ledger) AccountByName(ctx context.Context, name string) (Account, error) {
	return l.oneAccount(ctx, ` WHERE a.name = $1 AND a.status <> 'removed'`, name)
}

func (l *Ledger) oneAccount(ctx context.Context, where, key string) (Account, error) {
	rows, err := l.db.Query(ctx, selectAccount+where, key)
	if err != nil {
		return Account{}, fmt.Errorf("reading account %s: %w", key, err)
	}
	account, err := pgx.CollectExactlyOneRow(rows, scanAccount)
	return account, notFound(err, "account %q", key)
}

// Accounts lists the living accounts by name.
func (l *Ledger) Accounts(ctx context.Context) ([]Account, error) {
	rows, err := l.db.Query(ctx, selectAccount+` WHERE a.status <> 'removed' ORDER BY a.name`)
	if err != nil {
		return nil, fmt.Errorf("listing accounts: %w", err)
	}
	return pgx.CollectRows(rows, scanAccount)
}

// lockAccount locks an account for a change and gives its state.
func lockAccount(ctx context.Context, tx pgx.Tx, id string) (AccountStatus, int, error) {
	const lock = `SELECT status, key_version FROM alphapulse.accounts WHERE id = $1 FOR NO KEY UPDATE`
	var status AccountStatus
	var version int
	err := tx.QueryRow(ctx, lock, id).Scan(&status, &version)
	return status, version, notFound(err, "account %s", id)
}
