package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAConnectionMakesRoomForTheStatementsThatItNeeds(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]struct{ statements, descriptions int }{
		"postgres://host/db":                                          {statements, 0},
		"postgres://host/db?statement_cache_capacity=7":               {7, 0},
		"postgres://host/db?statement_cache_capacity=512":             {statements, 0},
		"postgres://host/db?default_query_exec_mode=cache_describe":   {statements, pgxStatements},
		"postgres://host/db?default_query_exec_mode=simple_protocol":  {statements, 0},
		"postgres://host/db?statement_cache_capacity=0&sslmode=allow": {0, 0},
	} {
		c := Config{URL: url, Name: "test", MaxConns: 1}
		p, err := c.poolConfig()
		require.NoError(t, err, url)
		require.Equal(t, want.statements, p.ConnConfig.StatementCacheCapacity, url)
		require.Equal(t, want.descriptions, p.ConnConfig.DescriptionCacheCapacity, url)
	}
}
