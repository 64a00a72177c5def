package postgres_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

var errOfTheClosure = errors.New("the closure's own error")

func insertOne(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "INSERT INTO entries VALUES (1, 'x')")
	return err
}

func TestInTxCommits(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	ledgerOf(t, db)
	require.NoError(t, db.InTx(t.Context(), "insert", insertOne))
	require.Equal(t, 1, entries(t, db))
	require.EqualValues(t, 1, db.Stats().Committed)
}

func TestInTxRollsBackWhateverEndsTheClosure(t *testing.T) {
	t.Parallel()
	run := func(db *postgres.DB, fn func(context.Context, pgx.Tx) error) error {
		return db.InTx(context.Background(), "broken", fn)
	}
	for name, end := range map[string]func(t *testing.T, db *postgres.DB){
		"an error": func(t *testing.T, db *postgres.DB) {
			err := run(db, func(ctx context.Context, tx pgx.Tx) error {
				return errors.Join(insertOne(ctx, tx), errOfTheClosure)
			})
			require.ErrorIs(t, err, errOfTheClosure)
		},
		"a panic": func(t *testing.T, db *postgres.DB) {
			require.PanicsWithValue(t, "boom", func() {
				_ = run(db, func(ctx context.Context, tx pgx.Tx) error {
					_ = insertOne(ctx, tx)
					panic("boom")
				})
			})
		},
		"runtime.Goexit": func(_ *testing.T, db *postgres.DB) {
			var done sync.WaitGroup
			done.Go(func() {
				_ = run(db, func(ctx context.Context, tx pgx.Tx) error {
					_ = insertOne(ctx, tx)
					runtime.Goexit()
					return nil
				})
			})
			done.Wait()
		},
		"a panic with rows still open": func(t *testing.T, db *postgres.DB) {
			require.Panics(t, func() {
				_ = run(db, func(ctx context.Context, tx pgx.Tx) error {
					_ = insertOne(ctx, tx)
					rows, err := tx.Query(ctx, "SELECT generate_series(1, 1000000)")
					if err == nil && rows.Next() {
						panic("boom")
					}
					return err
				})
			})
		},
		"an error that it swallowed": func(t *testing.T, db *postgres.DB) {
			err := run(db, func(ctx context.Context, tx pgx.Tx) error {
				_ = insertOne(ctx, tx)
				_, _ = tx.Exec(ctx, "SELECT 1/0")
				return nil
			})
			require.ErrorIs(t, err, pgx.ErrTxCommitRollback)
			require.NotErrorIs(t, err, postgres.ErrUnknownCommit)
		},
		"rows left open": func(t *testing.T, db *postgres.DB) {
			err := run(db, func(ctx context.Context, tx pgx.Tx) error {
				_ = insertOne(ctx, tx)
				_, err := tx.Query(ctx, "SELECT generate_series(1, 1000000)") //nolint:sqlclosecheck // on purpose
				return err
			})
			require.Error(t, err)
			require.NotErrorIs(t, err, postgres.ErrUnknownCommit, "COMMIT was never sent")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t).Open(t, func(c *postgres.Config) { c.MaxConns = 1 })
			ledgerOf(t, db)
			end(t, db)
			idle(t, db)
			require.Zero(t, entries(t, db), "and the only connection is usable")
			require.EqualValues(t, 1, db.Stats().RolledBack)
			if !strings.Contains(name, "rows") {
				require.EqualValues(t, 1, db.Stats().Opened, "ROLLBACK was sent: the connection lives on")
			}
		})
	}
}

func TestInTxEndsOnADeadContext(t *testing.T) {
	t.Parallel()
	const between = "between statements"
	for name, work := range map[string]func(ctx context.Context, tx pgx.Tx, kill func()) error{
		between: func(_ context.Context, _ pgx.Tx, kill func()) error {
			kill()
			return nil
		},
		"during a statement": func(ctx context.Context, tx pgx.Tx, kill func()) error {
			time.AfterFunc(20*time.Millisecond, kill)
			_, err := tx.Exec(ctx, "SELECT pg_sleep(10)")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t).Open(t, func(c *postgres.Config) { c.MaxConns = 1 })
			ledgerOf(t, db)
			ctx, kill := context.WithCancel(t.Context())
			err := db.InTx(ctx, "dying", func(ctx context.Context, tx pgx.Tx) error {
				if err := insertOne(ctx, tx); err != nil {
					return err
				}
				return work(ctx, tx, kill)
			})
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, postgres.ClassCanceled, postgres.Classify(err))
			idle(t, db)
			require.Zero(t, entries(t, db))
			require.Eventually(t, func() bool { return lockedEntries(t, db) == 0 }, 5*time.Second, 5*time.Millisecond,
				"the server has ended the transaction too")
			if name == between {
				require.EqualValues(t, 1, db.Stats().Opened, "ROLLBACK was sent on a context of its own")
			}
		})
	}
}

func lockedEntries(t *testing.T, db *postgres.DB) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRow(context.Background(), `SELECT count(*) FROM pg_locks
		WHERE relation = 'entries'::regclass AND mode = 'RowExclusiveLock'`).Scan(&n))
	return n
}

func TestInTxTimesOut(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) { c.TransactionTimeout = 50 * time.Millisecond })
	for name, fn := range map[string]func(ctx context.Context, tx pgx.Tx) error{
		"in a statement": func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "SELECT pg_sleep(10)")
			return err
		},
		"between statements": func(ctx context.Context, _ pgx.Tx) error {
			<-ctx.Done()
			return nil
		},
	} {
		err := db.InTx(t.Context(), "endless", fn)
		require.ErrorIs(t, err, postgres.ErrTransactionTimeout, name)
		require.Equal(t, postgres.ClassQueryCanceled, postgres.Classify(err), name)
	}
}

func TestTransactionsCannotBeNested(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	err := db.InTx(t.Context(), "outer", func(ctx context.Context, tx pgx.Tx) error {
		inner := db.InTx(ctx, "inner", func(context.Context, pgx.Tx) error { return nil })
		require.ErrorIs(t, inner, postgres.ErrNestedTransaction)
		require.ErrorContains(t, inner, `"inner" inside "outer"`)

		_, execErr := db.Exec(ctx, "SELECT 1")
		require.ErrorIs(t, execErr, postgres.ErrNestedTransaction)
		require.ErrorIs(t, db.QueryRow(ctx, "SELECT 1").Scan(new(int)), postgres.ErrNestedTransaction)
		require.ErrorIs(t, db.SendBatch(ctx, &pgx.Batch{}).Close(), postgres.ErrNestedTransaction)

		_, beginErr := tx.Begin(ctx)
		require.ErrorIs(t, beginErr, postgres.ErrNestedTransaction)
		require.ErrorIs(t, tx.Commit(ctx), postgres.ErrTransactionScope)
		require.ErrorIs(t, tx.Rollback(ctx), postgres.ErrTransactionScope)
		return nil
	})
	require.NoError(t, err)
}

func raise(ctx context.Context, tx pgx.Tx, code string) error {
	_, err := tx.Exec(ctx, "DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '"+code+"'; END $$")
	return err
}

func TestInTxRunsLostTransactionsAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		code     string
		failures int
		opts     []postgres.TxOption
		runs     int
		succeeds bool
	}{
		{"serialization failure, once", "40001", 1, nil, 2, true},
		{"deadlock, four times", "40P01", 4, nil, 5, true},
		{"at most five tries", "40001", 99, nil, 5, false},
		{"switched off", "40001", 1, []postgres.TxOption{postgres.NoRetry()}, 1, false},
		{"not for other errors", "23505", 1, nil, 1, false},
		{"not for lock timeouts", "55P03", 1, nil, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t).Open(t)
			ledgerOf(t, db)
			runs := 0
			err := db.InTx(t.Context(), "contended", func(ctx context.Context, tx pgx.Tx) error {
				runs++
				if err := insertOne(ctx, tx); err != nil {
					return err
				}
				if runs <= tt.failures {
					return raise(ctx, tx, tt.code)
				}
				return nil
			}, tt.opts...)
			require.Equal(t, tt.runs, runs)
			require.EqualValues(t, tt.runs-1, db.Stats().Retried)
			if tt.succeeds {
				require.NoError(t, err)
				require.Equal(t, 1, entries(t, db), "only the last try is stored")
				return
			}
			require.Equal(t, tt.code, postgres.SQLState(err))
			require.Zero(t, entries(t, db))
		})
	}
}

// Two transactions that lock two rows in opposite order deadlock for real; the
// one that loses runs again and both succeed.
func TestInTxSurvivesARealDeadlock(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	ledgerOf(t, db)
	_, err := db.Exec(t.Context(), "INSERT INTO entries VALUES (1, ''), (2, '')")
	require.NoError(t, err)

	var runs atomic.Int32
	var met sync.WaitGroup
	met.Add(2)
	lockBoth := func(first, second int) error {
		tried := false
		return db.InTx(t.Context(), "crossed", func(ctx context.Context, tx pgx.Tx) error {
			runs.Add(1)
			if _, err := tx.Exec(ctx, "UPDATE entries SET note = note || 'x' WHERE id = $1", first); err != nil {
				return err
			}
			if !tried {
				tried = true
				met.Done()
				met.Wait()
			}
			_, err := tx.Exec(ctx, "UPDATE entries SET note = note || 'x' WHERE id = $1", second)
			return err
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- lockBoth(1, 2) }()
	go func() { errs <- lockBoth(2, 1) }()
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	require.GreaterOrEqual(t, runs.Load(), int32(3))
	var notes string
	require.NoError(t, db.QueryRow(t.Context(), "SELECT string_agg(note, ',') FROM entries").Scan(&notes))
	require.Equal(t, "xx,xx", notes)
}

func TestInTxOptionsReachTheServer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	err := db.InTx(t.Context(), "read", func(ctx context.Context, tx pgx.Tx) error {
		var level, readOnly string
		require.NoError(t, tx.QueryRow(ctx, "SELECT current_setting('transaction_isolation'), "+
			"current_setting('transaction_read_only')").Scan(&level, &readOnly))
		require.Equal(t, "repeatable read", level)
		require.Equal(t, "on", readOnly)
		return nil
	}, postgres.ReadOnly(), postgres.Isolation(pgx.RepeatableRead))
	require.NoError(t, err)
}

func TestTransactionsAreMeasured(t *testing.T) {
	t.Parallel()
	log, book := newLog()
	var reports []postgres.TxReport
	db := pgtest.New(t).Open(t, func(c *postgres.Config) {
		c.Log, c.SlowTransaction = log, 30*time.Millisecond
		c.OnTx = func(r postgres.TxReport) { reports = append(reports, r) }
	})
	require.NoError(t, db.InTx(t.Context(), "quick", func(context.Context, pgx.Tx) error { return nil }))
	require.ErrorIs(t, db.InTx(t.Context(), "dawdling", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SELECT pg_sleep(0.03)")
		return errors.Join(err, errOfTheClosure)
	}), errOfTheClosure)

	require.Len(t, reports, 2)
	require.Equal(t, postgres.TxCommitted, reports[0].Outcome)
	require.Equal(t, "dawdling", reports[1].Label)
	require.Equal(t, postgres.TxRolledBack, reports[1].Outcome)
	require.GreaterOrEqual(t, reports[1].Duration, 30*time.Millisecond)
	require.Equal(t, 1, book.count("slow transaction", "dawdling", `"pool":"test"`))
	require.Zero(t, book.count("slow transaction", "quick"))
}
