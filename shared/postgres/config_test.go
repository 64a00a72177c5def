package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestOpenNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), postgres.Config{
		MaxConns: 2, MinConns: 3, AcquireTimeout: -1, PingTimeout: -1,
	})
	for _, part := range []string{"URL is empty", "no name", "at least 3 of at most 2", "acquire timeout", "ping timeout"} {
		require.ErrorContains(t, err, part)
	}
}

func TestOpenHidesThePasswordOfABadURL(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://u:hunter2@host:port/db", Name: "x"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestSettingsReachEverySession(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) {
		c.ApplicationName = "alphapulse/worker-balances/1/writes"
		c.StatementTimeout = 1500 * time.Millisecond
		c.LockTimeout = -1
		c.IdleInTransactionTimeout = 7 * time.Second
	})
	for name, want := range map[string]string{
		"application_name":                    "alphapulse/worker-balances/1/writes",
		"statement_timeout":                   "1500ms",
		"lock_timeout":                        "0",
		"idle_in_transaction_session_timeout": "7s",
		"search_path":                         "alphapulse, public",
		"TimeZone":                            "UTC",
	} {
		var got string
		require.NoError(t, db.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&got))
		require.Equal(t, want, got, name)
	}
}

func TestALongApplicationNameKeepsItsRole(t *testing.T) {
	t.Parallel()
	long := "alphapulse/worker-positions/" + strings.Repeat("0123456789", 5) + "/writes"
	db := pgtest.New(t).Open(t, func(c *postgres.Config) { c.ApplicationName = long })
	var got string
	require.NoError(t, db.QueryRow(t.Context(), "SHOW application_name").Scan(&got))
	require.Len(t, got, 63)
	require.True(t, strings.HasPrefix(got, "alphapulse/worker-positions/"))
	require.True(t, strings.HasSuffix(got, "/writes"))
}
