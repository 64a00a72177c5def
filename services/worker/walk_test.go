package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const patience = 30 * time.Second

// post is a worker at its queue: a broker and a database of its own, jobs that are
// published and delivered, and a wire tap that hears what the worker says to the
// broker. What is read is the test's.
type post struct {
	*bench
	worker *Worker
	queue  *queue.Queue
	sub    *queue.Subscription
	tap    *nats.Conn

	mu    sync.Mutex
	heard []string
}

func newPost(t *testing.T, read readerFunc) *post {
	t.Helper()
	b := setup(t)
	broker := queuetest.New(t)
	p := &post{bench: b, queue: broker.Queue()}
	c := queue.Consumer{Exchange: "bybit", Environment: "testnet", DataType: syncjob.Prices, Lane: syncjob.Live}
	_, err := p.queue.EnsureConsumer(t.Context(), c, func(context.Context) (uint64, error) { return 0, nil })
	require.NoError(t, err)
	p.sub, err = p.queue.Subscribe(c)
	require.NoError(t, err)
	cfg, err := Config{Name: "w", Egress: "e"}.complete()
	require.NoError(t, err)
	log := queuetest.Discard()
	deps := Deps{Writes: b.db, Claims: b.db, Queue: p.queue, Log: log}
	exchanges, _, err := adapters(cfg, deps, cfg.Slots)
	require.NoError(t, err)
	p.worker = &Worker{
		held: newHeldRows(),
		cfg:  cfg, deps: deps, exchanges: exchanges, readers: map[syncjob.DataType]reader{syncjob.Prices: read},
		claims: b.ledger, writes: b.ledger, catalog: newCatalog(b.db),
		leases: newLeases(b.ledger, func(string) {}, log), bans: newBans(b.ledger, "e", log),
		metrics: newMeasures(nil),
	}
	p.worker.group()
	p.listen(broker.URL())
	return p
}

// listen hears the acknowledgements, the results, and what the test itself says.
func (p *post) listen(url string) {
	p.t.Helper()
	conn, err := nats.Connect(url)
	require.NoError(p.t, err)
	p.t.Cleanup(conn.Close)
	p.tap = conn
	arrived := make(chan *nats.Msg, 256)
	for _, subject := range []string{"$JS.ACK.>", "sync.result.>", "test.>"} {
		_, err = conn.ChanSubscribe(subject, arrived)
		require.NoError(p.t, err)
	}
	require.NoError(p.t, conn.Flush())
	done := p.t.Context().Done()
	go func() {
		for {
			select {
			case msg := <-arrived:
				p.mu.Lock()
				p.heard = append(p.heard, p.wordOf(msg))
				p.mu.Unlock()
			case <-done:
				return
			}
		}
	}()
}

func (p *post) wordOf(msg *nats.Msg) string {
	switch {
	case strings.HasPrefix(msg.Subject, "$JS.ACK."):
		return string(msg.Data)
	case strings.HasSuffix(msg.Subject, p.account):
		return "end"
	case strings.HasPrefix(msg.Subject, "sync.result."):
		return "result"
	default:
		return strings.TrimPrefix(msg.Subject, "test.")
	}
}

// says gives what was heard until now. A result of the account, which no job of
// the market has, marks the end: what was said before it on the worker's
// connection has been heard by then.
func (p *post) says() []string {
	p.t.Helper()
	p.worker.report(p.t.Context(), queue.JobMessage{
		JobID: uuid.NewString(), RunID: uuid.NewString(), Exchange: "bybit", DataType: syncjob.Prices,
		Subject: syncjob.Subject{Kind: syncjob.Account, ID: p.account},
	}, uuid.NewString(), syncjob.Failed, 0, "", queuetest.Discard())
	var heard []string
	require.Eventually(p.t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		heard = slices.Clone(p.heard)
		return slices.Contains(heard, "end")
	}, patience, 5*time.Millisecond)
	return heard[:len(heard)-1]
}

func (p *post) say(word string) {
	p.t.Helper()
	require.NoError(p.t, p.tap.Publish("test."+word, nil))
	require.NoError(p.t, p.tap.Flush())
}

// deliver makes a run with one job of the market's prices, publishes it and takes
// it.
func (p *post) deliver() queue.Delivery {
	p.t.Helper()
	run, market := uuid.NewString(), p.value(`SELECT id::text FROM alphapulse.markets`)
	p.exec(`INSERT INTO alphapulse.sync_runs (id, account_id, requested_types, trigger, jobs_total, started_at, deadline_at)
	        VALUES ($1, $2, '{prices}', 'manual', 1, clock_timestamp(), clock_timestamp() + interval '5 minutes')`, run, p.account)
	p.exec(`INSERT INTO alphapulse.sync_jobs (run_id, market_id, data_type, lane, trigger, consumer, max_attempts, next_at)
	        VALUES ($1, $2, 'prices', 'live', 'manual', 'bybit-testnet-prices-live', 3, clock_timestamp())`, run, market)
	due, err := p.ledger.TakeDue(p.t.Context(), 1)
	require.NoError(p.t, err)
	require.Len(p.t, due, 1)
	return p.send(due[0].JobID, run, due[0].Publishes, market)
}

func (p *post) send(job, run string, publishes int, market string) queue.Delivery {
	p.t.Helper()
	published := p.queue.PublishJobs(p.t.Context(), []queue.JobMessage{{
		JobID: job, RunID: run, Publishes: publishes, Subject: syncjob.Subject{Kind: syncjob.Market, ID: market},
		Exchange: "bybit", Environment: "testnet", DataType: syncjob.Prices, Lane: syncjob.Live,
		ExpiresAt: time.Now().Add(time.Hour),
	}})
	require.NoError(p.t, published[0].Err)
	var got []queue.Delivery
	for len(got) == 0 && p.t.Context().Err() == nil {
		p.sub.Fetch(p.t.Context(), 1, patience, func(d queue.Delivery) { got = append(got, d) })
	}
	require.Len(p.t, got, 1)
	return got[0]
}

func (p *post) walk(ctx context.Context, d queue.Delivery) {
	p.t.Helper()
	p.worker.walk(ctx, d, queuetest.Discard())
}

// found is a reading of one scope that says so when it is stored, and whether the
// broker still waits for the job's ack.
func (p *post) found() reading {
	return reading{parts: []part{{
		scope: "spot", asOf: time.Now(), stores: true,
		queue: func(*pgx.Batch, snapshot.Stamp, *snapshot.Tally) {
			at, err := p.queue.Position(p.t.Context(), p.sub.Consumer())
			require.NoError(p.t, err)
			p.say(fmt.Sprintf("commit-unacked-%d", at.Unacked))
		},
	}}}
}

func (p *post) state(jobID string) string {
	p.t.Helper()
	return p.value(`SELECT concat_ws(' ', status, attempt) FROM alphapulse.sync_jobs WHERE id = $1`, jobID)
}

func TestTheWalkCommitsThenReportsThenAcks(t *testing.T) {
	t.Parallel()
	var p *post
	p = newPost(t, func(context.Context, *attempt) reading { return p.found() })
	d := p.deliver()
	p.walk(t.Context(), d)
	require.Equal(t, []string{"commit-unacked-1", "result", "+ACK"}, p.says())
	require.Equal(t, "succeeded 1", p.state(d.Job.JobID))
}

func TestRule17ARetryIsCommittedAndAcked(t *testing.T) {
	t.Parallel()
	p := newPost(t, func(context.Context, *attempt) reading {
		return reading{fault: &exchange.Error{Class: exchange.Transient, Message: "down"}}
	})
	d := p.deliver()
	p.walk(t.Context(), d)
	require.Equal(t, []string{"+ACK"}, p.says(), "the table knows when it comes again")
	require.Equal(t, "waiting 1", p.state(d.Job.JobID))
}

func TestRule17AStoppedWorkerGivesItsMessageBack(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	p := newPost(t, func(ctx context.Context, _ *attempt) reading {
		close(begun)
		<-ctx.Done()
		return reading{}
	})
	d := p.deliver()
	work, stop := context.WithCancelCause(t.Context())
	go func() {
		<-begun
		stop(errReleasing)
	}()
	p.walk(work, d)
	require.Equal(t, []string{"-NAK"}, p.says())
	require.Equal(t, "queued 0", p.state(d.Job.JobID))
}

// Whatever this worker still did to the message would hit its successor's.
func TestRule17AWorkerThatLostItsClaimTouchesNothing(t *testing.T) {
	t.Parallel()
	var p *post
	p = newPost(t, func(ctx context.Context, a *attempt) reading {
		p.takeOver(a.job.JobID)
		p.worker.leases.beat(t.Context())
		<-ctx.Done()
		return reading{}
	})
	d := p.deliver()
	p.walk(t.Context(), d)
	require.Empty(t, p.says())
	require.Equal(t, "running 2", p.state(d.Job.JobID))
}

func TestRule04TheMessageOfAnotherClaimIsLeftAlone(t *testing.T) {
	t.Parallel()
	var p *post
	p = newPost(t, func(_ context.Context, a *attempt) reading {
		p.takeOver(a.job.JobID)
		return p.found()
	})
	d := p.deliver()
	p.walk(t.Context(), d)
	require.Empty(t, p.says(), "neither stored nor reported nor acked")
	require.Equal(t, "running 2", p.state(d.Job.JobID))
}

// takeOver ends a job's lease, and lets another claim have the job.
func (b *bench) takeOver(jobID string) {
	b.t.Helper()
	b.exec(`UPDATE alphapulse.sync_jobs SET lease_until = clock_timestamp() - interval '1 second' WHERE id = $1`, jobID)
	n, err := b.ledger.TakeBackLost(b.t.Context(), 10)
	require.NoError(b.t, err)
	require.Equal(b.t, 1, n)
	due, err := b.ledger.TakeDue(b.t.Context(), 1)
	require.NoError(b.t, err)
	require.Len(b.t, due, 1)
	job, refusal, err := b.ledger.Claim(b.t.Context(), ledger.ClaimRequest{
		JobID: jobID, Claim: uuid.NewString(), Owner: "another", Publishes: due[0].Publishes,
	})
	require.NoError(b.t, err)
	require.NotNil(b.t, job, "%+v", refusal)
}

func TestRule13EachAnswerSettlesItsMessage(t *testing.T) {
	t.Parallel()
	p := newPost(t, nil)
	for _, test := range []struct {
		refusal ledger.Refusal
		want    []string
	}{
		{ledger.Refusal{Answer: ledger.Busy, Wait: 7 * time.Second}, []string{`-NAK {"delay": 7000000000}`}},
		{ledger.Refusal{Answer: ledger.BusyElsewhere}, []string{"+ACK"}},
		{ledger.Refusal{Answer: ledger.NotDue}, []string{"+ACK"}},
		{ledger.Refusal{Answer: ledger.Sibling}, []string{"+ACK"}},
		{ledger.Refusal{Answer: ledger.Done}, []string{"+ACK"}},
		{ledger.Refusal{Answer: ledger.Done, RunID: uuid.NewString(), Status: syncjob.Succeeded}, []string{"result", "+ACK"}},
		{ledger.Refusal{Answer: ledger.Inactive, RunID: uuid.NewString(), Status: syncjob.Cancelled}, []string{"result", "+ACK"}},
		{ledger.Refusal{Answer: ledger.ExhaustedAnswer, RunID: uuid.NewString(), Status: syncjob.Dead}, []string{"result", "+ACK"}},
	} {
		d := p.send(uuid.NewString(), uuid.NewString(), 1, uuid.NewString())
		p.worker.refused(t.Context(), d, test.refusal, queuetest.Discard())
		require.Equal(t, test.want, p.says(), "%+v", test.refusal)
		p.mu.Lock()
		p.heard = nil
		p.mu.Unlock()
	}
}
