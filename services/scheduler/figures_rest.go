package scheduler

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// eachType is a label for every data type.
func eachType() [][]string {
	var all [][]string
	for _, t := range syncjob.Known() {
		all = append(all, []string{string(t)})
	}
	return all
}

// deadFigures count the dead letters that nobody has dealt with, which have an
// index of their own.
func deadFigures() figure {
	return figure{
		metrics: []*prometheus.Desc{newDesc("dead_jobs", "Dead jobs that nobody has dealt with: those of dead list.", "data_type")},
		labels:  1,
		sql:     `SELECT data_type, count(*)::float8 FROM alphapulse.dead_letters WHERE NOT resolved GROUP BY 1`,
		zero:    eachType(),
	}
}

func quarantineFigures() figure {
	return figure{
		metrics: []*prometheus.Desc{newDesc("quarantine_rows", "Rows that are kept because they were not understood.", "data_type")},
		labels:  1,
		sql:     `SELECT data_type, count(*)::float8 FROM alphapulse.quarantine GROUP BY 1`,
		zero:    eachType(),
	}
}

func accountsFigures() figure {
	f := figure{
		metrics: []*prometheus.Desc{newDesc("accounts", "Accounts by status: pending, active, paused or needs_attention.", "status")},
		labels:  1,
		sql:     `SELECT status, count(*)::float8 FROM alphapulse.accounts WHERE status <> 'removed' GROUP BY 1`,
	}
	for _, s := range []ledger.AccountStatus{
		ledger.AccountPending, ledger.AccountActive, ledger.AccountPaused, ledger.AccountNeedsAttention,
	} {
		f.zero = append(f.zero, []string{string(s)})
	}
	return f
}

func keyFigures() figure {
	return figure{
		metrics: []*prometheus.Desc{
			newDesc("keys_expiring", "Keys of accounts that expire within 14 days, or have."),
			newDesc("key_expiry_soonest_seconds", "Time until the first key of an account expires; absent if none does."),
		},
		sql: `
SELECT (count(*) FILTER (WHERE key_expires_at < clock_timestamp() + interval '14 days'))::float8,
       extract(epoch FROM min(key_expires_at) - clock_timestamp())::float8
FROM alphapulse.accounts WHERE status <> 'removed' AND key_expires_at IS NOT NULL`,
	}
}

func banFigures() figure {
	return figure{
		metrics: []*prometheus.Desc{
			newDesc("bans_in_force", "Addresses of ours that an exchange refuses now.", "exchange", "environment"),
			newDesc("ban_longest_seconds", "Time until the last ban in force ends.", "exchange", "environment"),
		},
		labels: 2,
		sql: `
SELECT m.exchange, m.environment, count(DISTINCT e.egress)::float8,
       coalesce(extract(epoch FROM max(e.banned_until) - clock_timestamp()), 0)::float8
FROM alphapulse.markets m
LEFT JOIN alphapulse.egresses e ON e.market_id = m.id AND e.banned_until > clock_timestamp()
GROUP BY 1, 2`,
	}
}

func stretchFigures() figure {
	return figure{
		metrics: []*prometheus.Desc{
			newDesc("market_stretch_ratio", "Factor by which a market's cadences are stretched because the planned load is above the budget.",
				"exchange", "environment", "base_url"),
		},
		labels: 3,
		sql: `
SELECT exchange, environment, base_url, stretch::float8 FROM alphapulse.markets ORDER BY stretch DESC, id LIMIT ` + mostMarkets,
	}
}

func pauseFigures() figure {
	return figure{
		metrics: []*prometheus.Desc{newDesc("pauses_in_force", "Pauses and maintenance windows in force.")},
		sql:     `SELECT count(*)::float8 FROM alphapulse.pauses WHERE until IS NULL OR until > clock_timestamp()`,
	}
}

// budgetFigures are of the fleet's budget as the database keeps it.
func budgetFigures() figure {
	return figure{
		metrics: []*prometheus.Desc{
			newDesc("budget_share_ratio", "Part of its budget that an address may use; less than 1 after the exchange asked to slow down.",
				"egress", "venue"),
			newDesc("budget_booked_seconds", "Time for which the requests of an address are handed out already.", "egress", "venue"),
		},
		labels: 2,
		sql: `
SELECT egress, venue, least(1, share + 0.1 * (n.now - share_at) / 1000000)::float8,
       (greatest(next_at - n.now, 0) / 1000000)::float8
FROM alphapulse.address_budgets, (SELECT extract(epoch FROM clock_timestamp())::float8 * 1000000 AS now) n
ORDER BY used_at DESC LIMIT ` + mostAddresses,
	}
}
