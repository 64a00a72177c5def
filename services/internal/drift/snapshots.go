package drift

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// Database is where the rows are stored.
type Database interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Truths is what the stand-in knows of an account at an instant that it has shown.
type Truths interface {
	Truth(uid string, at time.Time) (*exchangesim.Truth, error)
}

// ErrNothingStored: no scope of the account has been stored yet.
var ErrNothingStored = errors.New("nothing is stored of the account")

// Scope is a scope of a snapshot that was stored, with the time that it shows.
type Scope struct {
	DataType, Name string
	AsOf           time.Time
}

// Snapshots compares every stored row of an account's and its market's snapshots
// with the truth at the as_of of the row's scope, and lists what differs.
func Snapshots(ctx context.Context, db Database, truths Truths, account ledger.Account) ([]string, error) {
	scopes, err := storedScopes(ctx, db, account)
	if err != nil {
		return nil, err
	}
	var drift []string
	for _, scope := range scopes {
		truth, err := truths.Truth(account.ExchangeUID, scope.AsOf)
		if err != nil {
			return nil, err
		}
		got, err := stored(ctx, db, account, scope)
		if err != nil {
			return nil, fmt.Errorf("reading what is stored of %s %s: %w", scope.DataType, scope.Name, err)
		}
		for _, d := range Compare(Expected(truth, scope), got) {
			drift = append(drift, fmt.Sprintf("%s %s at %s: %s", scope.DataType, scope.Name, scope.AsOf.Format(time.RFC3339Nano), d))
		}
	}
	return drift, nil
}

// storedScopes are those of snapshots: Records compares the histories.
func storedScopes(ctx context.Context, db Database, account ledger.Account) ([]Scope, error) {
	found, err := db.Query(ctx, `
SELECT data_type, scope, as_of FROM alphapulse.sync_scopes
WHERE subject_id IN ($1, $2) AND as_of IS NOT NULL ORDER BY data_type, scope`, account.ID, account.MarketID)
	if err != nil {
		return nil, fmt.Errorf("reading the scopes: %w", err)
	}
	all, err := pgx.CollectRows(found, func(r pgx.CollectableRow) (s Scope, err error) {
		err = r.Scan(&s.DataType, &s.Name, &s.AsOf)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the scopes: %w", err)
	}
	if len(all) == 0 {
		return nil, ErrNothingStored
	}
	histories := map[string]bool{"fills": true, "ledger": true, "closed_pnl": true, "candles": true, "instruments": true}
	var scopes []Scope
	for _, s := range all {
		if !histories[s.DataType] && !strings.HasPrefix(s.Name, "closed:") {
			scopes = append(scopes, s)
		}
	}
	return scopes, nil
}

// stored reads the rows of a scope as text.
func stored(ctx context.Context, db Database, account ledger.Account, s Scope) (Rows, error) {
	queries := map[string]string{
		"balances":  `SELECT asset, to_jsonb(t) FROM alphapulse.balances t WHERE account_id = $1 AND wallet = $2`,
		"positions": `SELECT symbol || '/' || position_idx, to_jsonb(t) FROM alphapulse.positions t WHERE account_id = $1 AND scope = $2`,
		"orders": `SELECT order_id, to_jsonb(t) FROM alphapulse.orders t WHERE account_id = $1 AND scope = $2
		           AND status IN ('untriggered', 'open', 'partially_filled')`,
		"prices": `SELECT symbol, to_jsonb(t) FROM alphapulse.prices t WHERE market_id = $1 AND scope = $2`,
	}
	subject := account.ID
	if s.DataType == "prices" {
		subject = account.MarketID
	}
	found, err := db.Query(ctx, queries[s.DataType], subject, s.Name)
	if err != nil {
		return nil, err
	}
	got := Rows{}
	var key string
	var encoded []byte
	_, err = pgx.ForEachRow(found, []any{&key, &encoded}, func() error {
		got[key] = TextRow(encoded)
		return nil
	})
	return got, err
}
