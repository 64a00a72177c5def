package scheduler

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTwoSchedulersOneRunPerSlot: a thousand slots of fifty accounts, each of which
// two schedulers see at the same time.
func TestTwoSchedulersOneRunPerSlot(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	one, _ := f.scheduler(Config{Batch: 7})
	two, _ := f.scheduler(Config{Batch: 7})
	f.accounts(50)
	f.exec(`UPDATE alphapulse.schedules SET enabled = data_type = 'balances'`)
	const rounds = 20
	for range rounds {
		f.exec(`UPDATE alphapulse.sync_jobs SET status = 'succeeded', finished_at = clock_timestamp(), next_at = NULL
		        WHERE status = 'queued'`)
		f.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp() - interval '1 ms' WHERE enabled`)
		var both sync.WaitGroup
		for _, s := range []*Scheduler{one, two} {
			both.Go(func() {
				for range 100 {
					wait, err := s.planning.step(t.Context())
					if err != nil || wait > minPause {
						require.NoError(t, err)
						return
					}
				}
			})
		}
		both.Wait()
	}
	require.Equal(t, 50*rounds, f.count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger = 'schedule'`))
	require.Equal(t, 50*rounds, f.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE trigger = 'schedule'`))
	require.Zero(t, f.count(`SELECT sum(skipped) FROM alphapulse.schedules`))
}

// TestPlannerWaitsForTheNextSlot: neither a poll of its own nor a spin.
func TestPlannerWaitsForTheNextSlot(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{Poll: time.Hour})
	wait, err := s.planning.step(t.Context())
	require.NoError(t, err)
	require.Equal(t, time.Hour, wait, "there are no schedules")

	f.accounts(1)
	f.exec(`UPDATE alphapulse.schedules SET enabled = true, next_at = clock_timestamp() + interval '20 s'`)
	s, _ = f.scheduler(Config{Poll: time.Hour}) // whose first step overlooks nothing
	wait, err = s.planning.step(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 20, wait.Seconds(), 2)
}

// TestPlanningWakesPublishing: a due slot is in the stream without a poll.
func TestPlanningWakesPublishing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	f.accounts(1)
	f.exec(`UPDATE alphapulse.schedules SET enabled = true, next_at = clock_timestamp()`)
	_, err := s.planning.step(t.Context())
	require.NoError(t, err)
	require.Len(t, s.publishing.wake, 1)
	f.settle(s)
	require.Equal(t, 9, f.count(inStream), "six of data and the probe, and the market's prices and instruments")
	require.Equal(t, 3, f.count(`SELECT count(*) FROM alphapulse.sync_runs WHERE trigger = 'schedule'`))
}

// TestAStepRestsUnlessThereIsMore: what comes due one by one is planned and published
// in batches, and a backlog without a pause.
func TestAStepRestsUnlessThereIsMore(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{Batch: 3, Poll: time.Hour})
	f.accounts(4)
	f.exec(`UPDATE alphapulse.schedules SET enabled = data_type = 'balances', next_at = clock_timestamp() - interval '1 ms'`)
	_, err := s.topology.step(t.Context())
	require.NoError(t, err)
	for _, part := range []struct {
		loop *loop
		rest time.Duration
	}{{s.planning, planRest}, {s.publishing, publishRest}} {
		wait, err := part.loop.step(t.Context())
		require.NoError(t, err)
		require.Zero(t, wait, "a whole batch: there is more")
		wait, err = part.loop.step(t.Context())
		require.NoError(t, err)
		require.Equal(t, part.rest, wait, "the fourth came alone")
	}
}
