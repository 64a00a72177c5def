package scheduler

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/postgres"
)

const (
	// figuresAge is how old figures may be before the tables are read again, so
	// that whoever asks often costs nothing.
	figuresAge = 15 * time.Second
	// figuresRest is how often as long as the last reading lasted the tables are left
	// alone after it, so that with 100,000 accounts, where it takes seconds, it takes no
	// more than a twentieth of a processor; figuresRarely is the longest rest.
	figuresRest   = 20
	figuresRarely = time.Minute
	// figuresLife is how long figures are shown although the tables cannot be
	// read: later they would hide that nobody knows.
	figuresLife = 2 * time.Minute
	// figuresStatement bounds each statement, figuresTime all of them.
	figuresStatement = 3 * time.Second
	figuresTime      = 8 * time.Second
)

// figure is a metric that only the tables know, as one query for all of its
// series and perhaps those of others. Each row of the query holds the labels and
// then one number for each metric; NULL is no series.
type figure struct {
	metrics []*prometheus.Desc
	labels  int
	sql     string
	// zero are the labels that are 0 if no row has them.
	zero [][]string
}

// figures reads the tables when the metrics are gathered. Every scheduler shows
// the same, so a query over several takes their max().
type figures struct {
	db   *postgres.DB
	log  *logrus.Entry
	list []figure

	readAt, took, failures *prometheus.Desc

	mu     sync.Mutex
	series []prometheus.Metric
	read   time.Time // when series were read
	tried  time.Time
	lasted time.Duration
	failed int
}

func newFigures(db *postgres.DB, log *logrus.Entry, accounts bool) *figures {
	f := &figures{
		db: db, log: log, list: figureList(),
		readAt: newDesc("tables_read_timestamp_seconds", "When the tables were read for the figures that only they know."),
		took:   newDesc("tables_read_seconds", "Duration of the last reading of the tables, whether it succeeded or not."),
		failures: newDesc("tables_read_failures_total",
			"Readings of the tables that failed. The figures before stay for two minutes."),
	}
	if accounts {
		f.list = append(f.list, accountFigures())
	}
	return f
}

func newDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("alphapulse_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (f *figures) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.readAt, f.took, f.failures} {
		descs <- d
	}
	for _, one := range f.list {
		for _, d := range one.metrics {
			descs <- d
		}
	}
}

// Collect implements prometheus.Collector.
func (f *figures) Collect(out chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.tried) >= figuresPause(f.lasted) {
		f.refresh()
	}
	out <- prometheus.MustNewConstMetric(f.failures, prometheus.CounterValue, float64(f.failed))
	out <- prometheus.MustNewConstMetric(f.took, prometheus.GaugeValue, f.lasted.Seconds())
	if f.read.IsZero() {
		return
	}
	out <- prometheus.MustNewConstMetric(f.readAt, prometheus.GaugeValue, float64(f.read.UnixMilli())/1000)
	if time.Since(f.read) > figuresLife {
		return
	}
	for _, m := range f.series {
		out <- m
	}
}

// figuresPause is how old figures may be that took so long to read.
func figuresPause(lasted time.Duration) time.Duration {
	return max(figuresAge, min(figuresRest*lasted, figuresRarely))
}

// refresh reads everything anew, or keeps what there is.
func (f *figures) refresh() {
	ctx, cancel := context.WithTimeout(context.Background(), figuresTime)
	defer cancel()
	began := time.Now()
	series, err := f.readAll(ctx)
	f.tried = time.Now()
	f.lasted = f.tried.Sub(began)
	if err != nil {
		f.failed++
		f.log.WithError(err).Warn("the figures of the metrics could not be read from the tables")
		return
	}
	f.series, f.read = series, f.tried
}

// readAll reads figures as of one moment.
func (f *figures) readAll(ctx context.Context) ([]prometheus.Metric, error) {
	var series []prometheus.Metric
	err := f.db.InTx(ctx, "read figures", func(ctx context.Context, tx pgx.Tx) error {
		series = nil
		if _, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL statement_timeout = %d`, figuresStatement.Milliseconds())); err != nil {
			return err
		}
		for _, one := range f.list {
			read, err := one.read(ctx, tx)
			if err != nil {
				return fmt.Errorf("reading %s: %w", one.metrics[0], err)
			}
			series = append(series, read...)
		}
		return nil
	}, postgres.ReadOnly(), postgres.Isolation(pgx.RepeatableRead))
	if err != nil {
		return nil, err
	}
	return series, nil
}

func (f figure) read(ctx context.Context, tx pgx.Tx) ([]prometheus.Metric, error) {
	rows, err := tx.Query(ctx, f.sql)
	if err != nil {
		return nil, err
	}
	labels, values := make([]string, f.labels), make([]*float64, len(f.metrics))
	var into []any
	for i := range labels {
		into = append(into, &labels[i])
	}
	for i := range values {
		into = append(into, &values[i])
	}
	var series []prometheus.Metric
	seen := map[string]bool{}
	_, err = pgx.ForEachRow(rows, into, func() error {
		seen[fmt.Sprint(labels)] = true
		for i, value := range values {
			if value != nil {
				series = append(series, gaugeOf(f.metrics[i], *value, labels))
			}
		}
		return nil
	})
	for _, labels := range f.zero {
		if seen[fmt.Sprint(labels)] {
			continue
		}
		for _, metric := range f.metrics {
			series = append(series, gaugeOf(metric, 0, labels))
		}
	}
	return series, err
}

func gaugeOf(metric *prometheus.Desc, value float64, labels []string) prometheus.Metric {
	return prometheus.MustNewConstMetric(metric, prometheus.GaugeValue, value, labels...)
}
