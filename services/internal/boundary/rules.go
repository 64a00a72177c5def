package boundary

// Rules is docs/design.md section 3, "who may import whom".
func Rules() []Rule {
	return append(services(),
		Rule{
			Name: "syncjob stands alone",
			Why:  "the nouns and their laws import the standard library only",
			From: []string{"shared/syncjob/..."}, Forbid: []string{"any"},
			Allow: []string{"std", "shared/syncjob/..."},
		},
		Rule{
			Name: "syncjob's tests stand alone",
			Why:  "its tests need nothing of ours either",
			From: []string{"shared/syncjob/..."}, Forbid: []string{"shared/...", "services/...", "proto/..."},
			Allow: []string{"shared/syncjob/..."}, Tests: true,
		},
		Rule{
			Name: "queue without database",
			Why:  "broker and database meet only in a service",
			From: []string{"shared/queue/..."}, Tests: true,
			Forbid: []string{"shared/postgres/...", "shared/ledger/...", "github.com/jackc/pgx/v5/..."},
		},
		Rule{
			Name: "database without queue",
			Why:  "broker and database meet only in a service",
			From: []string{"shared/postgres/...", "shared/ledger/..."}, Tests: true,
			Forbid: []string{"shared/queue/...", "github.com/nats-io/nats.go/...", "github.com/nats-io/nats-server/v2/..."},
		},
		Rule{
			Name: "postgres below ledger",
			Why:  "the ledger stands on postgres, not the reverse",
			From: []string{"shared/postgres/..."}, Tests: true,
			Forbid: []string{"shared/ledger/..."},
		},
		Rule{
			Name: "wire types stay at the wire",
			Why:  "proto is for queue, api and the API's client",
			From: []string{"shared/...", "services/..."}, Tests: true,
			Except: []string{"shared/queue/...", "services/api/...", "services/alphapulse/..."},
			Forbid: []string{"proto/..."},
		},
		Rule{
			Name: "proto imports nothing of ours",
			Why:  "the wire knows nothing of those who use it",
			From: []string{"proto/..."}, Tests: true,
			Forbid: []string{"shared/...", "services/..."},
		},
		Rule{
			Name: "shared below services",
			Why:  "services stand on shared, not the reverse",
			From: []string{"shared/..."}, Tests: true,
			Forbid: []string{"services/..."},
		},
		Rule{
			Name: "an exchange knows only exchange",
			Why:  "an exchange's folder imports nothing of ours but worker/exchange",
			From: []string{"services/worker/exchange/bybit/..."},
			Forbid: []string{
				"proto/...", "shared/...", "services/...",
			},
			Allow: []string{"services/worker/exchange", "services/worker/exchange/bybit/..."},
		},
		Rule{
			Name: "test code stays out of binaries",
			Why:  "only tests and packages of test helpers may use it",
			From: []string{"proto/...", "shared/...", "services/..."},
			Forbid: []string{
				"testing", "testing/synctest", "net/http/httptest",
				"github.com/stretchr/testify/...", "go.uber.org/goleak/...", "pgregory.net/rapid/...",
				"github.com/hirokisan/bybit/v2/...", "github.com/Shopify/toxiproxy/v2/...",
				"shared/postgres/pgtest/...", "shared/postgres/effects/...", "shared/queue/queuetest/...", "shared/ledger/ledgertest/...", "shared/metrics/metricstest/...",
				"services/worker/exchange/exchangetest/...", "services/internal/fleettest/...", "services/internal/prometheustest/...",
			},
		},
	)
}

// services are the rules that keep services apart: one for each, so that a
// service may still import what is below itself.
func services() []Rule {
	const why = "services never import each other; only services/alphapulse imports them all"

	var rules []Rule

	for _, name := range []string{"scheduler", "aggregator", "api", "worker", "exchangesim"} {
		own := "services/" + name + "/..."
		allow := []string{own, "services/internal/..."}
		rule := Rule{Name: name + " alone", Why: why, From: []string{own}, Forbid: []string{"services/..."}, Allow: allow}
		inTests := rule
		inTests.Name, inTests.Tests = name+"'s tests alone", true

		// The exchange that tests read over HTTP is the stand-in.
		inTests.Allow = append([]string{"services/exchangesim/..."}, allow...)
		rules = append(rules, rule, inTests)
	}

	return rules
}
