package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestCoverageShowsWhatIsMissingAndWhatIsOutOfReach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account := b.active("main")
	b.cover(account, syncjob.Fills, "linear", "{[2026-01-05Z,2026-01-06Z),[2026-01-08Z,2026-01-20Z)}")
	b.cover(account, syncjob.Fills, "option", "{}")
	b.cover(account, syncjob.Fills, "spot", "{[2026-01-05Z,2026-01-06Z)}")
	b.cover(account, syncjob.Ledger, "transaction_log", "{}")
	b.exec(`UPDATE alphapulse.sync_coverage SET unreadable = 'no permission' WHERE scope = 'option'`)
	b.exec(`UPDATE alphapulse.sync_coverage SET horizon = '2026-01-07Z' WHERE scope = 'linear'`)
	b.exec(`UPDATE alphapulse.sync_coverage SET covered = covered + tstzmultirange(tstzrange('2026-01-20Z',
clock_timestamp() - interval '11 minutes')) WHERE scope = 'linear'`)
	b.exec(`UPDATE alphapulse.accounts SET created_at = clock_timestamp() - interval '1 hour'`)
	found, err := b.Coverage(t.Context(), account.ID)
	require.NoError(t, err)
	var scopes []string
	for _, c := range found {
		scopes = append(scopes, string(c.DataType)+" "+c.Scope)
	}
	require.Equal(t, []string{"fills linear", "fills option", "fills spot", "ledger transaction_log"}, scopes)

	linear, option, spot, ledger := found[0], found[1], found[2], found[3]
	require.Len(t, linear.Covered, 2)
	require.Equal(t, []Window{{From: day(2), To: day(3)}}, linear.Missing, "what lies before the horizon is out of reach")
	require.Equal(t, day(2), linear.Horizon.UTC())
	require.Equal(t, "no permission", option.Unreadable)
	require.Empty(t, option.Missing)
	require.Len(t, spot.Missing, 1)
	require.Equal(t, day(1), spot.Missing[0].From)
	require.InDelta(t, 12*time.Minute, time.Since(spot.Missing[0].To), float64(time.Minute), "without the newest minutes")
	require.Len(t, ledger.Missing, 1)
	require.InDelta(t, time.Hour, time.Since(ledger.Missing[0].From), float64(time.Minute), "from the account's beginning")
	_, err = b.Coverage(t.Context(), "nobody")
	require.ErrorIs(t, err, ErrNotFound)
}
