package access_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/access"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

func use(key string) *access.Use {
	return &access.Use{Actor: "a", Key: key, Procedure: "P", RequestHash: []byte{1}, Lasts: time.Minute}
}

// Of calls that come together with one key, one makes the change.
func TestOneCallTakesAKey(t *testing.T) {
	t.Parallel()
	keys := access.NewKeys(pgtest.New(t).Open(t))
	var all sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 16 {
		all.Go(func() {
			_, repeated, err := keys.Claim(t.Context(), use("k"))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && !repeated:
				taken++
			case !errors.Is(err, access.ErrInProgress):
				t.Errorf("repeated %v, %v", repeated, err)
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, taken)
}

// After a day a key is new again, the old ones are deleted, and a call of
// yesterday that ends now says nothing about it.
func TestAKeyLastsADay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	keys := access.NewKeys(db)
	old, other := use("k"), use("other")
	for _, u := range []*access.Use{old, other} {
		_, repeated, err := keys.Claim(t.Context(), u)
		require.NoError(t, err)
		require.False(t, repeated)
		require.NoError(t, keys.Done(t.Context(), u, nil))
	}
	response, repeated, err := keys.Claim(t.Context(), use("k"))
	require.NoError(t, err)
	require.True(t, repeated, "an empty answer is one")
	require.Empty(t, response)
	_, err = db.Exec(t.Context(), `UPDATE alphapulse.idempotency_keys SET created_at = created_at - interval '24 hours'`)
	require.NoError(t, err)
	fresh := use("k")
	fresh.RequestHash = []byte{2}
	_, repeated, err = keys.Claim(t.Context(), fresh)
	require.NoError(t, err)
	require.False(t, repeated)
	require.NoError(t, keys.Undone(t.Context(), old))
	require.NoError(t, keys.Done(t.Context(), old, []byte("old")))
	_, _, err = keys.Claim(t.Context(), fresh)
	require.ErrorIs(t, err, access.ErrInProgress)
	var left int
	require.NoError(t, db.QueryRow(t.Context(), `SELECT count(*) FROM alphapulse.idempotency_keys`).Scan(&left))
	require.Equal(t, 1, left)
}
