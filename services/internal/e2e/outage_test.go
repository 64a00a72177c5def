package e2e

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/services/worker"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// logbook is what a fleet logged.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logbook) count(words ...string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.text.String()) {
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			n++
		}
	}
	return n
}

// onOwnServer gives a fleet on a server that the test stops, with one active
// account and all schedules off. What its worker logs is kept.
func onOwnServer(t *testing.T) (*fleettest.Fleet, *pgtest.Server, ledger.Account, *logbook, *fleettest.Part) {
	t.Helper()
	server := pgtest.NewServer(t, nil)
	require.NoError(t, postgres.Migrate(t.Context(), server.URL(), nil))
	f := fleettest.NewOn(t, exchangesim.Config{}, server.DB())
	scheduler := f.Scheduler()
	f.Aggregator()
	quiet, book := f.Log, &logbook{}
	log := logrus.New()
	log.SetOutput(book)
	f.Log = logrus.NewEntry(log)
	f.WorkerWith(worker.Config{Types: syncjob.All()})
	f.Log = quiet
	account := f.Active(0)
	f.Idle(syncjob.All()...)
	return f, server, account, book, scheduler
}

const (
	stopsTaking = "no more work is taken"
	takesAgain  = "work is taken again"
)

// While the database is away a worker leaves its jobs in the queue: none is
// fetched, fails its claim and comes again. It goes on about a second after the
// server's return, and the log has one line for each.
func TestAWorkerTakesNothingWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	f, server, account, book, scheduler := onOwnServer(t)
	scheduler.Stop() // the test publishes
	run, _, err := f.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances})
	require.NoError(t, err)
	due, err := f.Ledger.TakeDue(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	consumer := queue.Consumer{Exchange: "bybit", Environment: "testnet", DataType: syncjob.Balances, Lane: syncjob.Live}
	q := f.Queue()

	server.Stop()
	f.Eventually("the worker has stopped taking", func() bool { return book.count(stopsTaking) > 0 })
	f.Eventually("what it had asked for is withdrawn", func() bool { return consumerInfo(t, f, consumer.Name()).NumWaiting == 0 })
	published := q.PublishJobs(t.Context(), []queue.JobMessage{{
		JobID: due[0].JobID, RunID: due[0].RunID, Publishes: due[0].Publishes,
		Subject:  syncjob.Subject{Kind: due[0].SubjectKind, ID: due[0].SubjectID},
		Exchange: due[0].Exchange, Environment: due[0].Environment, DataType: due[0].DataType, Lane: due[0].Lane,
		ExpiresAt: time.Now().Add(time.Hour),
	}})
	require.NoError(t, published[0].Err)
	require.Never(t, func() bool {
		at, err := q.Position(t.Context(), consumer)
		return err == nil && (at.Pending != 1 || at.Unacked != 0 || at.Delivered >= published[0].Seq)
	}, 3*time.Second, 50*time.Millisecond, "the job was fetched although it could not be claimed")

	server.Start()
	back := time.Now()
	f.Eventually("the worker takes again", func() bool { return book.count(takesAgain) > 0 })
	resumed := time.Since(back)
	ended, jobs := f.AwaitRun(run.ID)
	t.Logf("taking again %s, and the job ended %s after the return of the server",
		resumed.Round(time.Millisecond), time.Since(back).Round(time.Millisecond))
	require.Less(t, resumed, 5*time.Second)
	require.Equal(t, syncjob.RunSucceeded, ended.Status)
	require.Equal(t, 1, jobs[syncjob.Balances].Attempt)
	require.Zero(t, book.count("could not be claimed"))
	require.Equal(t, 1, book.count(stopsTaking))
	require.Equal(t, 1, book.count(takesAgain))
}

// A job that is running when the database goes away and comes back within its
// lease is finished by the same attempt.
func TestARunningJobOutlivesAShortOutage(t *testing.T) {
	t.Parallel()
	f, server, account, book, _ := onOwnServer(t)
	hold, err := f.Sim.Hold(exchangesim.Hold{Endpoint: "/v5/account/wallet-balance"})
	require.NoError(t, err)
	run, _, err := f.Ledger.StartManual(t.Context(), account.ID, []syncjob.DataType{syncjob.Balances})
	require.NoError(t, err)
	require.NoError(t, f.Sim.AwaitHeld(t.Context(), hold, 1))
	claim := f.Texts(`SELECT claim::text FROM alphapulse.sync_jobs WHERE run_id = $1`, run.ID)
	// A claim is not flushed by itself: the next commit takes it to the disk with it.
	f.Texts(`UPDATE alphapulse.accounts SET updated_at = clock_timestamp() RETURNING name`)
	server.Kill()
	f.Eventually("the worker has stopped taking", func() bool { return book.count(stopsTaking) > 0 })
	f.Sim.Release(hold) // it commits while the server is away
	server.Start()
	ended, jobs := f.AwaitRun(run.ID)
	require.Equal(t, syncjob.RunSucceeded, ended.Status)
	require.Equal(t, 1, jobs[syncjob.Balances].Attempt)
	require.Equal(t, claim, f.Texts(`SELECT claim::text FROM alphapulse.sync_jobs WHERE run_id = $1`, run.ID))
	require.Zero(t, f.Count(`SELECT count(*) FROM alphapulse.sync_attempts WHERE job_id = $1`, jobs[syncjob.Balances].ID))
}
