package scheduler

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
)

// drive makes steps of the replay until it rests.
func (f *fleet) drive(s *Scheduler, id string) ledger.Replay {
	f.t.Helper()
	for range 100 {
		f.exec(`UPDATE alphapulse.replays SET next_at = clock_timestamp() WHERE finished_at IS NULL`)
		_, err := s.replaying.step(f.t.Context())
		require.NoError(f.t, err)
		if f.count(`SELECT count(*) FROM alphapulse.replays WHERE status = 'planning'`) == 0 &&
			f.count(`SELECT count(*) FROM alphapulse.replay_jobs WHERE state = 'planned'`) == 0 {
			break
		}
	}
	r, err := f.ledger.Replay(f.t.Context(), id)
	require.NoError(f.t, err)
	return r
}

func (f *fleet) startReplay(filter ledger.ReplayFilter) string {
	f.t.Helper()
	r, err := f.ledger.StartReplay(f.t.Context(), ledger.ReplayRequest{Filter: filter, By: "anna"})
	require.NoError(f.t, err)
	return r.ID
}

// end ends every open job well, and folds their runs.
func (f *fleet) end() {
	f.t.Helper()
	f.exec(`UPDATE alphapulse.sync_jobs SET status = 'succeeded', next_at = NULL, finished_at = clock_timestamp(),
	        started_at = coalesce(started_at, clock_timestamp()) WHERE finished_at IS NULL`)
	runs, err := f.ledger.Unfolded(f.t.Context(), 0, 100)
	require.NoError(f.t, err)
	for _, id := range runs {
		_, err := f.ledger.Fold(f.t.Context(), id)
		require.NoError(f.t, err)
	}
}

// What the stream holds is found there; what it lost is found in the tables.
func TestReplayFindsJobsInTheStreamAndWhatItLostInTheTables(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	accounts := f.accounts(5)
	f.exec(`DELETE FROM alphapulse.sync_runs`)
	f.manual(accounts)
	f.settle(s)
	f.end()
	f.broker.Wipe()
	f.reconnect()
	f.manual(accounts[:3])
	f.settle(s)
	f.end()
	id := f.startReplay(ledger.ReplayFilter{Since: time.Now().Add(-time.Hour)})
	r := f.drive(s, id)
	require.Equal(t, ledger.ReplayRunning, r.Status)
	require.EqualValues(t, 3, r.FromStream)
	require.EqualValues(t, 5, r.FromTables)
	require.EqualValues(t, 5, r.Replayed, "one reading of the balances for each account")
	require.EqualValues(t, 3, r.Skipped)
	require.Equal(t, 5, f.count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger = 'replay'`))
	f.end()
	require.Equal(t, ledger.ReplayFinished, f.drive(s, id).Status)

	one := f.startReplay(ledger.ReplayFilter{FromSeq: 2, ToSeq: 3})
	r = f.drive(s, one)
	require.EqualValues(t, 2, r.Found(), "sequences are those of this stream alone")
}

func TestReplayOfAStreamThatIsMissingReadsTheTables(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	f.exec(`DELETE FROM alphapulse.sync_runs`)
	f.manual(f.accounts(2))
	f.exec(`UPDATE alphapulse.sync_runs SET status = 'cancelled', finished_at = now() WHERE status = 'running'`)
	f.exec(`UPDATE alphapulse.sync_jobs SET status = 'cancelled', finished_at = now(), next_at = NULL WHERE finished_at IS NULL`)
	r := f.drive(s, f.startReplay(ledger.ReplayFilter{Since: time.Now().Add(-time.Hour), Status: "any"}))
	require.Zero(t, r.FromStream)
	require.Positive(t, r.FromTables)
}
