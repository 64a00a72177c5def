package worker

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/tracing"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// Config says what a worker works on, and how much of it at once.
type Config struct {
	// Types are the data types it serves; empty: every one. Every worker serves
	// probes besides.
	Types []syncjob.DataType
	// Lanes are the lanes it serves; empty: both.
	Lanes []syncjob.Lane
	// Slots is how many jobs of one queue it works on at once; 0: 8.
	Slots int
	// Name identifies the worker in logs, claims and pools.
	Name string
	// Egress is the address whose limits it shares with others.
	Egress string
	// RequestsPerSecond is what all workers of the egress together may ask of
	// one exchange; 0: four fifths of what the exchange publishes. Give all of
	// them the same.
	RequestsPerSecond float64
	// PriceSymbols are kept in prices_history although nobody holds them, as
	// "spot/BTCUSDT".
	PriceSymbols []string
	// ForgottenAfter is how long a vanished order that the exchange does not
	// find is called unknown before its cancellation is inferred; 0: 25 hours. An
	// unfilled order that was cancelled is in the history for a day: until then
	// not to be found means that the history lags.
	ForgottenAfter time.Duration
}

// Deps are what a worker works with. Writes carries the commits; Claims the
// claims and heartbeats, so that no commit can starve them.
type Deps struct {
	Writes *postgres.DB
	Claims *postgres.DB
	Queue  *queue.Queue
	Opener *vault.Opener
	// Metrics takes the worker's metrics; nil: nobody reads them. One worker a
	// registry.
	Metrics prometheus.Registerer
	Trace   *tracing.Tracer // nil: nothing is recorded
	// Exchanges are the adapters by name; nil: all there are.
	Exchanges map[string]exchange.Adapter
	Log       *logrus.Entry
	// Stuck is called when a slot has not ended long after it was cancelled,
	// with what it was doing. It ends the process: nothing else frees the slot.
	Stuck func(what string)
}

// complete fills in the defaults and names every mistake at once.
func (c Config) complete() (Config, error) {
	if len(c.Types) == 0 {
		c.Types = syncjob.Requestable()
	}
	if len(c.Lanes) == 0 {
		c.Lanes = []syncjob.Lane{syncjob.Live, syncjob.Backfill}
	}
	if c.Slots == 0 {
		c.Slots = 8
	}
	if c.ForgottenAfter == 0 {
		c.ForgottenAfter = 25 * time.Hour
	}
	var faults []error
	if c.Slots < 1 || c.Slots > 4096 {
		faults = append(faults, fmt.Errorf("slots: must lie between 1 and 4096, is %d", c.Slots))
	}
	if c.Name == "" {
		faults = append(faults, errors.New("name: must not be empty"))
	}
	if c.Egress == "" {
		faults = append(faults, errors.New("egress: must not be empty"))
	}
	if c.RequestsPerSecond < 0 {
		faults = append(faults, fmt.Errorf("requests per second: must not be negative, is %g", c.RequestsPerSecond))
	}
	for _, t := range c.Types {
		if !slices.Contains(syncjob.Requestable(), t) {
			faults = append(faults, fmt.Errorf("type %q: known are %s", t, syncjob.JoinTypes(syncjob.Requestable())))
		}
	}
	for _, lane := range c.Lanes {
		if lane != syncjob.Live && lane != syncjob.Backfill {
			faults = append(faults, fmt.Errorf("lane %q: known are live, backfill", lane))
		}
	}
	return c, errors.Join(faults...)
}
