package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"
)

// Config describes one pool. URL and Name are required; a zero duration or
// size takes the default named beside it, a negative duration switches the
// limit off.
type Config struct {
	// URL is a postgres:// URL or a libpq key=value string. It may name several
	// servers (host1:5432,host2:5432) with target_session_attrs=read-write: a
	// connection is made to the first of them that is the primary.
	URL string
	// Replica says that the server may be one: that it refuses writes is no
	// failure of it then.
	Replica bool
	// Name tells pools apart in logs and errors: "writes", "claims".
	Name string
	// ApplicationName shows in pg_stat_activity, for example
	// "alphapulse/worker-balances/<id>/writes". Default "alphapulse/<Name>".
	// Postgres keeps 63 bytes: a longer one is shortened in the middle.
	ApplicationName string

	// ByIndex is for pools all of whose statements look rows up: each is planned once
	// in the life of a connection, and reads a whole table only if there is no other
	// way. Left to itself the server plans the big ones anew each time, which takes
	// longer than running them; and what it has planned while a table was small keeps
	// its plan while the table grows.
	ByIndex bool

	MaxConns int32 // 4
	MinConns int32 // 0

	StatementTimeout time.Duration // 15 s
	LockTimeout      time.Duration // 5 s
	// IdleInTransactionTimeout is after how long the server ends the transaction of
	// a process that says nothing: one that was stopped, or whose machine was. Its
	// row locks keep everybody out until then, so it is no longer than a lease.
	// Default 10 s.
	IdleInTransactionTimeout time.Duration
	// TransactionTimeout bounds a whole closure of InTx on the client's side.
	TransactionTimeout time.Duration // 60 s
	// AcquireTimeout bounds the wait for a free connection.
	AcquireTimeout time.Duration // 5 s
	// ConnectTimeout bounds one attempt to connect. The servers of the URL share
	// it evenly, so that one which is silent leaves time for the next.
	ConnectTimeout time.Duration // 5 s

	MaxConnLifetime       time.Duration // 30 min
	MaxConnLifetimeJitter time.Duration // 5 min
	// HealthCheckPeriod is how often the pool pings the server in the
	// background; after a failure it does so every second.
	HealthCheckPeriod time.Duration // 5 s
	// PingTimeout bounds each ping: in the background, and of a connection that
	// was idle for more than a second before it is lent out.
	PingTimeout time.Duration // 2 s

	// SlowTransaction is the duration from which a transaction is logged.
	SlowTransaction time.Duration // 1 s
	// AlertAfter is the number of failures in a row that make an alert.
	AlertAfter int // 3

	// OnTx, if set, is told of every transaction's end. It must not block.
	OnTx func(TxReport)
	// OnAcquire, if set, is told how long each loan of a connection was waited
	// for, and why none was made. It must not block.
	OnAcquire func(waited time.Duration, err error)
	Log       *logrus.Entry
}

func (c Config) withDefaults() Config {
	c.ApplicationName = shortenName(cmp.Or(c.ApplicationName, "alphapulse/"+c.Name))
	c.MaxConns = cmp.Or(c.MaxConns, 4)
	c.StatementTimeout = cmp.Or(c.StatementTimeout, 15*time.Second)
	c.LockTimeout = cmp.Or(c.LockTimeout, 5*time.Second)
	c.IdleInTransactionTimeout = cmp.Or(c.IdleInTransactionTimeout, 10*time.Second)
	c.TransactionTimeout = cmp.Or(c.TransactionTimeout, time.Minute)
	c.AcquireTimeout = cmp.Or(c.AcquireTimeout, 5*time.Second)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 5*time.Second)
	c.MaxConnLifetime = cmp.Or(c.MaxConnLifetime, 30*time.Minute)
	c.MaxConnLifetimeJitter = cmp.Or(c.MaxConnLifetimeJitter, 5*time.Minute)
	c.HealthCheckPeriod = cmp.Or(c.HealthCheckPeriod, 5*time.Second)
	c.PingTimeout = cmp.Or(c.PingTimeout, 2*time.Second)
	c.SlowTransaction = cmp.Or(c.SlowTransaction, time.Second)
	c.AlertAfter = cmp.Or(c.AlertAfter, 3)
	if c.Log == nil {
		c.Log = silentLog()
	}
	c.Log = c.Log.WithField("pool", c.Name)
	return c
}

// validate names every mistake at once.
func (c Config) validate() error {
	var errs []error
	if c.URL == "" {
		errs = append(errs, errors.New("the database URL is empty (set DATABASE_URL)"))
	}
	if c.Name == "" {
		errs = append(errs, errors.New("the pool has no name"))
	}
	if c.MaxConns < 1 {
		errs = append(errs, fmt.Errorf("pool %q: %d connections at most: it needs at least 1", c.Name, c.MaxConns))
	}
	if c.MinConns < 0 || c.MinConns > c.MaxConns {
		errs = append(errs, fmt.Errorf("pool %q: at least %d of at most %d connections cannot be kept",
			c.Name, c.MinConns, c.MaxConns))
	}
	for _, d := range c.requiredDurations() {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("pool %q: %s must be positive, not %s", c.Name, d.name, d.value))
		}
	}
	return errors.Join(errs...)
}

type namedDuration struct {
	name  string
	value time.Duration
}

// requiredDurations are the limits without which something could wait forever.
func (c Config) requiredDurations() []namedDuration {
	return []namedDuration{
		{"acquire timeout", c.AcquireTimeout},
		{"connect timeout", c.ConnectTimeout},
		{"ping timeout", c.PingTimeout},
		{"health check period", c.HealthCheckPeriod},
		{"transaction timeout", c.TransactionTimeout},
		{"connection lifetime", c.MaxConnLifetime},
	}
}

// poolConfig turns the settings into pgx's. Limits become parameters of every
// session, so that the server enforces them even when this process hangs.
func (c Config) poolConfig() (*pgxpool.Config, error) {
	p, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("database URL of pool %q: %w", c.Name, err)
	}
	params := p.ConnConfig.RuntimeParams
	params["application_name"] = c.ApplicationName
	params["search_path"] = searchPath
	params["timezone"] = "UTC"
	params["jit"] = "off" // it takes longer than any statement of ours
	if c.ByIndex {
		params["plan_cache_mode"] = "force_generic_plan"
		params["enable_seqscan"] = "off"
		params["enable_bitmapscan"] = "off"
		params["enable_hashjoin"] = "off"
		params["enable_mergejoin"] = "off"
	}
	setMillis(params, "statement_timeout", c.StatementTimeout)
	setMillis(params, "lock_timeout", c.LockTimeout)
	setMillis(params, "idle_in_transaction_session_timeout", c.IdleInTransactionTimeout)

	boundCaches(p.ConnConfig)
	p.AfterConnect = registerUUIDs
	p.MaxConns, p.MinConns = c.MaxConns, c.MinConns
	p.MaxConnLifetime = c.MaxConnLifetime
	p.MaxConnLifetimeJitter = max(c.MaxConnLifetimeJitter, 0)
	p.HealthCheckPeriod = c.HealthCheckPeriod
	p.PingTimeout = c.PingTimeout
	each := c.ConnectTimeout / time.Duration(servers(p.ConnConfig))
	p.ConnConfig.ConnectTimeout = each
	p.ConnConfig.DialFunc = dialer(each).DialContext
	return p, nil
}

const (
	// pgxStatements is how many statements pgx keeps prepared for a connection if its
	// URL does not say, or says 512. It makes room for all of them, and for as many
	// descriptions, when it connects: 80 kB a connection, 2.6 MB for a worker's 33.
	pgxStatements = 512
	// statements is more than the hundred or so that the code of a worker has for one
	// connection, by a rough count. Beyond it nothing breaks: the least used are
	// prepared again, which costs a round trip and their planning.
	statements = 256
)

// boundCaches makes room for what our processes need, unless the URL says how many
// statements to keep. Descriptions are for its default_query_exec_mode=cache_describe.
func boundCaches(cfg *pgx.ConnConfig) {
	if cfg.StatementCacheCapacity == pgxStatements {
		cfg.StatementCacheCapacity = statements
	}
	if cfg.DefaultQueryExecMode != pgx.QueryExecModeCacheDescribe {
		cfg.DescriptionCacheCapacity = 0
	}
}

// servers counts the servers that a URL names. One that is tried with TLS and
// then without is one.
func servers(cfg *pgx.ConnConfig) int {
	type address struct {
		host string
		port uint16
	}
	named := map[address]bool{{cfg.Host, cfg.Port}: true}
	for _, f := range cfg.Fallbacks {
		named[address{f.Host, f.Port}] = true
	}
	return len(named)
}

func setMillis(params map[string]string, name string, d time.Duration) {
	if d > 0 {
		params[name] = strconv.FormatInt(max(d.Milliseconds(), 1), 10)
		return
	}
	params[name] = "0"
}

// answerTimeout is the client's bound on one statement, COMMIT among them: the
// server's own and a little for the way. The server gives up by itself before,
// so later than that no answer will come.
func (c Config) answerTimeout() time.Duration {
	if c.StatementTimeout <= 0 {
		return c.TransactionTimeout
	}
	return c.StatementTimeout + 2*time.Second
}

// shortenName keeps both ends of a name, since the pool's role comes last.
func shortenName(name string) string {
	if len(name) <= maxApplicationNameInBytes {
		return name
	}
	const tail = 22
	return name[:maxApplicationNameInBytes-tail-1] + "~" + name[len(name)-tail:]
}

func silentLog() *logrus.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return logrus.NewEntry(l)
}
