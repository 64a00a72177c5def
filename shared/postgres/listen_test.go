package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// listenOn collects what arrives, until the test ends.
func listenOn(t *testing.T, db *postgres.DB, channels ...string) <-chan postgres.Notification {
	t.Helper()
	got := make(chan postgres.Notification, 64)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- db.Listen(ctx, channels, func(_ context.Context, n postgres.Notification) { got <- n })
	}()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
	return got
}

func next(t *testing.T, got <-chan postgres.Notification, within time.Duration) postgres.Notification {
	t.Helper()
	select {
	case n := <-got:
		return n
	case <-time.After(within):
		t.Fatalf("nothing within %s", within)
		return postgres.Notification{}
	}
}

func TestListenHearsAndReconnects(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	got := listenOn(t, db, "sync_jobs", `odd "name"`)
	require.Zero(t, next(t, got, 5*time.Second), "once after connecting")

	_, err := db.Exec(t.Context(), "SELECT pg_notify('sync_jobs', 'one'), pg_notify('odd \"name\"', 'two'), pg_notify('other', 'x')")
	require.NoError(t, err)
	require.Equal(t, postgres.Notification{Channel: "sync_jobs", Payload: "one"}, next(t, got, 5*time.Second))
	require.Equal(t, postgres.Notification{Channel: `odd "name"`, Payload: "two"}, next(t, got, 5*time.Second))

	_, err = db.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name LIKE '%/listen'`)
	require.NoError(t, err)
	require.Zero(t, next(t, got, 5*time.Second), "and again after reconnecting")
	_, err = db.Exec(t.Context(), "NOTIFY sync_jobs, 'three'")
	require.NoError(t, err)
	require.Equal(t, "three", next(t, got, 5*time.Second).Payload)
}

// A connection that is open and silent for ever is replaced within ten seconds
// and a quiet one that is alive is not.
func TestListenNoticesASilentlyDeadConnection(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	direct := d.Open(t)
	p, url := newProxy(t, d.URL)
	quiet := listenOn(t, direct, "sync_jobs")
	frozen := listenOn(t, (&pgtest.DB{URL: url}).Open(t), "sync_jobs")
	require.Zero(t, next(t, quiet, 5*time.Second))
	require.Zero(t, next(t, frozen, 5*time.Second))

	p.freezeOpen()
	require.Zero(t, next(t, frozen, 13*time.Second), "it connected anew")
	_, err := direct.Exec(t.Context(), "NOTIFY sync_jobs, 'still there'")
	require.NoError(t, err)
	require.Equal(t, "still there", next(t, frozen, 5*time.Second).Payload)
	require.Equal(t, "still there", next(t, quiet, 5*time.Second).Payload, "the quiet one was not replaced meanwhile")
}

func TestListenNeedsAChannel(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	require.Error(t, db.Listen(t.Context(), nil, nil))
}
