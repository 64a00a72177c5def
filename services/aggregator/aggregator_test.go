package aggregator

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const patience = 30 * time.Second

// fixture is an account with a database and a broker.
type fixture struct {
	t       *testing.T
	db      *postgres.DB
	ledger  *ledger.Ledger
	broker  *queuetest.Server
	queue   *queue.Queue
	account string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureOn(t, pgtest.New(t))
}

func newFixtureOn(t *testing.T, database *pgtest.DB) *fixture {
	t.Helper()
	db := database.Open(t)
	broker := queuetest.New(t)
	f := &fixture{t: t, db: db, ledger: ledger.New(db, ledger.Settings{}), broker: broker, queue: broker.Queue()}
	account, probe, err := f.ledger.AddAccount(t.Context(), ledger.NewAccount{
		Name:   "main",
		Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: "http://127.0.0.1:1"},
		Seal:   func(string, int) ([]byte, error) { return []byte("sealed"), nil },
	})
	require.NoError(t, err)
	require.NoError(t, f.ledger.EndRun(t.Context(), probe.ID, syncjob.CancelUser))
	require.NoError(t, f.ledger.RunsAnnounced(t.Context(), []ledger.Run{probe}))
	f.exec(`UPDATE alphapulse.accounts SET status = 'active', key_version = 1`)
	f.account = account.ID
	return f
}

// run makes a manual run of balances and positions and gives it with its jobs.
func (f *fixture) run() (string, []ledger.Job) {
	f.t.Helper()
	run, _, err := f.ledger.StartManual(f.t.Context(), f.account, []syncjob.DataType{syncjob.Balances, syncjob.Positions})
	require.NoError(f.t, err)
	jobs, err := f.ledger.Jobs(f.t.Context(), run.ID)
	require.NoError(f.t, err)
	require.Len(f.t, jobs, 2)
	return run.ID, jobs
}

// end gives a job its outcome, as a worker's commit does.
func (f *fixture) end(jobID string, status syncjob.Status, changed int) {
	f.t.Helper()
	f.exec(`UPDATE alphapulse.sync_jobs SET status = $2, rows_changed = $3, finished_at = clock_timestamp(), next_at = NULL,
	               attempt = 3, error_class = CASE WHEN $2 = 'succeeded' THEN NULL ELSE 'transient' END
	        WHERE id = $1`, jobID, string(status), changed)
}

func (f *fixture) result(runID string, job ledger.Job, status syncjob.Status) queue.ResultMessage {
	return queue.ResultMessage{
		JobID: job.ID, RunID: runID, Status: status, Exchange: "bybit", DataType: job.DataType,
		Subject: syncjob.Subject{Kind: syncjob.Account, ID: f.account}, FinishedAt: time.Now(),
	}
}

// handleOne handles a result that comes alone, and gives what it was settled with.
func handleOne(ctx context.Context, a *Aggregator, result queue.ResultMessage) (settled error) {
	a.handle([]*handling{a.handling(ctx, result, func(err error) { settled = err })})
	return settled
}

func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	_, err := f.db.Exec(f.t.Context(), sql, args...)
	require.NoError(f.t, err)
}

func (f *fixture) status(runID string) syncjob.RunStatus {
	f.t.Helper()
	run, err := f.ledger.Run(f.t.Context(), runID)
	require.NoError(f.t, err)
	return run.Status
}

func (f *fixture) aggregator(cfg Config) (*Aggregator, *logrustest.Hook) {
	f.t.Helper()
	log, hook := logrustest.NewNullLogger()
	log.SetLevel(logrus.DebugLevel)
	a, err := New(cfg, Deps{DB: f.db, Queue: f.queue, Log: logrus.NewEntry(log)})
	require.NoError(f.t, err)
	return a, hook
}

func (f *fixture) start(a *Aggregator) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx, ctx) }()
	f.t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			require.NoError(f.t, err)
		case <-time.After(patience):
			f.t.Fatal("the aggregator does not stop")
		}
	})
}

// messages waits for n messages on a subject and gives their bodies.
func (f *fixture) messages(stream, subject string, n int) []map[string]any {
	f.t.Helper()
	conn, err := nats.Connect(f.broker.URL())
	require.NoError(f.t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(f.t, err)
	consumer, err := js.OrderedConsumer(f.t.Context(), stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
	require.NoError(f.t, err)
	var bodies []map[string]any
	for range n {
		msg, err := consumer.Next(jetstream.FetchMaxWait(patience))
		require.NoError(f.t, err, "waiting for %d messages on %s", n, subject)
		var body map[string]any
		require.NoError(f.t, json.Unmarshal(msg.Data(), &body))
		bodies = append(bodies, body)
	}
	return bodies
}

// pending is how many results nobody has acked.
func (f *fixture) pending() uint64 {
	f.t.Helper()
	conn, err := nats.Connect(f.broker.URL())
	require.NoError(f.t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(f.t, err)
	consumer, err := js.Consumer(f.t.Context(), queue.ResultsStream, "aggregator")
	require.NoError(f.t, err)
	info, err := consumer.Info(f.t.Context())
	require.NoError(f.t, err)
	return info.NumPending + uint64(info.NumAckPending) //nolint:gosec // never negative
}

func TestFoldsAndAnnounces(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, hook := f.aggregator(Config{Sweep: time.Hour})
	f.start(a)
	runID, jobs := f.run()

	f.end(jobs[0].ID, syncjob.Succeeded, 7)
	require.NoError(t, f.queue.PublishResult(t.Context(), f.result(runID, jobs[0], syncjob.Succeeded)))
	data := f.messages(queue.EventsStream, "sync.data.>", 1)[0]
	require.Equal(t, jobs[0].ID, data["job_id"])
	require.Equal(t, syncjob.RunRunning, f.status(runID), "one job is still open")

	f.end(jobs[1].ID, syncjob.Succeeded, 0)
	require.NoError(t, f.queue.PublishResult(t.Context(), f.result(runID, jobs[1], syncjob.Succeeded)))
	event := f.messages(queue.EventsStream, "sync.run.>", 1)[0]
	require.Equal(t, runID, event["run_id"])
	require.Equal(t, "succeeded", event["status"])
	require.Equal(t, syncjob.RunSucceeded, f.status(runID))
	require.Eventually(t, func() bool { return f.pending() == 0 }, patience, 20*time.Millisecond)

	var announced int
	require.NoError(t, f.db.QueryRow(t.Context(),
		`SELECT count(*) FROM alphapulse.sync_runs WHERE id = $1 AND announced_at IS NOT NULL`, runID).Scan(&announced))
	require.Equal(t, 1, announced)
	steps := map[string]int{}
	for _, entry := range hook.AllEntries() {
		if entry.Data["run_id"] == runID {
			steps[entry.Message]++
		}
	}
	require.Equal(t, 1, steps["folded"])
	require.Equal(t, 1, steps["announced"])
}

// TestLostResult: nobody reported, and the sweep folds the run.
func TestLostResult(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	runID, jobs := f.run()
	f.end(jobs[0].ID, syncjob.Succeeded, 0)
	f.end(jobs[1].ID, syncjob.Failed, 0)
	a, _ := f.aggregator(Config{Sweep: 50 * time.Millisecond})
	f.start(a)
	require.Equal(t, "partial", f.messages(queue.EventsStream, "sync.run.>", 1)[0]["status"])
	require.Equal(t, syncjob.RunPartial, f.status(runID))
}

// Looking for unfolded runs takes the longer the more runs are open, so it is not done
// again at once; but what was found to be too much for one look is.
func TestTheSearchForUnfoldedRunsRests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	over := func() string {
		runID, jobs := f.run()
		f.end(jobs[0].ID, syncjob.Succeeded, 0)
		f.end(jobs[1].ID, syncjob.Succeeded, 0)
		return runID
	}
	a, _ := f.aggregator(Config{Sweep: time.Nanosecond, Batch: 1})
	first := over()
	require.NoError(t, a.sweepOnce(t.Context()))
	require.Equal(t, syncjob.RunSucceeded, f.status(first))
	require.Zero(t, a.unfoldedFrom, "there may be more")
	require.NoError(t, a.sweepOnce(t.Context()))
	require.True(t, a.unfoldedFrom.After(time.Now().Add(-time.Second)))
	second := over()
	a.unfoldedFrom = time.Now().Add(time.Hour)
	require.NoError(t, a.sweepOnce(t.Context()))
	require.Equal(t, syncjob.RunRunning, f.status(second), "it rests")
	a.unfoldedFrom = time.Now()
	require.NoError(t, a.sweepOnce(t.Context()))
	require.Equal(t, syncjob.RunSucceeded, f.status(second))

	require.Equal(t, 400*time.Millisecond, unfoldedPause(2*time.Millisecond))
	require.Equal(t, unfoldedRarely, unfoldedPause(200*time.Millisecond), "a run whose result was lost is found before long")
	require.Equal(t, 50*time.Second, unfoldedPause(time.Second), "but not at any price")
}

// TestLostAnnouncements: a process died after the commit and before the broker
// knew. The sweep makes them, once.
func TestLostAnnouncements(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	runID, jobs := f.run()
	f.end(jobs[0].ID, syncjob.Succeeded, 3)
	f.end(jobs[1].ID, syncjob.Dead, 0)
	folded, err := f.ledger.Fold(t.Context(), runID)
	require.NoError(t, err)
	require.True(t, folded)

	young, _ := f.aggregator(Config{AnnounceAfter: time.Hour})
	require.NoError(t, young.sweepOnce(t.Context()))
	late, _ := f.aggregator(Config{AnnounceAfter: time.Millisecond})
	for range 3 {
		require.NoError(t, late.sweepOnce(t.Context()))
	}
	require.Equal(t, runID, f.messages(queue.EventsStream, "sync.run.>", 1)[0]["run_id"])
	require.Equal(t, jobs[0].ID, f.messages(queue.EventsStream, "sync.data.>", 1)[0]["job_id"])
	dead := f.messages(queue.DeadStream, "sync.dead.>", 1)[0]
	require.Equal(t, jobs[1].ID, dead["job_id"])
	require.Equal(t, "bybit", dead["exchange"])
	require.Equal(t, "testnet", dead["environment"])
	require.Equal(t, "live", dead["lane"])
	require.InDelta(t, 3, dead["attempts"], 0)
	require.Equal(t, "transient", dead["error_class"])
	left, err := f.ledger.UnannouncedJobs(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Empty(t, left)
	runs, err := f.ledger.UnannouncedRuns(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Empty(t, runs)
}

// TestResultIsAckedAfterTheFold: while the run cannot be folded, its result stays
// with the broker.
func TestResultIsAckedAfterTheFold(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	runID, jobs := f.run()
	f.end(jobs[0].ID, syncjob.Succeeded, 0)
	f.end(jobs[1].ID, syncjob.Succeeded, 0)
	a, _ := f.aggregator(Config{Sweep: time.Hour})
	f.exec(`ALTER TABLE alphapulse.sync_runs RENAME TO hidden`)
	require.Error(t, handleOne(t.Context(), a, f.result(runID, jobs[0], syncjob.Succeeded)))
	f.exec(`ALTER TABLE alphapulse.hidden RENAME TO sync_runs`)

	f.exec(`ALTER TABLE alphapulse.sync_runs RENAME TO hidden`)
	f.start(a)
	require.NoError(t, f.queue.PublishResult(t.Context(), f.result(runID, jobs[1], syncjob.Succeeded)))
	require.Eventually(t, func() bool { return f.pending() > 0 }, patience, 5*time.Millisecond, "the broker counts late")
	require.Never(t, func() bool { return f.pending() == 0 }, 500*time.Millisecond, 50*time.Millisecond)
	f.exec(`ALTER TABLE alphapulse.hidden RENAME TO sync_runs`)
	require.Eventually(t, func() bool { return f.pending() == 0 }, patience, 20*time.Millisecond)
	require.Equal(t, syncjob.RunSucceeded, f.status(runID))
}

// TestForgedResult: a result of a run that does not exist is dropped and stops
// nobody.
func TestForgedResult(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, hook := f.aggregator(Config{})
	_, jobs := f.run()
	require.NoError(t, handleOne(t.Context(), a, f.result("00000000-0000-4000-8000-000000000000", jobs[0], syncjob.Succeeded)))
	require.Contains(t, hook.LastEntry().Message, "does not exist")
}

// TestBrokerAwayDelaysOnlyTheAnnouncement: the fold does not need the broker.
func TestBrokerAwayDelaysOnlyTheAnnouncement(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	runID, jobs := f.run()
	f.end(jobs[0].ID, syncjob.Succeeded, 2)
	f.end(jobs[1].ID, syncjob.Succeeded, 0)
	a, _ := f.aggregator(Config{AnnounceAfter: time.Millisecond, Sweep: time.Nanosecond})
	f.broker.Stop()
	require.Error(t, a.sweepOnce(t.Context()), "its announcements fail")
	require.Equal(t, syncjob.RunSucceeded, f.status(runID))
	f.broker.Start()
	require.Eventually(t, func() bool { return a.sweepOnce(t.Context()) == nil }, patience, 20*time.Millisecond)
	require.Equal(t, runID, f.messages(queue.EventsStream, "sync.run.>", 1)[0]["run_id"])
}

func TestConfigNamesEveryMistake(t *testing.T) {
	t.Parallel()
	err := Config{Folders: -1, Batch: -1, Sweep: -1}.Validate()
	require.ErrorContains(t, err, "folders")
	require.ErrorContains(t, err, "batch")
	require.ErrorContains(t, err, "interval")
	require.NoError(t, Config{}.withDefaults().Validate())
}
