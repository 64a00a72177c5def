package scheduler

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// What comes from outside is bounded: markets by their base URLs, addresses by
// the names that workers were given. The worst are shown.
const (
	mostMarkets   = "32"
	mostAddresses = "16"
)

// figureList are the figures without an account in a label.
func figureList() []figure {
	return []figure{
		freshnessFigures(), runFigures(), jobFigures(), deadFigures(), quarantineFigures(), accountsFigures(), keyFigures(),
		banFigures(), stretchFigures(), pauseFigures(), budgetFigures(),
	}
}

// active are accounts whose data is to be fresh.
const active = `f.account_status = 'active' AND f.every IS NOT NULL`

func freshnessFigures() figure {
	labels := []string{"exchange", "environment", "data_type"}
	return figure{
		metrics: []*prometheus.Desc{
			newDesc("freshness_accounts", "Active accounts of which a type is kept fresh.", labels...),
			newDesc("freshness_stale_accounts", "Active accounts of which a type is older than it should be, or was never read.", labels...),
			newDesc("freshness_worst_age_seconds", "Age of the oldest data of a type, of all active accounts that have any.", labels...),
		},
		labels: 3,
		sql: `
SELECT m.exchange, m.environment, f.data_type, count(*)::float8, (count(*) FILTER (WHERE f.stale))::float8,
       extract(epoch FROM max(f.age))::float8
FROM alphapulse.account_freshness f
JOIN alphapulse.accounts a ON a.id = f.account_id
JOIN alphapulse.markets m ON m.id = a.market_id
WHERE ` + active + ` GROUP BY 1, 2, 3`,
	}
}

// accountFigures have a series for each account and type.
func accountFigures() figure {
	return figure{
		metrics: []*prometheus.Desc{
			newDesc("account_age_seconds", "Age of the data of an account and type; with --metrics-accounts only.", "account", "data_type"),
			newDesc("account_stale", "1 if the data of an account and type is older than it should be; with --metrics-accounts only.",
				"account", "data_type"),
		},
		labels: 2,
		sql: `
SELECT f.account, f.data_type, extract(epoch FROM f.age)::float8, f.stale::integer::float8
FROM alphapulse.account_freshness f WHERE ` + active,
	}
}

func runFigures() figure {
	f := figure{
		metrics: []*prometheus.Desc{
			newDesc("runs", "Runs that are running now, and runs that ended as another status within five minutes.", "status", "trigger"),
		},
		labels: 2,
		sql: `
SELECT status, trigger, count(*)::float8 FROM alphapulse.sync_runs WHERE status = 'running' GROUP BY 1, 2
UNION ALL
SELECT status, trigger, count(*)::float8 FROM alphapulse.sync_runs
WHERE status <> 'running' AND finished_at > (SELECT clock_timestamp() - interval '5 minutes') GROUP BY 1, 2`,
	}
	for _, status := range syncjob.RunStatuses() {
		for _, trigger := range syncjob.Triggers() {
			f.zero = append(f.zero, []string{string(status), string(trigger)})
		}
	}
	return f
}

// jobFigures leave out jobs that are held back, of which there may be a million:
// each part of the query has an index without them.
func jobFigures() figure {
	f := figure{
		metrics: []*prometheus.Desc{
			newDesc("jobs_open", "Jobs that have not ended and are not held back.", "data_type", "lane", "status"),
			newDesc("jobs_open_oldest_seconds", "Age of the oldest job that has not ended and is not held back.",
				"data_type", "lane", "status"),
		},
		labels: 3,
		sql: `
SELECT data_type, lane, status, count(*)::float8, extract(epoch FROM max(clock_timestamp() - queued_at))::float8
FROM (SELECT data_type, lane, status, queued_at FROM alphapulse.sync_jobs
      WHERE status = 'queued' AND next_at IS NULL AND stream_seq IS NOT NULL
      UNION ALL
      SELECT data_type, lane, status, queued_at FROM alphapulse.sync_jobs
      WHERE status = 'queued' AND next_at IS NULL AND stream_seq IS NULL
      UNION ALL
      SELECT data_type, lane, status, queued_at FROM alphapulse.sync_jobs
      WHERE status IN ('queued', 'waiting') AND next_at IS NOT NULL AND next_at < 'infinity'
      UNION ALL
      SELECT data_type, lane, status, queued_at FROM alphapulse.sync_jobs WHERE status = 'running' AND lane = 'live'
      UNION ALL
      SELECT data_type, lane, status, queued_at FROM alphapulse.sync_jobs WHERE status = 'running' AND lane = 'backfill') j
GROUP BY 1, 2, 3`,
	}
	for _, t := range syncjob.Known() {
		for _, status := range []syncjob.Status{syncjob.Queued, syncjob.Running, syncjob.Waiting} {
			f.zero = append(f.zero, []string{string(t), string(syncjob.Live), string(status)})
		}
	}
	return f
}
