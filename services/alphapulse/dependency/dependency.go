// Package dependency waits for what a process cannot work without, and says in
// the log what it waits for: the database and the broker may be started later
// than the processes that use them.
package dependency

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/sirupsen/logrus"
)

const (
	// tryFor bounds one attempt, and so how late the first line is.
	tryFor = 2 * time.Second
	// remindEvery is how often a wait that goes on is logged again.
	remindEvery = 15 * time.Second
)

// Dependency is one thing to wait for.
type Dependency struct {
	// Name and Address are what the log calls it: "Postgres", "db:5432/alphapulse".
	Name, Address string
	// Ready returns nil when it can be used. Until then it waits as long as its
	// context allows; an error before the end of its context is taken as one that
	// waiting will not change.
	Ready func(context.Context) error
}

// Await returns when the dependency is ready, when ctx ends, or with the error
// that waiting will not change.
func Await(ctx context.Context, log *logrus.Entry, d Dependency) error {
	var reminded time.Time
	for {
		began := time.Now()
		err := try(ctx, d)
		switch {
		case err == nil:
			if !reminded.IsZero() {
				log.Infof("%s at %s is there", d.Name, d.Address)
			}
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case time.Since(began) < tryFor && !errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("%s at %s: %w", d.Name, d.Address, err)
		}
		if time.Since(reminded) > remindEvery {
			reminded = time.Now()
			log.WithError(err).Warnf("waiting for %s at %s", d.Name, d.Address)
		}
	}
}

func try(ctx context.Context, d Dependency) error {
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	return d.Ready(ctx)
}

// PostgresAddress names the servers and the database of a URL without its user
// and password.
func PostgresAddress(databaseURL string) string {
	cfg, err := pgconn.ParseConfig(databaseURL)
	if err != nil {
		return "an address that cannot be read"
	}
	servers := []string{cfg.Host + ":" + strconv.Itoa(int(cfg.Port))}
	for _, f := range cfg.Fallbacks {
		if next := f.Host + ":" + strconv.Itoa(int(f.Port)); !slices.Contains(servers, next) {
			servers = append(servers, next)
		}
	}
	return strings.Join(servers, ",") + "/" + cfg.Database
}

// NATSAddress names the servers of a list of URLs without their credentials.
func NATSAddress(list string) string {
	var hosts []string
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(one)
		if err != nil {
			hosts = append(hosts, "an address that cannot be read")
			continue
		}
		hosts = append(hosts, u.Host)
	}
	return strings.Join(hosts, ",")
}
