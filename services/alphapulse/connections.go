package main

import (
	"fmt"
	"math"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/alphapulse/dependency"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// The variables that say where the database and the broker are. A URL may hold
// a password, so each may also come from a file and neither has a flag.
const (
	databaseSetting = "DATABASE_URL"
	readSetting     = "DATABASE_READ_URL"
	natsSetting     = "NATS_URL"
)

// databaseSettings read where Postgres is.
type databaseSettings struct{ url string }

func (d *databaseSettings) read(env *daemon.Env) {
	d.url = env.RequiredSecret(databaseSetting,
		"the address of the database, as in postgres://user:password@host:5432/alphapulse")
}

func (d *databaseSettings) dependency(db *postgres.DB) dependency.Dependency {
	return dependency.Dependency{Name: "Postgres", Address: dependency.PostgresAddress(d.url), Ready: db.WaitReady}
}

// natsSettings say where the broker is and who we are there.
type natsSettings struct {
	url                           string
	credentials, nkey, token, ca  string
	replicas, inFlight            int
	jobs, results, events, buried int
}

// add declares what concerns the connection.
func (n *natsSettings) add(s *settings) {
	s.text(&n.credentials, "nats-credentials", "", "file with the user JWT and seed for NATS")
	s.text(&n.nkey, "nats-nkey", "", "file with the NKey seed for NATS")
	s.text(&n.token, "nats-token-file", "", "file with the token for NATS")
	s.text(&n.ca, "nats-ca", "", "file with the roots to trust for tls:// servers")
}

// addLimits declares the sizes of the streams that a scheduler makes.
func (n *natsSettings) addLimits(s *settings) {
	megabytes := func(into *int, flag string, fallback int, what string) {
		s.whole(into, flag, fallback>>20, 1, math.MaxInt32, "size of stream "+what+", in MiB")
	}
	s.whole(&n.replicas, "stream-replicas", 1, 1, 5, "copies of each stream; 3 on a cluster")
	s.whole(&n.inFlight, "max-in-flight", queue.DefaultMaxAckPending, 1, math.MaxInt32,
		"jobs of one exchange, environment, type and lane that the whole fleet may work on at once")
	megabytes(&n.jobs, "jobs-size", queue.DefaultJobsBytes, queue.JobsStream)
	megabytes(&n.results, "results-size", queue.DefaultResultsBytes, queue.ResultsStream)
	megabytes(&n.events, "events-size", queue.DefaultEventsBytes, queue.EventsStream)
	megabytes(&n.buried, "dead-size", queue.DefaultDeadBytes, queue.DeadStream)
}

// read reads the address and checks the whole.
func (n *natsSettings) read(env *daemon.Env) {
	n.url = env.RequiredSecret(natsSetting, "the address of NATS, as in nats://host:4222")
	if n.url == "" {
		return
	}
	cfg := n.config("check", logrus.NewEntry(logrus.New()))
	if err := cfg.Validate(); err != nil {
		env.Check(fmt.Errorf("%s: %w", natsSetting, err))
	}
}

func (n *natsSettings) config(name string, log *logrus.Entry) queue.Config {
	return queue.Config{
		URL: n.url, Name: name, Log: log,
		CredentialsFile: n.credentials, NKeySeedFile: n.nkey, TokenFile: n.token, CAFile: n.ca,
		Limits: queue.Limits{
			Replicas: n.replicas, MaxAckPending: n.inFlight,
			JobsBytes: int64(n.jobs) << 20, ResultsBytes: int64(n.results) << 20,
			EventsBytes: int64(n.events) << 20, DeadBytes: int64(n.buried) << 20,
		},
	}
}

func (n *natsSettings) dependency(q *queue.Queue) dependency.Dependency {
	return dependency.Dependency{Name: "NATS", Address: dependency.NATSAddress(n.url), Ready: q.Await}
}
