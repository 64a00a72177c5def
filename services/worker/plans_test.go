package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// TestStoringReadsNoScopeOfOthers: a session plans its statements once, here while the
// table is nearly empty, and must not go through it for each group when it is full.
func TestStoringReadsNoScopeOfOthers(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) { c.MaxConns, c.ByIndex = 1, true })
	b := &bench{t: t, db: db, ledger: ledger.New(db, ledger.Settings{}), writer: snapshot.NewWriter(balancesTable())}
	b.exec(`ALTER TABLE alphapulse.sync_scopes SET (autovacuum_enabled = false)`)
	b.account = b.add("one")
	start := time.Now().UTC().Truncate(time.Millisecond)
	store := func(n int) {
		snap := b.walked(start.Add(time.Duration(n)*time.Second), map[string]string{"BTC": "1"})
		snap.whole = &whole{writer: b.writer, scopes: []string{"unified"}}
		b.commit(b.scheduled(), snap)
	}
	store(1)
	b.exec(`ANALYZE alphapulse.sync_scopes`)
	store(2)

	const others = 3000
	b.exec(`
WITH made AS (
    INSERT INTO alphapulse.accounts (name, market_id, status, key_version)
    SELECT 'other-' || n, (SELECT id FROM alphapulse.markets), 'active', 1 FROM generate_series(1, $1::integer) n RETURNING id)
INSERT INTO alphapulse.sync_scopes (account_id, data_type, scope) SELECT id, 'balances', 'unified' FROM made`, others)
	read := func() (n int) {
		b.exec(`SELECT pg_stat_force_next_flush()`)
		require.NoError(t, db.QueryRow(t.Context(), `
SELECT (SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'sync_scopes')
     + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'sync_scopes')`).Scan(&n))
		return n
	}
	before := read()
	store(3)
	require.Less(t, read()-before, 100, "with %d scopes of others", others)
}
