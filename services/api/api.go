package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/api/access"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/queue/lag"
	"github.com/alphapulse/alphapulse/shared/vault"
)

const (
	maxBody         = 64 << 10 // of a request; the largest holds a key
	readTimeout     = 10 * time.Second
	readyTimeout    = 3 * time.Second
	maxHeaderBytes  = 16 << 10
	serverComponent = "api"
)

// Broker answers whether JetStream can be used now, and what becomes of a message
// that it has confirmed.
type Broker interface {
	Ready(ctx context.Context) error
	DurabilityNote(ctx context.Context) (string, error)
}

// Deps are what the API stands on. DB, Broker, Sealer and BaseURL are required.
type Deps struct {
	DB *postgres.DB
	// Reads serves lists and status; nil: DB does. What a caller may have just
	// written is always read from DB.
	Reads  *postgres.Reads
	Broker Broker
	// Past and Queues are the same broker's memory and the length of its queues;
	// required.
	Past   Past
	Queues lag.Broker
	// Sealer encrypts keys. It cannot decrypt them.
	Sealer *vault.Sealer
	// BaseURL gives the usual address of an exchange's environment. For an
	// exchange or environment that does not exist its error lists those that do.
	BaseURL func(exchange, environment string) (string, error)
	// Ready are checks of /readyz beside Postgres, JetStream and the schema.
	Ready []daemon.Check
	// Metrics takes the API's metrics; nil: nobody reads them. One API a registry.
	Metrics prometheus.Registerer
	// Log receives a line for each change and each failure; nil discards them.
	Log *logrus.Entry
}

func (d Deps) validate() error {
	var errs []error
	for _, need := range []struct {
		missing bool
		what    string
	}{
		{d.DB == nil, "a database"},
		{d.Broker == nil, "a broker"},
		{d.Past == nil, "the broker's streams"},
		{d.Queues == nil, "the broker's queues"},
		{d.Sealer == nil, "the vault's public key (" + vault.PublicKeySetting + ")"},
		{d.BaseURL == nil, "the exchanges' addresses"},
	} {
		if need.missing {
			errs = append(errs, fmt.Errorf("the API needs %s", need.what))
		}
	}
	return errors.Join(errs...)
}

// API serves the control API. It is safe for concurrent use.
type API struct {
	cfg     Config
	deps    Deps
	ledger  *ledger.Ledger // on the primary
	tokens  *access.Tokens // on the primary, like audit and keys
	audit   *access.Audit
	keys    *access.Keys
	watches *watches
	// recorder remembers how long the broker's queues were.
	recorder *lag.Recorder
	log      *logrus.Entry
	guard    *guard
	exports  chan struct{} // has a place for each export that may be under way
	metrics  *measures
}

// New checks the settings and builds the API; it does not talk to anything.
func New(cfg Config, deps Deps) (*API, error) {
	cfg = cfg.withDefaults()
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	log := deps.Log
	if log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		log = logrus.NewEntry(silent)
	}
	open := newWatches(cfg.MaxWatches)
	tokens := access.NewTokens(deps.DB)
	return &API{
		cfg: cfg, deps: deps, log: log,
		ledger:   ledger.New(deps.DB, ledger.Settings{}),
		tokens:   tokens,
		audit:    access.NewAudit(deps.DB),
		keys:     access.NewKeys(deps.DB),
		watches:  open,
		recorder: lag.NewRecorder(deps.Queues, log),
		metrics:  newMeasures(deps.Metrics, open),
		guard:    newGuard(cfg, tokens),
		exports:  make(chan struct{}, maxExports),
	}, nil
}

// Listen binds the configured address, so that a taken port stops the start.
func (a *API) Listen() (net.Listener, error) { return daemon.Listen("--http", a.cfg.Listen) }

// Components serve the API on a listener of Listen, and wake its watches.
func (a *API) Components(listener net.Listener) []daemon.Component {
	server := &http.Server{
		Handler: a.Handler(), ReadTimeout: readTimeout, ReadHeaderTimeout: readTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
	return []daemon.Component{
		daemon.ServeHTTP(serverComponent, listener, server, a.log),
		{Name: "api-wakeups", Background: true, Run: a.wake},
		{Name: "api-lag", Background: true, Run: func(_, work context.Context) error {
			a.recorder.Run(work)
			return nil
		}},
	}
}

// Handler serves the services, /livez and /readyz.
func (a *API) Handler() http.Handler {
	options := connect.WithHandlerOptions(
		connect.WithReadMaxBytes(maxBody),
		connect.WithInterceptors(a.calls(), admission{a, needs()}),
		connect.WithRecover(a.recovered),
	)
	mux := http.NewServeMux()
	daemon.Endpoints{Ready: a.ready()}.Register(mux)
	for path, service := range a.services(options) {
		mux.Handle(path, a.guard.protect(service))
	}
	mux.Handle("GET "+autoscalePath, a.guard.protect(http.HandlerFunc(a.autoscale)))
	return bounded(a.cfg.SendTimeout, a.metrics.refusals(a.guard.fromHere(http.MaxBytesHandler(mux, maxBody))))
}

func (a *API) ready() []daemon.Check {
	own := []daemon.Check{
		{Name: "postgres", Timeout: readyTimeout, Probe: a.deps.DB.Ready},
		{Name: "schema", Timeout: readyTimeout, Probe: a.deps.DB.CheckSchema},
		{Name: "jetstream", Timeout: readyTimeout, Probe: a.deps.Broker.Ready, Note: a.deps.Broker.DurabilityNote},
	}
	return append(own, a.deps.Ready...)
}

// list reads from a replica while it is fresh enough, else from the primary. A
// replica that is gone since it was last looked at, or that ends a query for the
// sake of its replay, costs the caller a moment and no error.
func list[T any](a *API, read func(*ledger.Ledger, *postgres.DB) (T, error)) (T, error) {
	if a.deps.Reads == nil {
		return read(a.ledger, a.deps.DB)
	}
	db := a.deps.Reads.DB()
	out, err := read(ledger.New(db, ledger.Settings{}), db)
	if db == a.deps.DB {
		return out, err
	}
	switch postgres.Classify(err) {
	case postgres.ClassConnection, postgres.ClassResources, postgres.ClassSerialization:
		a.log.WithError(err).Warn("api: the replica did not answer a read; the primary does")
		return read(a.ledger, a.deps.DB)
	default:
		return out, err
	}
}
