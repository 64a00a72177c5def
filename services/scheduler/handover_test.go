package scheduler

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
)

const (
	dueNow = `SELECT count(*) FROM alphapulse.sync_jobs WHERE status = 'queued' AND next_at <= clock_timestamp()`
	asked  = `SELECT count(*) FROM alphapulse.sync_jobs WHERE status = 'queued' AND next_at IS NULL AND stream_seq IS NULL`
)

// handing is a scheduler with n accounts whose balances are planned, and whose
// publisher has published before.
func (f *fleet) handing(cfg Config, n int) *Scheduler {
	f.t.Helper()
	s, _ := f.scheduler(cfg)
	f.manual(f.accounts(1))
	f.settle(s)
	f.exec(`UPDATE alphapulse.sync_jobs SET status = 'succeeded', finished_at = clock_timestamp() WHERE finished_at IS NULL`)
	f.exec(`INSERT INTO alphapulse.accounts (name, market_id, status, key_version)
	        SELECT 'more-' || n, (SELECT id FROM alphapulse.markets), 'active', 1 FROM generate_series(2, $1::integer) n`, n)
	f.exec(`INSERT INTO alphapulse.schedules (account_id, data_type, every, next_at)
	        SELECT id, 'balances', '1 minute', clock_timestamp() - interval '1 ms' FROM alphapulse.accounts
	        ON CONFLICT (subject_id, data_type) DO UPDATE SET enabled = true, next_at = excluded.next_at`)
	return s
}

func (f *fleet) step(l *loop) {
	f.t.Helper()
	_, err := l.step(f.t.Context())
	require.NoError(f.t, err)
}

// TestPlannedJobsAreHandedOver: a job whose publisher is at work is written as
// published, and published without being looked for.
func TestPlannedJobsAreHandedOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.handing(Config{}, 3)
	f.step(s.planning)
	require.Zero(t, f.count(dueNow))
	require.Equal(t, 3, f.count(asked))
	f.step(s.publishing)
	f.confirm(s)
	require.Equal(t, 3, f.count(inStream))
	require.Equal(t, 3, f.count(published, 1))
	for _, d := range f.take(4) { // the first is over already
		require.Equal(t, 1, d.Job.Publishes)
		require.NotEmpty(t, d.Job.RunID)
		require.Equal(t, 1, f.count(`SELECT count(*) FROM alphapulse.sync_jobs j JOIN alphapulse.sync_runs r ON r.id = j.run_id
			WHERE j.id = $1 AND r.id = $2 AND j.subject_id = $3`, d.Job.JobID, d.Job.RunID, d.Job.Subject.ID))
	}
}

// TestThePlannerWaitsForAPublisherWhoWorks: what is planned while the handover is full is
// written twice, which makes a scheduler that is late later still.
func TestThePlannerWaitsForAPublisherWhoWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hand := newHandover()
		hand.open.Store(true)
		for range handedAtMost {
			require.True(t, hand.reserve(t.Context()))
			hand.give(make([]ledger.Publication, 1))
		}
		reserved := make(chan bool, 1)
		go func() { reserved <- hand.reserve(t.Context()) }()
		synctest.Wait()
		require.Empty(t, reserved, "it waits")
		began := time.Now()
		time.Sleep(handoverWait / 2)
		require.Len(t, hand.take().jobs, handedAtMost, "what waits is published together")
		require.True(t, <-reserved)
		require.Equal(t, handoverWait/2, time.Since(began))
		for range handedAtMost - 1 {
			require.True(t, hand.reserve(t.Context()))
		}
		require.False(t, hand.reserve(t.Context()), "not for long")
	})
}

// TestAFullHandoverLeavesJobsDue: the planner does not wait long for the publisher.
func TestAFullHandoverLeavesJobsDue(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.handing(Config{Batch: 2}, 2*handedAtMost+3)
	for range handedAtMost + 2 {
		f.step(s.planning)
	}
	handed := f.count(asked)
	require.Positive(t, handed)
	require.LessOrEqual(t, handed, 2*handedAtMost)
	require.Equal(t, 2*handedAtMost+3, handed+f.count(dueNow))
	for range handedAtMost + 2 {
		f.step(s.publishing)
	}
	f.confirm(s)
	require.Equal(t, 2*handedAtMost+3, f.count(inStream))
	require.Equal(t, 2*handedAtMost+3, f.count(published, 1))
}

// TestWhatWasHandedOverIsDueAgainWithoutABroker: and nothing more is handed over
// until something was published.
func TestWhatWasHandedOverIsDueAgainWithoutABroker(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.handing(Config{}, 3)
	hook := logrustest.NewLocal(s.log.Logger)
	f.step(s.planning)
	f.broker.Stop()
	_, err := s.publishing.step(t.Context())
	require.Error(t, err)
	require.Equal(t, 3, f.count(dueNow))
	told := slices.DeleteFunc(messagesOf(hook, "planned"), func(e *logrus.Entry) bool { return e.Message != "planned" })
	require.Len(t, told, 3, "each line of a job's walk is there")

	f.exec(`UPDATE alphapulse.sync_jobs SET status = 'succeeded', finished_at = clock_timestamp(), next_at = NULL
	        WHERE finished_at IS NULL`)
	f.exec(`UPDATE alphapulse.schedules SET next_at = clock_timestamp() WHERE enabled`)
	f.step(s.planning)
	require.Equal(t, 3, f.count(dueNow), "the planner does not count on the publisher")
}

// TestAnEndGivesBackWhatWasHandedOver: the next scheduler does not wait for the sweep.
func TestAnEndGivesBackWhatWasHandedOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.handing(Config{Batch: 2}, 3)
	f.step(s.planning)
	f.step(s.planning)
	require.Equal(t, 3, f.count(asked))
	s.emptied(t.Context())
	require.Equal(t, 3, f.count(dueNow))
}

// TestALateBatchIsNotPublished: it may be that the sweep has published its jobs under
// the next number.
func TestALateBatchIsNotPublished(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.handing(Config{}, 2)
	hand := newHandover()
	_, _, jobs, err := f.ledger.PlanTaken(t.Context(), "account", ledger.Batch{Limit: 10})
	require.NoError(t, err)
	require.Len(t, jobs, 2)
	hand.open.Store(true)
	require.True(t, hand.reserve(t.Context()))
	hand.batches <- handed{jobs: jobs, at: time.Now().Add(-handedFor - time.Millisecond)}
	p := &publisher{metrics: s.metrics, ledger: f.ledger, queue: f.queue, log: s.log, poll: time.Second, batch: 10, hand: hand, receipts: newReceipts(f.ledger, 0)}
	f.step(&loop{step: p.step})
	require.Equal(t, 2, f.count(published, 2))
	for _, d := range f.take(3) {
		require.True(t, d.Job.Publishes == 2 || !ours(jobs, d.Job.JobID), "the late batch was published")
	}
}

func ours(jobs []ledger.Publication, id string) bool {
	for _, job := range jobs {
		if job.JobID == id {
			return true
		}
	}
	return false
}
