package worker

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/metrics/metricstest"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// measured is a post whose metrics can be read.
func measured(t *testing.T, read readerFunc) (*post, func(name string, labels ...string) int) {
	t.Helper()
	p := newPost(t, read)
	registry := prometheus.NewPedanticRegistry()
	p.worker.metrics = newMeasures(registry)
	return p, func(name string, labels ...string) int {
		return metricstest.Count(t, registry, "alphapulse_"+name, labels...)
	}
}

// take is what the worker does with a delivery.
func (p *post) take(d queue.Delivery) {
	p.t.Helper()
	p.worker.deps.Log = queuetest.Discard()
	p.worker.take(p.t.Context(), 0, d)
}

func TestMetricsOfAJobThatSucceeds(t *testing.T) {
	t.Parallel()
	var p *post
	var value func(string, ...string) int
	p, value = measured(t, func(context.Context, *attempt) reading {
		require.Equal(t, 1, value("slots_busy", "data_type=prices", "lane=live"))
		r := p.found()
		r.parts[0].fetched, r.parts[0].faults = 3, []exchange.RowFault{{Key: "BTCUSDT", Reason: "no price"}}
		return r
	})
	d := p.deliver()
	p.take(d)
	require.Equal(t, 1, value("jobs_total", "exchange=bybit", "environment=testnet", "data_type=prices", "lane=live", "outcome=succeeded"))
	require.Equal(t, 1, value("claims_total", "answer=mine"))
	require.Equal(t, 1, value("job_queue_wait_seconds", "data_type=prices", "lane=live"))
	for _, stage := range []string{"claim", "fetch", "commit", "report"} {
		require.Equal(t, 1, value("job_stage_seconds", "data_type=prices", "stage="+stage), stage)
	}
	require.Equal(t, 3, value("rows_total", "change=fetched"))
	require.Equal(t, 1, value("quarantined_rows_total", "data_type=prices"))
	require.Zero(t, value("slots_busy"))
	require.Zero(t, value("dedupes_total"))

	// The same job by another message is done already.
	p.take(p.send(d.Job.JobID, d.Job.RunID, d.Job.Publishes+1, d.Job.Subject.ID))
	require.Equal(t, 1, value("dedupes_total", "data_type=prices"))
	require.Equal(t, 1, value("claims_total", "answer=done"))
	require.Equal(t, 1, value("jobs_total"), "and is not counted again")
}

func TestMetricsOfARetry(t *testing.T) {
	t.Parallel()
	p, value := measured(t, func(context.Context, *attempt) reading {
		return reading{fault: &exchange.Error{Class: exchange.Transient, Message: "down"}}
	})
	p.take(p.deliver())
	require.Equal(t, 1, value("jobs_total", "data_type=prices", "outcome=waiting"))
	require.Equal(t, 1, value("job_faults_total", "data_type=prices", "outcome=waiting", "class=transient"))
}

func TestMetricsOfARedelivery(t *testing.T) {
	t.Parallel()
	var p *post
	p, value := measured(t, func(context.Context, *attempt) reading { return p.found() })
	require.NoError(t, p.deliver().Nak(0))
	p.sub.Fetch(t.Context(), 1, patience, p.take)
	require.Equal(t, 1, value("redeliveries_total", "data_type=prices", "lane=live"))
	require.Zero(t, value("job_queue_wait_seconds"), "it has waited for something else")
}

func TestMetricsOfAFencedWrite(t *testing.T) {
	t.Parallel()
	var p *post
	p, value := measured(t, func(_ context.Context, a *attempt) reading {
		p.takeOver(a.job.JobID)
		return p.found()
	})
	p.take(p.deliver())
	require.Equal(t, 1, value("fenced_writes_total", "data_type=prices"))
	require.Zero(t, value("jobs_total"))
}

func TestMetricsOfAnAttemptThatWasTaken(t *testing.T) {
	t.Parallel()
	var p *post
	p, value := measured(t, func(ctx context.Context, a *attempt) reading {
		p.takeOver(a.job.JobID)
		p.worker.leases.beat(t.Context())
		<-ctx.Done()
		return reading{}
	})
	p.take(p.deliver())
	require.Equal(t, 1, value("attempts_abandoned_total", "cause=taken"))
}

func TestMetricsOfABan(t *testing.T) {
	t.Parallel()
	p, value := measured(t, func(context.Context, *attempt) reading {
		return reading{fault: &exchange.Error{Class: exchange.Banned, RetryAt: time.Now().Add(time.Minute)}}
	})
	p.take(p.deliver())
	require.Equal(t, 1, value("bans_total", "exchange=bybit", "environment=testnet"))
	require.Equal(t, 1, value("job_faults_total", "class=banned"))
}

func TestMetricsOfAJobThatItsClaimEnds(t *testing.T) {
	t.Parallel()
	p, value := measured(t, nil)
	m := p.worker.metrics.of(p.sub.Consumer())
	m.claimed(time.Now(), nil, ledger.Refusal{Answer: ledger.ExhaustedAnswer, Status: syncjob.Dead, Class: syncjob.Lost}, nil)
	require.Equal(t, 1, value("jobs_total", "outcome=dead"))
	require.Equal(t, 1, value("job_faults_total", "outcome=dead", "class=lost"))
	m.claimed(time.Now(), nil, ledger.Refusal{}, context.DeadlineExceeded)
	require.Equal(t, 1, value("claims_total", "answer=failed"))
}

// touched is a worker of every type whose metrics have every value that they can
// have, but for hosts, of which it knows as many as are told apart.
func touched(t *testing.T) *prometheus.Registry {
	t.Helper()
	db := pgtest.New(t).Open(t, func(c *postgres.Config) { c.Name = "writes" })
	registry := prometheus.NewPedanticRegistry()
	w, err := New(Config{Name: "w", Egress: "e", Types: syncjob.Requestable()}, Deps{
		Writes: db, Claims: db, Log: queuetest.Discard(), Metrics: registry,
	})
	require.NoError(t, err)
	for c := range w.consumers(ledger.Market{Exchange: "bybit", Environment: "mainnet"}) {
		q := w.metrics.of(c)
		for _, status := range outcomes() {
			for _, class := range syncjob.Classes() {
				if possible(status, class) {
					q.ended(status, class)
				}
			}
		}
	}
	for _, cause := range []error{errTaken, errUnsure, errReleasing} {
		w.metrics.abandon(cause)
	}
	return registry
}

// possible are the pairs that the rules of outcomes allow.
func possible(status syncjob.Status, class syncjob.Class) bool {
	switch status {
	case syncjob.Waiting:
		return class.Retries()
	case syncjob.Dead:
		return class.Retries() && class.Counts()
	case syncjob.Partial, syncjob.Failed:
		return true
	default:
		return false
	}
}

// A worker of all types is the largest there is.
func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	families := metricstest.Gather(t, touched(t))
	metricstest.Lint(t, families)
	n := metricstest.Series(families)
	t.Log(n, "series")
	require.Less(t, n, 1600)
}
