package notifier

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// DefaultHold and DefaultAttempts are what Config describes.
const (
	DefaultHold     = 30 * time.Second
	DefaultAttempts = 12
)

// Broker answers whether JetStream can be used now.
type Broker interface {
	Ready(ctx context.Context) error
}

// Config says whom a notifier tells and how it works. Zero fields but Targets
// have the default beside them.
type Config struct {
	Targets []Target
	// Every is the pause between two looks (5 s).
	Every time.Duration
	// Hold is how long a condition must be absent to be over (30 s).
	Hold time.Duration
	// Attempts is how often a notice is sent before it is given up (12: about two
	// hours).
	Attempts int
	// SendTimeout is how long a target may take to answer (15 s).
	SendTimeout time.Duration
	// BrokerPatience is how long JetStream may be silent (15 s).
	BrokerPatience time.Duration
	// Keep is how long notices are kept (90 days).
	Keep time.Duration
}

func (c Config) withDefaults() Config {
	if c.Every == 0 {
		c.Every = 5 * time.Second
	}
	if c.Hold == 0 {
		c.Hold = DefaultHold
	}
	if c.Attempts == 0 {
		c.Attempts = DefaultAttempts
	}
	if c.SendTimeout == 0 {
		c.SendTimeout = sendTimeout
	}
	if c.BrokerPatience == 0 {
		c.BrokerPatience = 15 * time.Second
	}
	if c.Keep == 0 {
		c.Keep = 90 * 24 * time.Hour
	}
	return c
}

// Validate names every mistake at once.
func (c Config) Validate() error {
	var errs []error
	if len(c.Targets) == 0 {
		errs = append(errs, errors.New("a notifier needs a target"))
	}
	if c.Every < 0 || c.Hold < 0 || c.Attempts < 0 || c.SendTimeout < 0 || c.BrokerPatience < 0 || c.Keep < 0 {
		errs = append(errs, errors.New("the intervals and attempts of a notifier must be positive"))
	}
	return errors.Join(errs...)
}

// Deps are what a notifier stands on.
type Deps struct {
	DB     *postgres.DB
	Broker Broker
	Log    *logrus.Entry
}

// Notifier tells people. Make it with New.
type Notifier struct {
	cfg    Config
	db     *postgres.DB
	broker Broker
	log    *logrus.Entry
	sender sender

	mu     sync.Mutex
	silent time.Time // since when the broker is; zero: it is not
	reason string
}

// New checks the settings.
func New(cfg Config, deps Deps) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &Notifier{cfg: cfg, db: deps.DB, broker: deps.Broker, log: deps.Log, sender: newSender(cfg.SendTimeout)}, nil
}

// Run works until take ends; a delivery under way is finished unless work ends
// first.
func (n *Notifier) Run(take, work context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { n.repeat(take, func() error { return n.look(work) }, "looking for conditions") })
	running.Go(func() { n.repeat(take, func() error { return n.deliverAll(take, work) }, "delivering notices") })
	running.Go(func() { n.watchBroker(take) })
	running.Go(func() { n.watchDatabase(take, work) })
	running.Wait()
	return nil
}

func (n *Notifier) deliverAll(take, work context.Context) error {
	for take.Err() == nil {
		sent, err := n.deliver(work)
		if err != nil || sent == 0 {
			return err
		}
	}
	return nil
}

// repeat does something every so often. A failure is logged when it begins, and
// when it is over.
func (n *Notifier) repeat(take context.Context, do func() error, what string) {
	ticker := time.NewTicker(n.cfg.Every)
	defer ticker.Stop()
	failed := false
	for {
		err := daemon.Guard(do)
		switch {
		case err != nil && !failed && take.Err() == nil:
			n.log.WithError(err).Warnf("notifier: %s failed; it is tried again", what)
		case err == nil && failed:
			n.log.Infof("notifier: %s works again", what)
		}
		failed = err != nil
		select {
		case <-take.Done():
			return
		case <-ticker.C:
		}
	}
}

// watchBroker asks the broker now and then.
func (n *Notifier) watchBroker(take context.Context) {
	ticker := time.NewTicker(min(n.cfg.Every, time.Second))
	defer ticker.Stop()
	for {
		ctx, cancel := context.WithTimeout(take, sendTimeout)
		err := n.broker.Ready(ctx)
		cancel()
		n.mu.Lock()
		switch {
		case take.Err() != nil:
		case err == nil:
			n.silent = time.Time{}
		case n.silent.IsZero():
			n.silent, n.reason = time.Now(), err.Error()
		}
		n.mu.Unlock()
		select {
		case <-take.Done():
			return
		case <-ticker.C:
		}
	}
}

// own are the conditions that a notifier knows by itself.
func (n *Notifier) own() []condition {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.silent.IsZero() || time.Since(n.silent) < n.cfg.BrokerPatience {
		return nil
	}
	return []condition{{Kind: BrokerUnreachable, Subject: "jetstream", Message: fmt.Sprintf("no answer: %s", n.reason)}}
}
