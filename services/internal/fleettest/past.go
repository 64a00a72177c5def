package fleettest

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
)

// Walks records when the exchange showed each scope that was stored, for as long
// as the test runs: sync_scopes keeps the newest only.
type Walks struct{ f *Fleet }

// RecordWalks begins to record. Call it before a worker starts.
func (f *Fleet) RecordWalks() Walks {
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
	return Walks{f: f}
}

// Of gives the instants that an account's data of a type was read at, by scope,
// oldest first.
func (w Walks) Of(account ledger.Account, dataType string) map[string][]time.Time {
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

// PastDrift compares what balances_at or positions_at say of a scope at an
// instant with the stand-in's truth at asOf, the scope's newest reading by then;
// the zero asOf is none, and then nothing may be there. Columns that follow the
// market have no history and are left out.
func (f *Fleet) PastDrift(account ledger.Account, dataType, name string, asOf, at time.Time) []string {
	f.T.Helper()
	want := rows{}
	if !asOf.IsZero() {
		truth, err := f.Sim.TruthSince(account.ExchangeUID, asOf, time.Millisecond)
		require.NoError(f.T, err)
		want = expected(truth, scope{dataType: dataType, name: name})
	}
	for _, r := range want {
		for _, column := range []string{
			"equity", "usd_value", "mark_price", "unrealized_pnl", "initial_margin", "maintenance_margin",
		} {
			delete(r, column)
		}
	}
	var drift []string
	for _, d := range compare(want, f.heldAt(account, dataType, name, at)) {
		drift = append(drift, fmt.Sprintf("%s %s at %s, read at %s: %s", dataType, name,
			at.Format(time.RFC3339Nano), asOf.Format(time.RFC3339Nano), d))
	}
	return drift
}

func (f *Fleet) heldAt(account ledger.Account, dataType, name string, at time.Time) rows {
	f.T.Helper()
	query := map[string]string{
		"balances":  `SELECT asset, to_jsonb(t) FROM alphapulse.balances_at($1::uuid, $2) t WHERE wallet = $3`,
		"positions": `SELECT symbol || '/' || position_idx, to_jsonb(t) FROM alphapulse.positions_at($1::uuid, $2) t WHERE scope = $3`,
	}[dataType]
	found, err := f.Pool.Query(f.T.Context(), query, account.ID, at, name)
	require.NoError(f.T, err)
	got := rows{}
	var key string
	var encoded []byte
	_, err = pgx.ForEachRow(found, []any{&key, &encoded}, func() error {
		got[key] = textRow(encoded)
		return nil
	})
	require.NoError(f.T, err)
	return got
}
