package pgtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestNewGivesEachTestAnEmptyMigratedDatabase(t *testing.T) {
	t.Parallel()
	first, second := pgtest.New(t).Open(t), pgtest.New(t).Open(t)
	require.NoError(t, first.CheckSchema(t.Context()))

	_, err := first.Exec(t.Context(),
		"INSERT INTO alphapulse.markets (exchange, environment, base_url) VALUES ('bybit', 'testnet', 'x')")
	require.NoError(t, err)
	var n int
	require.NoError(t, second.QueryRow(t.Context(), "SELECT count(*) FROM alphapulse.markets").Scan(&n))
	require.Zero(t, n)
}
