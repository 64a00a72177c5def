package exchangesim

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/sirupsen/logrus"
)

// Config describes one stand-in exchange. Only Accounts must be set; every
// other zero value has the default given beside it.
type Config struct {
	// Seed selects the world: together with an account and an instant it
	// decides every row, so the same seed shows the same world after a restart.
	Seed int64
	// Accounts is how many accounts exist; see Credentials for their keys.
	Accounts int
	// Epoch is when the world began (default 2024-01-01 UTC). Nothing is older.
	Epoch time.Time
	// Tick is how often the world moves (default 1 s). Between two ticks only
	// admin changes are visible, so a very long tick gives a still world.
	Tick time.Duration
	// Limits turns the rate limits on; LimitSizes are their sizes.
	Limits     bool
	LimitSizes LimitSizes
	// Clock is the exchange's clock (default time.Now). It decides response
	// times, the world, and rate limits; POST /admin/clock adds an offset to it.
	Clock func() time.Time
	// SubAccounts makes accounts 1 to SubAccounts sub-accounts of account 0.
	SubAccounts int
	// RSAKeys are public keys in PEM, by account: these accounts' keys sign with
	// RSA from the start.
	RSAKeys map[int]string
	// Replay is a folder of recorded answers, which go before the world; see
	// the package's documentation. Nil: none.
	Replay fs.FS
	// ReplayTime is ReplayNow (default) or ReplayRecorded.
	ReplayTime string
	// Faults are in force from the start.
	Faults []Fault
	// Rows sizes the accounts and the market.
	Rows Rows
	// HistoryBy names the timestamp that startTime and endTime of order/history
	// filter: "created" (default) or "updated". The documentation does not say;
	// "created" is the harder one, as an order that lived for long is in no
	// recent window when it ends.
	HistoryBy string
	// IndexingDelay is how long after its instant a row is listed by
	// order/history, execution/list, the logs and closed-pnl (default 1 s,
	// negative: none). A lookup by id does not wait.
	IndexingDelay time.Duration
	// SettleCoins settle linear perpetuals beside USDT and USDC.
	SettleCoins []string
	// Modes are the accounts' unifiedMarginStatus by index: 1 classic, 3 unified
	// 1.0, 5 unified 2.0, which all accounts beyond the list are.
	Modes []int
	// Demo keeps the rules of the demo environment: no FUND wallet and none of
	// its histories (10032), and orders are forgotten after 7 days.
	Demo bool
	// History adds a dense, exact history to every account.
	History History
	// Bench makes the accounts cheap to serve, for benchmarks of clients.
	Bench Bench
	// Egress says which address the limits per address count: "remote" (the
	// default), "local" (the one a request came in on) or "forwarded" (the first
	// of X-Forwarded-For, where there is one).
	Egress string
	// AdminToken protects /admin. Without it /admin answers on loopback only.
	AdminToken string
	// Log receives one debug line per request; never a key or a signature.
	Log *logrus.Entry
}

// Rows says how much there is of everything.
type Rows struct {
	// Assets per account (default 8).
	Assets int
	// Positions per account and scope: linear:USDT, linear:USDC, inverse,
	// option (default 4).
	Positions int
	// OpenOrders per account and scope: spot and the four above (default 4).
	OpenOrders int
	// Symbols is the number of base coins. Each has a spot pair, two linear
	// perpetuals and an inverse one; the first three also have options
	// (default 12, raised to what Positions needs).
	Symbols int
	// ClosedPerDay is how many orders per account and scope end on a day in
	// the busiest lane (default 12); the other lanes add a few more.
	ClosedPerDay int
	// Steady keeps every asset, position and order slot occupied at all times,
	// so that each list has exactly the number of rows asked for. Otherwise
	// rows come and go, and the numbers above are upper bounds.
	Steady bool
}

// LimitSizes are the sizes of the rate limits. Zero fields take the documented
// values.
type LimitSizes struct {
	// PerUID is requests per rolling second, UID and path.
	PerUID map[string]int
	// IPRequests per IPWindow and address (600 per 5 s); one more bans the
	// address for IPBan (10 min).
	IPRequests int
	IPWindow   time.Duration
	IPBan      time.Duration
}

const (
	historyByCreated = "created"
	historyByUpdated = "updated"

	usualIndexingDelay = time.Second

	maxAccounts = 10_000_000
	maxRows     = 1_000
)

// withDefaults fills what is unset; it never repairs what is wrong.
func (c Config) withDefaults() Config {
	if c.Epoch.IsZero() {
		c.Epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	c.Tick = orDefault(c.Tick, time.Second)
	c.HistoryBy = orDefault(c.HistoryBy, historyByCreated)
	c.Egress = orDefault(c.Egress, egressRemote)
	c.IndexingDelay = max(0, orDefault(c.IndexingDelay, usualIndexingDelay))
	c.History = c.History.withDefaults()
	c.ReplayTime = orDefault(c.ReplayTime, ReplayNow)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		c.Log = logrus.NewEntry(silent)
	}
	c.Rows = c.Rows.withDefaults()
	c.LimitSizes = c.LimitSizes.withDefaults()
	return c
}

func (r Rows) withDefaults() Rows {
	r.Assets = orDefault(r.Assets, 8)
	r.Positions = orDefault(r.Positions, 4)
	r.OpenOrders = orDefault(r.OpenOrders, 4)
	r.Symbols = orDefault(r.Symbols, max(12, r.Positions))
	r.ClosedPerDay = orDefault(r.ClosedPerDay, 12)
	return r
}

func (l LimitSizes) withDefaults() LimitSizes {
	sizes := map[string]int{}
	for _, ep := range endpoints() {
		if ep.private {
			sizes[ep.path] = ep.perSecond
		}
	}
	for path, n := range l.PerUID {
		sizes[path] = n
	}
	l.PerUID = sizes
	l.IPRequests = orDefault(l.IPRequests, 600)
	l.IPWindow = orDefault(l.IPWindow, 5*time.Second)
	l.IPBan = orDefault(l.IPBan, 10*time.Minute)
	return l
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// validate names every mistake at once.
func (c Config) validate() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(c.Accounts < 1 || c.Accounts > maxAccounts, "accounts must be 1 to %d, not %d", maxAccounts, c.Accounts)
	wrong(c.Tick < time.Millisecond, "tick must be at least 1ms, not %s", c.Tick)
	wrong(c.Epoch.After(c.Clock()), "epoch %s lies in the future", c.Epoch.Format(time.RFC3339))
	wrong(c.HistoryBy != historyByCreated && c.HistoryBy != historyByUpdated,
		"history-by must be %q or %q, not %q", historyByCreated, historyByUpdated, c.HistoryBy)
	wrong(c.Egress != egressRemote && c.Egress != egressLocal && c.Egress != egressForwarded,
		"egress must be %q, %q or %q, not %q", egressRemote, egressLocal, egressForwarded, c.Egress)
	for _, status := range c.Modes {
		wrong(!knownMode(status), "modes: unifiedMarginStatus is 1 or 3 to 6, not %d", status)
	}
	for _, name := range c.SettleCoins {
		wrong(name == "" || name == "USDT" || name == "USDC" || name == "USD", "settle coins: %q cannot be one", name)
	}
	rows := c.Rows.validate()
	errs = append(errs, rows...)
	if len(rows) == 0 {
		errs = append(errs, c.History.validate(c)...)
	}
	wrong(c.SubAccounts < 0 || c.SubAccounts >= max(1, c.Accounts),
		"sub-accounts must be 0 to %d, the accounts beside the master, not %d", max(0, c.Accounts-1), c.SubAccounts)
	wrong(c.ReplayTime != ReplayNow && c.ReplayTime != ReplayRecorded,
		"replay-time must be %q or %q, not %q", ReplayNow, ReplayRecorded, c.ReplayTime)
	errs = append(errs, c.Bench.validate()...)
	errs = append(errs, c.LimitSizes.validate()...)
	for i, f := range c.Faults {
		if err := f.validate(); err != nil {
			errs = append(errs, fmt.Errorf("fault %d: %w", i+1, err))
		}
	}
	return errors.Join(errs...)
}

func (r Rows) validate() []error {
	var errs []error
	for _, size := range []struct {
		name string
		n    int
	}{
		{"assets", r.Assets},
		{"positions", r.Positions},
		{"open orders", r.OpenOrders},
		{"symbols", r.Symbols},
		{"closed orders per day", r.ClosedPerDay},
	} {
		if size.n < 1 || size.n > maxRows {
			errs = append(errs, fmt.Errorf("rows: %s must be 1 to %d, not %d", size.name, maxRows, size.n))
		}
	}
	if r.Positions > r.Symbols {
		errs = append(errs, fmt.Errorf("rows: %d positions per scope need as many symbols, not %d", r.Positions, r.Symbols))
	}
	return errs
}

func (l LimitSizes) validate() []error {
	var errs []error
	for path, n := range l.PerUID {
		ep, ok := endpointOf(path)
		if !ok || !ep.private {
			errs = append(errs, fmt.Errorf("limits: %q is no private endpoint of this exchange", path))
		}
		if n < 1 {
			errs = append(errs, fmt.Errorf("limits: %s must allow at least 1 request per second, not %d", path, n))
		}
	}
	if l.IPRequests < 1 || l.IPWindow <= 0 || l.IPBan <= 0 {
		errs = append(errs, fmt.Errorf("limits: the address limit of %d requests per %s with a ban of %s must be positive", l.IPRequests, l.IPWindow, l.IPBan))
	}
	return errs
}
