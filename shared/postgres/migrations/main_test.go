package migrations_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// book is a database with one market and the accounts demo and other on it. It
// has one connection, whose statistics are therefore complete when they are read.
type book struct {
	t             *testing.T
	db            *postgres.DB
	market        string
	account, idle string
	start         time.Time // a whole second
}

func newBook(t *testing.T) *book {
	t.Helper()
	b := &book{
		t: t, db: pgtest.New(t).Open(t, func(c *postgres.Config) { c.MaxConns = 1 }),
		start: time.Now().UTC().Truncate(time.Second),
	}
	require.NoError(t, b.db.QueryRow(t.Context(), `
INSERT INTO alphapulse.markets (exchange, environment, base_url) VALUES ('bybit', 'testnet', 'x') RETURNING id`).Scan(&b.market))
	for name, id := range map[string]*string{"demo": &b.account, "other": &b.idle} {
		require.NoError(t, b.db.QueryRow(t.Context(), `
INSERT INTO alphapulse.accounts (name, market_id, status, created_at) VALUES ($1, $2, 'active', $3) RETURNING id`,
			name, b.market, b.start.Add(-time.Hour)).Scan(id))
	}
	return b
}

// at is an instant, seconds after the start.
func (b *book) at(second int) time.Time { return b.start.Add(time.Duration(second) * time.Second) }

func (b *book) exec(sql string, args ...any) {
	b.t.Helper()
	_, err := b.db.Exec(b.t.Context(), sql, args...)
	require.NoError(b.t, err)
}

func (b *book) count(sql string, args ...any) (n int) {
	b.t.Helper()
	require.NoError(b.t, b.db.QueryRow(b.t.Context(), sql, args...).Scan(&n))
	return n
}

// texts gives the rows of a query of one text column.
func (b *book) texts(sql string, args ...any) []string {
	b.t.Helper()
	rows, err := b.db.Query(b.t.Context(), sql, args...)
	require.NoError(b.t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b.t, err)
	return list
}

// fails runs a query that must fail.
func (b *book) fails(want, sql string, args ...any) {
	b.t.Helper()
	rows, err := b.db.Query(b.t.Context(), sql, args...)
	if err == nil {
		rows.Close()
		err = rows.Err()
	}
	require.ErrorContains(b.t, err, want)
}
