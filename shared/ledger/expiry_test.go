package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnExpiringKeyIsWarnedOfThreeTimes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.active("never")
	expires := func(in string) {
		b.exec(`UPDATE alphapulse.accounts SET key_expires_at = clock_timestamp() + $2::interval WHERE id = $1`, account.ID, in)
	}
	warned := func() int {
		found := concurrently(t, 4, func(int) (int, error) {
			keys, err := b.TakeExpiryWarnings(t.Context(), 10)
			for _, key := range keys {
				require.Equal(t, "main", key.Account)
			}
			return len(keys), err
		})
		total := 0
		for _, n := range found {
			total += n
		}
		return total
	}
	for _, step := range []struct {
		in   string
		want int
	}{{"15 days", 0}, {"13 days", 1}, {"8 days", 0}, {"6 days", 1}, {"2 days", 0}, {"23 hours", 1}, {"-1 hour", 0}} {
		expires(step.in)
		require.Equal(t, step.want, warned(), step.in)
		require.Zero(t, warned(), "once")
	}
	keys, err := b.KeyExpiries(t.Context())
	require.NoError(t, err)
	require.Len(t, keys, 1)
	require.Negative(t, keys[0].Left, "expired, and still shown")

	found := facts()
	found.ExpiresAt = time.Now().Add(5 * 24 * time.Hour)
	_, err = b.CommitProbe(t.Context(), b.scheduledProbeOf("main"), succeeded(), found)
	require.NoError(t, err)
	require.Equal(t, 1, warned(), "a renewed key is warned of anew")
	require.NoError(t, b.RemoveAccount(t.Context(), account.ID))
	keys, err = b.KeyExpiries(t.Context())
	require.NoError(t, err)
	require.Empty(t, keys)
}

func (b bundle) scheduledProbeOf(name string) *Claimed {
	b.t.Helper()
	account, err := b.AccountByName(b.ctx(), name)
	require.NoError(b.t, err)
	return b.claim(b.planned(account, "probe"))
}
