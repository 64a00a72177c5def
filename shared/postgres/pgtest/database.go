package pgtest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

// DB is one test's own database, with the current schema and no rows.
type DB struct {
	URL  string
	Name string
}

// startTimeout bounds the start of the server and the making of a database.
const startTimeout = 2 * time.Minute

// New makes a database for t and drops it when t has ended, whoever is still
// connected to it.
func New(t testing.TB) *DB {
	t.Helper()
	template, err := templateName()
	require.NoError(t, err)
	return create(t, " TEMPLATE "+pgx.Identifier{template}.Sanitize())
}

// NewEmpty makes a database without the schema, for tests of migrations.
func NewEmpty(t testing.TB) *DB {
	t.Helper()
	return create(t, "")
}

func create(t testing.TB, options string) *DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	serverURL, err := shared.start(ctx)
	require.NoError(t, err)

	name := "test_" + strings.ToLower(rand.Text())
	ident := pgx.Identifier{name}.Sanitize()
	require.NoError(t, onServer(ctx, serverURL, "CREATE DATABASE "+ident+options), "creating a test database")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		require.NoError(t, onServer(ctx, serverURL, "DROP DATABASE "+ident+" WITH (FORCE)"), "dropping a test database")
	})
	url, err := databaseURL(serverURL, name)
	require.NoError(t, err)
	return &DB{URL: url, Name: name}
}

func onServer(ctx context.Context, url, sql string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // one statement was all
	_, err = conn.Exec(ctx, sql)
	return err
}

// Open opens a pool named "test" on the database and closes it with t. Each
// change of the configuration is applied before.
func (d *DB) Open(t testing.TB, change ...func(*postgres.Config)) *postgres.DB {
	t.Helper()
	cfg := postgres.Config{URL: d.URL, Name: "test", MaxConns: 8}
	for _, apply := range change {
		apply(&cfg)
	}
	db, err := postgres.Open(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}
