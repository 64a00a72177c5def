package databases_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func TestALockedTable(t *testing.T) {
	t.Parallel()
	d := database(t)
	client, waiter := connect(t, shared.URL("", d), "client"), connect(t, shared.URL("", d), "waiter")
	_, err := client.Exec(patient(t), "SET lock_timeout = '50ms'")
	require.NoError(t, err)
	hold, err := shared.LockTable(patient(t), d, "public.notes", time.Hour)
	require.NoError(t, err)
	require.Zero(t, hold.Struck())
	waited := busy(t, shared, waiter, "INSERT INTO notes VALUES ('patient')")
	soon(t, func() bool { return hold.Struck() == 1 })
	require.Equal(t, "55P03", sqlstate(insert(t, client, "impatient")))
	require.Empty(t, waited)
	hold.Release()
	hold.Release()
	require.NoError(t, <-waited)
	require.Equal(t, "patient", stored(t, shared, d))

	_, err = shared.LockTable(patient(t), d, "nothing", time.Hour)
	require.Equal(t, "42P01", sqlstate(err))
}

func TestALockEndsByItself(t *testing.T) {
	t.Parallel()
	d := database(t)
	hold, err := shared.Lock(patient(t), d, time.Second, "INSERT INTO notes VALUES ('mine')")
	require.NoError(t, err)
	require.NoError(t, insert(t, connect(t, shared.URL("", d), "client"), "mine"), "it waits, and gets it")
	require.Equal(t, 1, hold.Struck())
	<-hold.Done()
}

func TestADeadlockEndsTheOtherSession(t *testing.T) {
	t.Parallel()
	d := database(t)
	require.NoError(t, shared.Exec(patient(t), d, "INSERT INTO notes VALUES ('a'), ('b')"))
	lock := func(note string) string { return "SELECT FROM notes WHERE note = '" + note + "' FOR UPDATE" }
	tx, err := connect(t, shared.URL("", d), "client").Begin(patient(t))
	require.NoError(t, err)
	_, err = tx.Exec(patient(t), lock("a"))
	require.NoError(t, err)
	type result struct {
		struck bool
		err    error
	}
	ended := make(chan result, 1)
	go func() {
		struck, err := shared.Deadlock(patient(t), d, lock("b"), lock("a"))
		ended <- result{struck, err}
	}()
	watch := connect(t, shared.URL("", d), "watch")
	soon(t, func() bool {
		tag, err := watch.Exec(patient(t), lock("b")+" SKIP LOCKED")
		require.NoError(t, err)
		return tag.RowsAffected() == 0
	})
	_, err = tx.Exec(patient(t), lock("b"))
	require.Equal(t, "40P01", sqlstate(err), "%v", err)
	require.Equal(t, result{true, nil}, <-ended)
}

func TestADeadlockThatNobodyComesTo(t *testing.T) {
	t.Parallel()
	d := database(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	struck, err := shared.Deadlock(ctx, d, "SELECT 1", "SELECT 1")
	require.NoError(t, err)
	require.False(t, struck)
}

func TestEndedSessions(t *testing.T) {
	t.Parallel()
	d := database(t)
	victim, other := connect(t, shared.URL("", d), "victim/writes"), connect(t, shared.URL("", d), "bystander")
	said := asleep(t, shared, victim)
	n, err := shared.Terminate(patient(t), app("victim/writes"))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, "57P01", sqlstate(<-said))
	require.NoError(t, insert(t, other, "spared"))

	hold, err := shared.Lock(patient(t), d, time.Hour, "SELECT 1")
	require.NoError(t, err)
	n, err = shared.Terminate(patient(t), app("chaos/lock"))
	require.NoError(t, err)
	require.Zero(t, n, "no fault ends another")
	hold.Release()
}

func TestACrowdTakesEveryConnection(t *testing.T) {
	t.Parallel()
	cfg := quick(pgtest.Dir(t), "crowded")
	cfg.MaxConnections = 10
	s := start(t, cfg)
	notes(t, s, "postgres")
	require.NoError(t, s.Exec(patient(t), "postgres", "CREATE ROLE fleet LOGIN"))
	client := connect(t, s.URL("fleet", "postgres"), "fleet")
	crowd, err := s.Crowd(patient(t))
	require.NoError(t, err)
	defer crowd.Release()
	require.Equal(t, cfg.MaxConnections-1, crowd.Held())
	for _, user := range []string{"fleet", "postgres"} {
		_, err := tryConnect(patient(t), s.URL(user, "postgres"), "newcomer")
		require.Equal(t, "53300", sqlstate(err), "%v", err)
	}
	_, err = client.Exec(patient(t), "SELECT 1")
	require.NoError(t, err, "who has a connection keeps it")
	n, err := crowd.Evict(patient(t), app("fleet"))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = client.Exec(patient(t), "SELECT 1")
	require.Error(t, err)
	soon(t, func() bool { return crowd.Held() == cfg.MaxConnections })
	struck, err := crowd.Struck()
	require.NoError(t, err)
	require.Equal(t, 2, struck, "the two newcomers")

	crowd.Release()
	crowd.Release()
	soon(t, func() bool {
		conn, err := tryConnect(patient(t), s.URL("fleet", "postgres"), "newcomer")
		return err == nil && conn.Close(patient(t)) == nil
	})
}
