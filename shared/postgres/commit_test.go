package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// The same error must come back whether the server heard COMMIT or not: from
// the client's side the two cannot be told apart.
func TestCommitWithoutAnAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		heard  bool
		stored int
	}{
		"the server committed":      {heard: true, stored: 1},
		"the server never heard it": {heard: false, stored: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := pgtest.New(t)
			direct := database.Open(t)
			ledgerOf(t, direct)
			p, url := newProxy(t, database.URL)
			db := (&pgtest.DB{URL: url}).Open(t)
			require.NoError(t, db.Ping(t.Context()))

			p.cutAt("commit", tt.heard)
			runs := 0
			err := db.InTx(t.Context(), "cut", func(ctx context.Context, tx pgx.Tx) error {
				runs++
				return insertOne(ctx, tx)
			})
			require.ErrorIs(t, err, postgres.ErrUnknownCommit)
			require.Equal(t, postgres.ClassUnknownCommit, postgres.Classify(err))
			require.Equal(t, 1, runs, "an unknown commit is never repeated")
			require.EqualValues(t, 1, db.Stats().UnknownCommits)
			require.Equal(t, tt.stored, entries(t, direct))
			idle(t, db)
		})
	}
}

func TestCommitThatIsNeverAnsweredEnds(t *testing.T) {
	t.Parallel()
	p, url := newProxy(t, pgtest.New(t).URL)
	db := (&pgtest.DB{URL: url}).Open(t, func(c *postgres.Config) { c.StatementTimeout = 100 * time.Millisecond })
	start := time.Now()
	err := db.InTx(t.Context(), "frozen", func(context.Context, pgx.Tx) error {
		p.freeze()
		return nil
	})
	require.ErrorIs(t, err, postgres.ErrUnknownCommit)
	require.Less(t, time.Since(start), 10*time.Second)
}

// An answer of the server is certain: a deferred constraint that fails at
// COMMIT stored nothing.
func TestCommitThatTheServerRefusesIsCertain(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	_, err := db.Exec(t.Context(), "CREATE TABLE entries (id int UNIQUE DEFERRABLE INITIALLY DEFERRED, note text)")
	require.NoError(t, err)
	err = db.InTx(t.Context(), "deferred", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO entries VALUES (1, 'x'), (1, 'y')")
		return err
	})
	require.NotErrorIs(t, err, postgres.ErrUnknownCommit)
	require.True(t, postgres.Violates(err, "entries_id_key"), "%v", err)
	require.Zero(t, entries(t, db))
	idle(t, db)
}

// A caller who gives up while COMMIT is under way gets its true outcome.
func TestCommitOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	_, err := db.Exec(t.Context(), `CREATE TABLE entries (id int, note text);
		CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END';
		CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION dawdle();`)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	err = db.InTx(ctx, "left alone", func(ctx context.Context, tx pgx.Tx) error {
		time.AfterFunc(50*time.Millisecond, cancel)
		return insertOne(ctx, tx)
	})
	require.NoError(t, err)
	require.Error(t, ctx.Err())
	require.Equal(t, 1, entries(t, db))
}
