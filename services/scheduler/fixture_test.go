package scheduler

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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

// patience bounds what has no other bound in a test.
const patience = 30 * time.Second

// receiptsRest is how long receipts rest where a test does not say.
const receiptsRest = time.Millisecond

// fleet is a database and a broker of one test.
type fleet struct {
	t      *testing.T
	db     *postgres.DB
	ledger *ledger.Ledger
	broker *queuetest.Server
	queue  *queue.Queue
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	db := pgtest.New(t).Open(t)
	broker := queuetest.New(t)
	return &fleet{t: t, db: db, ledger: ledger.New(db, ledger.Settings{}), broker: broker, queue: broker.Queue()}
}

// scheduler is one whose log the test can read.
func (f *fleet) scheduler(cfg Config) (*Scheduler, *logrustest.Hook) {
	f.t.Helper()
	return f.schedulerOn(cfg, f.queue, nil)
}

func (f *fleet) schedulerOn(cfg Config, q *queue.Queue, l *ledger.Ledger) (*Scheduler, *logrustest.Hook) {
	f.t.Helper()
	log, hook := logrustest.NewNullLogger()
	log.SetLevel(logrus.DebugLevel)
	if cfg.Receipts == 0 {
		cfg.Receipts = receiptsRest
	}
	s, err := New(cfg, Deps{DB: f.db, Queue: q, Log: logrus.NewEntry(log), Ledger: l})
	require.NoError(f.t, err)
	return s, hook
}

// start runs a scheduler until the test ends.
func (f *fleet) start(s *Scheduler) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, ctx) }()
	f.t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			require.NoError(f.t, err)
		case <-time.After(patience):
			f.t.Fatal("the scheduler does not stop")
		}
	})
}

// accounts adds active accounts whose schedules are off, so that only what a test
// asks for is planned.
func (f *fleet) accounts(n int) []string {
	f.t.Helper()
	ids := make([]string, n)
	for i := range n {
		account, probe, err := f.ledger.AddAccount(f.t.Context(), ledger.NewAccount{
			Name:   fmt.Sprintf("account-%d", i),
			Market: ledger.Market{Exchange: "bybit", Environment: "testnet", BaseURL: "http://127.0.0.1:1"},
			Seal:   func(string, int) ([]byte, error) { return []byte("sealed"), nil },
		})
		require.NoError(f.t, err)
		require.NoError(f.t, f.ledger.EndRun(f.t.Context(), probe.ID, syncjob.CancelUser))
		ids[i] = account.ID
	}
	f.exec(`UPDATE alphapulse.accounts SET status = 'active', key_version = 1`)
	f.exec(`UPDATE alphapulse.schedules SET enabled = false`)
	return ids
}

// manual starts a manual run of one type for each account, which is one job each.
func (f *fleet) manual(accounts []string) {
	f.t.Helper()
	for _, id := range accounts {
		_, _, err := f.ledger.StartManual(f.t.Context(), id, []syncjob.DataType{syncjob.Balances})
		require.NoError(f.t, err)
	}
}

func (f *fleet) exec(sql string, args ...any) {
	f.t.Helper()
	_, err := f.db.Exec(f.t.Context(), sql, args...)
	require.NoError(f.t, err)
}

func (f *fleet) count(sql string, args ...any) int {
	f.t.Helper()
	var n int
	require.NoError(f.t, f.db.QueryRow(f.t.Context(), sql, args...).Scan(&n))
	return n
}

// plan is how Postgres reads a query.
func (f *fleet) plan(sql string) string {
	f.t.Helper()
	rows, err := f.db.Query(f.t.Context(), `EXPLAIN `+sql)
	require.NoError(f.t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(f.t, err)
	return strings.Join(lines, "\n")
}

// openRun is the one run of an account that has not ended.
func (f *fleet) openRun(account string) string {
	f.t.Helper()
	var id string
	const open = `SELECT id FROM alphapulse.sync_runs WHERE account_id = $1 AND status = 'running'`
	require.NoError(f.t, f.db.QueryRow(f.t.Context(), open, account).Scan(&id))
	return id
}

// await polls, because the loops give no signal to a test.
func (f *fleet) await(what string, n int, sql string, args ...any) {
	f.t.Helper()
	last := -1
	for began := time.Now(); time.Since(began) < patience; <-time.After(20 * time.Millisecond) {
		if last = f.count(sql, args...); last == n {
			return
		}
	}
	f.t.Fatalf("%s: want %d, have %d", what, n, last)
}

const (
	inStream  = `SELECT count(*) FROM alphapulse.sync_jobs WHERE status = 'queued' AND stream_seq IS NOT NULL`
	published = `SELECT count(*) FROM alphapulse.sync_jobs WHERE status = 'queued' AND publishes = $1`
)

func balances() queue.Consumer {
	return queue.Consumer{Exchange: "bybit", Environment: "testnet", DataType: syncjob.Balances, Lane: syncjob.Live}
}

// pending is how many messages the consumer has yet to deliver.
func (f *fleet) pending() int {
	f.t.Helper()
	at, err := f.queue.Position(f.t.Context(), balances())
	require.NoError(f.t, err)
	return int(at.Pending)
}

// take fetches n deliveries.
func (f *fleet) take(n int) []queue.Delivery {
	f.t.Helper()
	sub, err := f.queue.Subscribe(balances())
	require.NoError(f.t, err)
	var taken []queue.Delivery
	for began := time.Now(); len(taken) < n && time.Since(began) < patience; {
		sub.Fetch(f.t.Context(), n-len(taken), time.Second, func(d queue.Delivery) { taken = append(taken, d) })
	}
	require.Len(f.t, taken, n)
	return taken
}

// reconnect waits until the broker answers again.
func (f *fleet) reconnect() {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return f.queue.Ready(f.t.Context()) == nil }, patience, 20*time.Millisecond)
}

// settle runs the topology and publishes everything that is due.
func (f *fleet) settle(s *Scheduler) {
	f.t.Helper()
	for range 100 {
		_, err := s.topology.step(f.t.Context())
		require.NoError(f.t, err)
		wait, err := s.publishing.step(f.t.Context())
		require.NoError(f.t, err)
		if wait > 0 {
			f.confirm(s)
			return
		}
	}
	f.t.Fatal("there is always something to publish")
}

// confirm stores the receipts of all that was published.
func (f *fleet) confirm(s *Scheduler) {
	f.t.Helper()
	for {
		left, err := s.confirming.step(f.t.Context())
		require.NoError(f.t, err)
		if left == s.cfg.Receipts { // nothing rests
			return
		}
	}
}

func messagesOf(hook *logrustest.Hook, text string) []*logrus.Entry {
	var found []*logrus.Entry
	for _, entry := range hook.AllEntries() {
		if strings.Contains(entry.Message, text) {
			found = append(found, entry)
		}
	}
	return found
}
