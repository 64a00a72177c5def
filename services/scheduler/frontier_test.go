package scheduler

import (
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// TestWhatLiesBehindTheFrontierIsFoundNowAndThen: here what was made due long ago, which
// stands for what somebody had locked for long.
func TestWhatLiesBehindTheFrontierIsFoundNowAndThen(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	accounts := f.accounts(2)
	log, _ := logrustest.NewNullLogger()
	entry := logrus.NewEntry(log)
	planner := &planner{
		metrics: newMeasures(nil), ledger: f.ledger, log: entry, poll: time.Minute, batch: 10, planned: func() {}, hand: newHandover(),
	}
	due := func(account string) {
		f.exec(`UPDATE alphapulse.schedules SET enabled = true, next_at = clock_timestamp() - interval '1 minute'
			WHERE account_id = $1 AND data_type = 'balances'`, account)
	}
	planned := func() int {
		_, err := planner.step(t.Context())
		require.NoError(t, err)
		return f.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE trigger = 'schedule'`)
	}
	require.Zero(t, planned())
	planner.due.next = time.Now().Add(time.Hour) // however slow this test is
	due(accounts[0])
	require.Zero(t, planned(), "it is behind the frontier")
	planner.due.next = time.Now()
	require.Equal(t, 1, planned())
	planner.due.next = time.Now().Add(time.Hour)
	due(accounts[1])
	require.Equal(t, 2, planned(), "the frontier is where something was due")
	_, err := planner.step(t.Context())
	require.NoError(t, err)
	f.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp() - interval '1 minute' WHERE enabled`)
	f.exec(`UPDATE alphapulse.sync_jobs SET status = 'cancelled', finished_at = clock_timestamp(), next_at = NULL WHERE finished_at IS NULL`)
	require.Equal(t, 2, planned(), "nothing was due: it is where the clock is")
}

// TestTheFrontierOfJobsMoves as that of slots does.
func TestTheFrontierOfJobsMoves(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s, _ := f.scheduler(Config{})
	_, err := s.topology.step(t.Context())
	require.NoError(t, err)
	log, _ := logrustest.NewNullLogger()
	publisher := &publisher{
		metrics: newMeasures(nil), ledger: f.ledger, queue: f.queue, log: logrus.NewEntry(log), poll: time.Minute, batch: 10,
		hand: newHandover(), receipts: newReceipts(f.ledger, receiptsRest),
	}
	step := func() int {
		_, err := publisher.step(t.Context())
		require.NoError(t, err)
		return f.count(`SELECT count(*) FROM alphapulse.sync_jobs WHERE publishes > 0`)
	}
	require.Zero(t, step())
	publisher.due.next = time.Now().Add(time.Hour) // however slow this test is
	account := f.accounts(1)[0]
	_, _, err = f.ledger.StartManual(t.Context(), account, []syncjob.DataType{syncjob.Balances})
	require.NoError(t, err)
	f.exec(`UPDATE alphapulse.sync_jobs SET next_at = next_at - interval '1 minute' WHERE finished_at IS NULL`)
	require.Zero(t, step(), "it is behind the frontier")
	publisher.due.next = time.Now()
	require.Equal(t, 1, step())
}

func TestMovedKeepsTheFirst(t *testing.T) {
	t.Parallel()
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	require.Equal(t, moved{slots: 3, first: early}, moved{slots: 1, first: late}.and(moved{slots: 2, first: early}))
	require.Equal(t, moved{slots: 3, first: early}, moved{slots: 2, first: early}.and(moved{slots: 1, first: late}))
	require.Equal(t, moved{slots: 1, first: late}, moved{slots: 1, first: late}.and(moved{}))
	require.Equal(t, moved{slots: 1, first: late}, moved{}.and(moved{slots: 1, first: late}))
}

// TestTheFrontier: when it looks from the very beginning, and how long a loop may rest.
func TestTheFrontier(t *testing.T) {
	t.Parallel()
	first := time.Unix(1, 0)
	var f frontier
	require.Zero(t, f.from(), "at the start")
	require.Zero(t, f.from(), "the step failed")
	require.Equal(t, time.Hour, f.rest(time.Hour), "nothing was overlooked")
	f.saw(first)
	require.Equal(t, first, f.from())
	require.LessOrEqual(t, f.rest(time.Hour), lookOver, "until it looks from the very beginning again")
	require.Equal(t, time.Millisecond, f.rest(time.Millisecond))

	f.next = time.Now()
	require.Zero(t, f.from())
	require.Equal(t, time.Hour, f.rest(time.Hour))
	f.began = f.began.Add(-time.Second)
	f.saw(first)
	require.Greater(t, time.Until(f.next), 10*time.Second, "it took a second: not so soon again")
}
