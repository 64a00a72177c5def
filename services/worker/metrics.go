package worker

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/metrics"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// measures are the metrics of a worker's jobs. Those of its requests are in
// exchangeMeasures.
type measures struct {
	jobs, faults, claims, redeliveries, dedupes, fenced, abandoned *prometheus.CounterVec
	rows, quarantined, superseded                                  *prometheus.CounterVec
	queueWait, stages                                              *prometheus.HistogramVec
	slots, busy, fetches                                           *prometheus.GaugeVec
	heartbeatFailures                                              prometheus.Counter
	bans                                                           *prometheus.CounterVec

	mu    sync.RWMutex
	known map[queue.Consumer]*queueMeasures // bounded by the queues that are served
}

func newMeasures(registry prometheus.Registerer) *measures {
	factory := promauto.With(registry)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return factory.NewCounterVec(prometheus.CounterOpts{Name: "alphapulse_" + name, Help: help}, labels)
	}
	m := &measures{known: map[queue.Consumer]*queueMeasures{}}
	m.jobs = counter("jobs_total",
		"Attempts at jobs by how they left the job: waiting (it is tried again), or the status that it ended with.",
		"exchange", "environment", "data_type", "lane", "outcome")
	m.faults = counter("job_faults_total", "Attempts at jobs that met a fault, by its class and how they left the job.",
		"exchange", "environment", "data_type", "outcome", "class")
	m.claims = counter("claims_total", "Deliveries by what the claim of their job was answered.", "data_type", "answer")
	m.redeliveries = counter("redeliveries_total", "Deliveries of a message that had been delivered before.", "data_type", "lane")
	m.dedupes = counter("dedupes_total", "Deliveries of a job that was done, or in hand by another message: they did nothing.",
		"data_type")
	m.fenced = counter("fenced_writes_total", "Outcomes that were not stored because another claim had the job.", "data_type")
	m.abandoned = counter("attempts_abandoned_total",
		"Attempts that were cancelled: taken by another claim, unsure of their lease, or released by a worker that stops.", "cause")
	m.rows = counter("rows_total", "Rows that jobs fetched from the exchange, changed or deleted.", "data_type", "change")
	m.quarantined = counter("quarantined_rows_total", "Rows that came and were not understood.", "data_type")
	m.superseded = counter("superseded_total", "Readings that were not stored, or only in part, because a newer one was.", "data_type")
	m.bans = counter("bans_total", "Answers of an exchange that it refuses this address.", "exchange", "environment")
	m.heartbeatFailures = factory.NewCounter(prometheus.CounterOpts{
		Name: "alphapulse_heartbeat_failures_total", Help: "Heartbeats that could not extend the leases of this worker.",
	})
	m.queueWait = factory.NewHistogramVec(prometheus.HistogramOpts{
		Name: "alphapulse_job_queue_wait_seconds", Buckets: metrics.Waits(),
		Help: "Wait of jobs in the stream until their first delivery.",
	}, []string{"data_type", "lane"})
	m.stages = factory.NewHistogramVec(prometheus.HistogramOpts{
		Name: "alphapulse_job_stage_seconds", Buckets: []float64{0.005, 0.025, 0.1, 0.5, 2.5, 15},
		Help: "Duration of the stages of an attempt: claim, fetch, commit, report.",
	}, []string{"data_type", "stage"})
	gauge := func(name, help string) *prometheus.GaugeVec {
		return factory.NewGaugeVec(prometheus.GaugeOpts{Name: "alphapulse_" + name, Help: help}, []string{"data_type", "lane"})
	}
	m.slots = gauge("slots", "Jobs that this worker takes on at once.")
	m.busy = gauge("slots_busy", "Jobs that this worker works on now.")
	m.fetches = gauge("slots_fetches", "Requests for jobs that wait at the broker, each for the slots that came free together.")
	return m
}

// queueMeasures are the metrics of one queue, with every label set.
type queueMeasures struct {
	queueWait, claim, fetch, commit, report prometheus.Observer

	redeliveries, dedupes, fenced, quarantined, superseded, bans prometheus.Counter
	fetched, changed, deleted                                    prometheus.Counter
	outcomes                                                     map[syncjob.Status]prometheus.Counter
	answers                                                      map[ledger.Answer]prometheus.Counter
	faults                                                       *prometheus.CounterVec
	slots, busy, fetches                                         prometheus.Gauge
}

// of gives the metrics of a queue.
func (m *measures) of(c queue.Consumer) *queueMeasures {
	m.mu.RLock()
	q := m.known[c]
	m.mu.RUnlock()
	if q != nil {
		return q
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[c] == nil {
		m.known[c] = m.newQueue(c)
	}
	return m.known[c]
}

func (m *measures) newQueue(c queue.Consumer) *queueMeasures {
	t, lane := string(c.DataType), string(c.Lane)
	q := &queueMeasures{
		queueWait: m.queueWait.WithLabelValues(t, lane),
		claim:     m.stages.WithLabelValues(t, "claim"), fetch: m.stages.WithLabelValues(t, "fetch"),
		commit: m.stages.WithLabelValues(t, "commit"), report: m.stages.WithLabelValues(t, "report"),
		redeliveries: m.redeliveries.WithLabelValues(t, lane), dedupes: m.dedupes.WithLabelValues(t),
		fenced: m.fenced.WithLabelValues(t), quarantined: m.quarantined.WithLabelValues(t),
		superseded: m.superseded.WithLabelValues(t), bans: m.bans.WithLabelValues(c.Exchange, c.Environment),
		fetched: m.rows.WithLabelValues(t, "fetched"), changed: m.rows.WithLabelValues(t, "changed"),
		deleted:  m.rows.WithLabelValues(t, "deleted"),
		outcomes: map[syncjob.Status]prometheus.Counter{}, answers: map[ledger.Answer]prometheus.Counter{},
		faults: m.faults.MustCurryWith(prometheus.Labels{"exchange": c.Exchange, "environment": c.Environment, "data_type": t}),
		slots:  m.slots.WithLabelValues(t, lane), busy: m.busy.WithLabelValues(t, lane), fetches: m.fetches.WithLabelValues(t, lane),
	}
	for _, s := range outcomes() {
		q.outcomes[s] = m.jobs.WithLabelValues(c.Exchange, c.Environment, t, lane, string(s))
	}
	for answer, label := range answers() {
		q.answers[answer] = m.claims.WithLabelValues(t, label)
	}
	return q
}

// outcomes are the states that an attempt can leave its job in.
func outcomes() []syncjob.Status {
	return []syncjob.Status{
		syncjob.Waiting, syncjob.Succeeded, syncjob.Partial, syncjob.Failed, syncjob.Dead, syncjob.Skipped, syncjob.Cancelled,
	}
}

// failedClaim is what a claim that got no answer counts as.
const failedClaim ledger.Answer = ""

// answers names what a claim can be answered as labels are named.
func answers() map[ledger.Answer]string {
	return map[ledger.Answer]string{
		ledger.Mine: "mine", ledger.Done: "done", ledger.NotDue: "not_due", ledger.Busy: "busy",
		ledger.BusyElsewhere: "busy_elsewhere", ledger.Sibling: "sibling", ledger.ExhaustedAnswer: "exhausted",
		ledger.Inactive: "inactive", failedClaim: "failed",
	}
}

// count adds one to a counter of a map; what the map does not know is not
// counted, because its label would be unbounded.
func count[K comparable](counters map[K]prometheus.Counter, key K) {
	if c := counters[key]; c != nil {
		c.Inc()
	}
}

// since observes how long ago a stage began.
func since(stage prometheus.Observer, began time.Time) { stage.Observe(time.Since(began).Seconds()) }
