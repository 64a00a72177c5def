package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"regexp"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
	"github.com/alphapulse/alphapulse/services/internal/chaos/link"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

// longerThanALease is how long a partition must last so that others take the jobs.
const longerThanALease = 13 * time.Second

// brokerLinkFaults are what a network does to messages.
func brokerLinkFaults() []*Fault {
	fault := func(name, does string, roles []world.Role, lasts time.Duration, strike func(*link.Link) error) *Fault {
		return &Fault{
			Name: "broker_link_" + name, Does: does, On: everywhere(), Within: afterAKill,
			inject: strikeBrokerLinks(roles, lasts, strike),
		}
	}
	all := []world.Role{world.Scheduler, world.Worker, world.Aggregator}
	return []*Fault{
		fault("answers_lost", "the scheduler's publishes are stored, and it hears of none", []world.Role{world.Scheduler}, 5*time.Second,
			func(l *link.Link) error { return l.Lose(link.Answers) }),
		fault("slow", "messages take a quarter of a second, each way", all, 5*time.Second,
			func(l *link.Link) error { return l.Delay(250*time.Millisecond, 100*time.Millisecond) }),
		fault("in_pieces", "messages come in small pieces", all, 5*time.Second,
			func(l *link.Link) error { return l.Slice(64, 5*time.Millisecond) }),
		fault("reset", "every connection to the broker is reset", all, away,
			func(l *link.Link) error { return l.Reset(0) }),
		fault("cut", "nobody reaches the broker", all, away,
			func(l *link.Link) error { l.Cut(); return nil }),
		fault("silent", "connections to the broker stand, and nothing comes of them", all, 5*time.Second,
			(*link.Link).Hang),
	}
}

func strikeBrokerLinks(roles []world.Role, lasts time.Duration, strike func(*link.Link) error) injector {
	return func(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
		jobs, err := w.AwaitInFlight(ctx, "")
		if err != nil {
			return nil, err
		}
		at := time.Now()
		for _, role := range roles {
			for _, l := range w.BrokerLinks[role] {
				if err := strike(l); err != nil {
					return nil, errors.Join(err, healBrokerLinks(ctx, w))
				}
			}
		}
		return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
			return errors.Join(wait(ctx, lasts), healBrokerLinks(ctx, w))
		}}, nil
	}
}

func healBrokerLinks(ctx context.Context, w *world.World) error {
	var errs []error
	for _, links := range w.BrokerLinks {
		for _, l := range links {
			errs = append(errs, l.Heal(ctx))
		}
	}
	return errors.Join(errs...)
}

// databaseLinkFaults are what a network does to transactions.
func databaseLinkFaults() []*Fault {
	fault := func(name, does string, lasts time.Duration, roles []world.Role, set trapper) *Fault {
		return &Fault{
			Name: "database_link_" + name, Does: does, On: everywhere(), Within: afterAKill + backWithin,
			inject: strikeDatabaseLinks(roles, lasts, set),
		}
	}
	all := []world.Role{world.Scheduler, world.Worker, world.Aggregator}
	workers := []world.Role{world.Worker}
	commits := databases.Match{Statement: databases.Commits()}
	sure := func(set func(*databases.Link) *databases.Trap) trapper {
		return func(l *databases.Link) (*databases.Trap, error) { return set(l), nil }
	}
	return []*Fault{
		fault("commit_answer_lost", "five commits of workers are carried out, and they never hear of it", 0, workers,
			sure(func(l *databases.Link) *databases.Trap { return l.CutAfter(commits, 5) })),
		fault("commit_lost", "five commits of workers never reach the database", 0, workers,
			sure(func(l *databases.Link) *databases.Trap { return l.CutBefore(commits, 5) })),
		fault("every_commit_answer_lost", "five commits of schedulers and aggregators are carried out unheard", 0,
			[]world.Role{world.Scheduler, world.Aggregator},
			sure(func(l *databases.Link) *databases.Trap { return l.CutAfter(commits, 5) })),
		fault("cut", "nobody reaches the database", away, all,
			sure(func(l *databases.Link) *databases.Trap { return l.Cut(nil) })),
		fault("silent", "connections to the database stand, and nothing comes of them", 5*time.Second, all,
			sure(func(l *databases.Link) *databases.Trap { return l.Freeze(nil) })),
		fault("listener_dead", "the connections on which schedulers listen fall silent", 5*time.Second, []world.Role{world.Scheduler},
			sure(func(l *databases.Link) *databases.Trap { return l.FreezeOpen(nil) })),
		fault("slow", "statements take a fifth of a second, each way", 5*time.Second, all,
			func(l *databases.Link) (*databases.Trap, error) {
				return l.Slow(databases.Slowness{Latency: 200 * time.Millisecond, Jitter: 50 * time.Millisecond})
			}),
		{
			Name: "workers_partitioned", Does: "workers reach neither broker nor database for longer than a lease",
			On: everywhere(), Within: afterAKill, inject: partitionWorkers,
		},
	}
}

// trapper sets one trap on a link.
type trapper func(*databases.Link) (*databases.Trap, error)

// strikeDatabaseLinks sets traps, waits until they have struck and, for those that
// strike without end, so long.
func strikeDatabaseLinks(roles []world.Role, lasts time.Duration, set trapper) injector {
	return func(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
		jobs, err := w.AwaitInFlight(ctx, "")
		if err != nil {
			return nil, err
		}
		at := time.Now()
		var traps []*databases.Trap
		lift := func() {
			for _, t := range traps {
				t.Lift()
			}
		}
		for _, role := range roles {
			for _, l := range w.DatabaseLinks[role] {
				t, err := set(l)
				if err != nil {
					lift()
					return nil, err
				}
				traps = append(traps, t)
			}
		}
		err = world.Poll(ctx, "a trap on the way to the database", func() (bool, error) { return struckTraps(traps) > 0, nil })
		if err != nil {
			lift()
			return nil, err
		}
		return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
			defer lift()
			if lasts > 0 {
				return wait(ctx, lasts)
			}
			return spent(ctx, traps)
		}}, nil
	}
}

func struckTraps(traps []*databases.Trap) (times int) {
	for _, t := range traps {
		times += t.Struck()
	}
	return times
}

// spentWithin is how long traps may take to be met as often as they can.
const spentWithin = 10 * time.Second

// spent waits until one trap is, or for long enough: on a standby's link nobody
// commits.
func spent(ctx context.Context, traps []*databases.Trap) error {
	patience := time.NewTimer(spentWithin)
	defer patience.Stop()
	for _, t := range traps {
		select {
		case <-t.Spent():
		case <-patience.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func partitionWorkers(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	at := time.Now()
	var traps []*databases.Trap
	for _, l := range w.DatabaseLinks[world.Worker] {
		traps = append(traps, l.Freeze(regexp.MustCompile("")))
	}
	for _, l := range w.BrokerLinks[world.Worker] {
		if err := l.Hang(); err != nil {
			return nil, errors.Join(err, healBrokerLinks(ctx, w))
		}
	}
	return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
		err := wait(ctx, longerThanALease)
		for _, t := range traps {
			t.Lift()
		}
		return errors.Join(err, healBrokerLinks(ctx, w))
	}}, nil
}
