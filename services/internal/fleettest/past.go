package fleettest

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/drift"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// Walks records when the exchange showed each scope that was stored, for as long
// as the test runs: sync_scopes keeps the newest only.
type Walks struct {
	f      *Fleet
	truths map[reading]*exchangesim.Truth // at the readings that were compared
}

type reading struct {
	uid  string
	asOf int64 // Unix ms
}

// RecordWalks begins to record. Call it before a worker starts.
func (f *Fleet) RecordWalks() *Walks {
	f.T.Helper()
	for _, statement := range []string{
		`CREATE SCHEMA past`,
		`CREATE TABLE past.walks (subject_id uuid, data_type text, scope text, as_of timestamptz)`,
		`CREATE FUNCTION past.record() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
		    INSERT INTO past.walks VALUES (NEW.subject_id, NEW.data_type, NEW.scope, NEW.as_of);
		    RETURN NULL;
		END $$`,
		`CREATE TRIGGER record AFTER UPDATE ON alphapulse.sync_scopes FOR EACH ROW
		 WHEN (NEW.as_of IS DISTINCT FROM OLD.as_of) EXECUTE FUNCTION past.record()`,
	} {
		_, err := f.Pool.Exec(f.T.Context(), statement)
		require.NoError(f.T, err)
	}
	return &Walks{f: f, truths: map[reading]*exchangesim.Truth{}}
}

// Of gives the instants that an account's data of a type was read at, by scope,
// oldest first.
func (w *Walks) Of(account ledger.Account, dataType string) map[string][]time.Time {
	w.f.T.Helper()
	rows, err := w.f.Pool.Query(w.f.T.Context(), `
SELECT scope, as_of FROM past.walks WHERE subject_id = $1 AND data_type = $2 ORDER BY scope, as_of`, account.ID, dataType)
	require.NoError(w.f.T, err)
	walks := map[string][]time.Time{}
	var scope string
	var asOf time.Time
	_, err = pgx.ForEachRow(rows, []any{&scope, &asOf}, func() error {
		walks[scope] = append(walks[scope], asOf)
		return nil
	})
	require.NoError(w.f.T, err)
	return walks
}

// Drift compares what balances_at or positions_at say of an instant with the
// stand-in's truth at the newest reading of each scope by then; before its first
// reading a scope has nothing. read is what Of gave. Columns that follow the
// market have no history and are left out.
func (w *Walks) Drift(account ledger.Account, dataType string, read map[string][]time.Time, at time.Time) []string {
	w.f.T.Helper()
	held := w.heldAt(account, dataType, at)
	var differences []string
	for name, instants := range read {
		asOf := newest(instants, at)
		want := drift.Rows{}
		if !asOf.IsZero() {
			want = drift.Expected(w.truth(account.ExchangeUID, asOf), drift.Scope{DataType: dataType, Name: name})
		}
		for _, r := range want {
			for _, column := range followingTheMarket() {
				delete(r, column)
			}
		}
		for _, d := range drift.Compare(want, held[name]) {
			differences = append(differences, fmt.Sprintf("%s %s at %s, read at %s: %s", dataType, name,
				at.Format(time.RFC3339Nano), asOf.Format(time.RFC3339Nano), d))
		}
	}
	return differences
}

func followingTheMarket() []string {
	return []string{"equity", "usd_value", "mark_price", "unrealized_pnl", "initial_margin", "maintenance_margin"}
}

// newest is the last of some instants that is not after at; zero if none is.
func newest(instants []time.Time, at time.Time) time.Time {
	var last time.Time
	for _, instant := range instants {
		if !instant.After(at) {
			last = instant
		}
	}
	return last
}

func (w *Walks) truth(uid string, asOf time.Time) *exchangesim.Truth {
	w.f.T.Helper()
	key := reading{uid, asOf.UnixMilli()}
	if w.truths[key] == nil {
		truth, err := w.f.Sim.TruthSince(uid, asOf, time.Millisecond)
		require.NoError(w.f.T, err)
		w.truths[key] = truth
	}
	return w.truths[key]
}

// heldAt reads what an account had at an instant, by scope and key.
func (w *Walks) heldAt(account ledger.Account, dataType string, at time.Time) map[string]drift.Rows {
	w.f.T.Helper()
	query := map[string]string{
		"balances":  `SELECT wallet, asset, to_jsonb(t) FROM alphapulse.balances_at($1::uuid, $2) t`,
		"positions": `SELECT scope, symbol || '/' || position_idx, to_jsonb(t) FROM alphapulse.positions_at($1::uuid, $2) t`,
	}[dataType]
	found, err := w.f.Pool.Query(w.f.T.Context(), query, account.ID, at)
	require.NoError(w.f.T, err)
	held := map[string]drift.Rows{}
	var name, key string
	var encoded []byte
	_, err = pgx.ForEachRow(found, []any{&name, &key, &encoded}, func() error {
		if held[name] == nil {
			held[name] = drift.Rows{}
		}
		held[name][key] = drift.TextRow(encoded)
		return nil
	})
	require.NoError(w.f.T, err)
	return held
}
