package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/brokers"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// backWithin is how soon after the return of a broker or a database the fleet must
// be at work again.
const backWithin = 5 * time.Second

// away is how long something stays away.
const away = 2 * time.Second

// oneBroker are the topologies with a single broker.
func oneBroker() []world.Topology {
	return []world.Topology{world.Single, world.Replicated, world.PowerCut, world.PowerCutAlways}
}

// brokerFaults are what happens to a single broker and to its store.
func brokerFaults() []*Fault {
	return []*Fault{
		{
			Name: "broker_killed", Does: "SIGKILL to the broker, under load",
			On: oneBroker(), Within: backWithin, BackToWork: true, inject: brokerAway(func(*world.World, *rand.Rand) error { return nil }),
		},
		{
			Name: "broker_store_wiped", Does: "the broker comes back with an empty store",
			On: oneBroker(), Within: backWithin, BackToWork: true, inject: brokerAway(func(w *world.World, _ *rand.Rand) error {
				w.NoteStoreLost()
				return w.Broker.Wipe()
			}),
		},
		{
			Name: "broker_bit_flipped", Does: "a bit of a message block is turned over while the broker is down",
			On: oneBroker(), Within: backWithin, BackToWork: true, inject: brokerAway(func(w *world.World, random *rand.Rand) error {
				_, err := w.Broker.FlipBit(queue.JobsStream, random.Uint64())
				return err
			}),
		},
		{
			Name: "broker_store_restored", Does: "the broker comes back with a copy of its store that is seconds old",
			On: oneBroker(), Within: backWithin, BackToWork: true, inject: restoreStore,
		},
		{
			Name: "broker_disk_full", Does: "the broker's disk is full for a while",
			On: oneBroker(), Within: backWithin, BackToWork: true, inject: fillBroker,
		},
		{
			Name: "consumer_deleted", Does: "a consumer of jobs is deleted",
			On: everywhere(), Within: backWithin, BackToWork: true, inject: deleteConsumer,
		},
		{
			Name: "stream_deleted", Does: "the stream of jobs is deleted",
			On: everywhere(), Within: backWithin, BackToWork: true, inject: deleteStream,
		},
	}
}

// brokerAway kills the broker, does something to its store, and starts it again
// after a while.
func brokerAway(meanwhile func(*world.World, *rand.Rand) error) injector {
	return func(ctx context.Context, w *world.World, random *rand.Rand) (*Strike, error) {
		jobs, err := w.AwaitInFlight(ctx, "")
		if err != nil {
			return nil, err
		}
		if err := w.Broker.Kill(); err != nil {
			return nil, err
		}
		at := time.Now()
		if err := meanwhile(w, random); err != nil {
			return nil, errors.Join(err, w.Broker.Start(ctx))
		}
		return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
			if err := wait(ctx, away); err != nil {
				return err
			}
			return w.Broker.Start(ctx)
		}}, nil
	}
}

func restoreStore(ctx context.Context, w *world.World, random *rand.Rand) (*Strike, error) {
	dir, err := w.Scratch("store")
	if err != nil {
		return nil, err
	}
	older, err := w.Broker.Save(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, 3*time.Second); err != nil {
		return nil, err
	}
	return brokerAway(func(w *world.World, _ *rand.Rand) error {
		w.NoteStoreLost()
		return w.Broker.Restore(older)
	})(ctx, w, random)
}

// fillBroker leaves the broker hardly any room until it has refused something. A
// stream whose write failed stays frozen, so somebody starts the broker again when
// there is room.
func fillBroker(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	at := time.Now()
	if err := w.Broker.FillDisk(4 << 10); err != nil {
		return nil, err
	}
	return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
		if err := wait(ctx, 2*away); err != nil {
			return err
		}
		if err := w.Broker.RelieveDisk(); err != nil {
			return err
		}
		w.NoteStoreLost() // what was confirmed while there was no room may be gone
		return errors.Join(w.Broker.Kill(), w.Broker.Start(ctx))
	}}, nil
}

// deleter deletes consumers and streams.
type deleter interface {
	DeleteStream(ctx context.Context, stream string) error
	DeleteConsumer(ctx context.Context, stream, consumer string) error
}

func deleterOf(w *world.World) deleter {
	if w.Cluster != nil {
		return w.Cluster
	}
	return w.Broker
}

func deleteConsumer(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	consumer := queue.Consumer{Exchange: "bybit", Environment: "testnet", DataType: jobs[0].DataType, Lane: jobs[0].Lane}.Name()
	if err := deleterOf(w).DeleteConsumer(ctx, queue.JobsStream, consumer); err != nil {
		return nil, err
	}
	return &Strike{At: time.Now(), Jobs: jobs, Note: consumer}, nil
}

func deleteStream(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	if err := deleterOf(w).DeleteStream(ctx, queue.JobsStream); err != nil {
		return nil, err
	}
	return &Strike{At: time.Now(), Jobs: jobs}, nil
}

// clusterFaults are what happens to one or two of three brokers.
func clusterFaults() []*Fault {
	cluster := func(name, does string, strike func(context.Context, *brokers.Cluster) error, heal func(context.Context, *brokers.Cluster) error) *Fault {
		return &Fault{
			Name: "cluster_" + name, Does: does, On: []world.Topology{world.Cluster}, Within: 3 * backWithin, BackToWork: true,
			inject: func(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
				jobs, err := w.AwaitInFlight(ctx, "")
				if err != nil {
					return nil, err
				}
				at := time.Now()
				if err := strike(ctx, w.Cluster); err != nil {
					return nil, err
				}
				return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
					if err := wait(ctx, 2*away); err != nil {
						return err
					}
					return heal(ctx, w.Cluster)
				}}, nil
			},
		}
	}
	startAgain := func(ctx context.Context, c *brokers.Cluster) error {
		return errors.Join(c.StartStopped(ctx), c.Ready(ctx))
	}
	return []*Fault{
		cluster("leader_killed", "SIGKILL to the broker that leads the stream of jobs", func(ctx context.Context, c *brokers.Cluster) error {
			_, err := c.KillLeader(ctx, queue.JobsStream)
			return err
		}, startAgain),
		cluster("quorum_lost", "SIGKILL to two of three brokers", func(ctx context.Context, c *brokers.Cluster) error {
			_, err := c.KillTwo(ctx, queue.JobsStream)
			return err
		}, startAgain),
		cluster("partitioned", "the leader of the stream of jobs is cut off from the other two", func(ctx context.Context, c *brokers.Cluster) error {
			leader, err := c.Leader(ctx, queue.JobsStream)
			if err != nil {
				return err
			}
			return c.Isolate(leader)
		}, func(ctx context.Context, c *brokers.Cluster) error { return errors.Join(c.Heal(ctx), c.Ready(ctx)) }),
		cluster("rolling_restart", "each broker is stopped and started in turn", func(ctx context.Context, c *brokers.Cluster) error {
			return c.RollingRestart(ctx)
		}, startAgain),
	}
}

// powerCuts take the power from the broker's disk.
func powerCuts(available func() error) []*Fault {
	return []*Fault{
		{
			Name: "power_cut", Does: "the broker loses its power, and its disk what was not flushed",
			On: []world.Topology{world.PowerCut}, Within: backWithin, BackToWork: true,
			Available: available, Instead: "broker_store_restored", inject: cutPower(false),
		},
		{
			Name: "power_cut_always", Does: "so does one that flushes before it confirms: nothing that was confirmed is lost",
			On: []world.Topology{world.PowerCutAlways}, Within: backWithin, BackToWork: true,
			Available: available, Instead: "broker_killed", inject: cutPower(true),
		},
	}
}

func cutPower(keeps bool) injector {
	return func(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
		jobs, err := w.AwaitInFlight(ctx, "")
		if err != nil {
			return nil, err
		}
		confirmed, err := lastConfirmed(ctx, w)
		if err != nil {
			return nil, err
		}
		if !keeps {
			w.NoteStoreLost()
		}
		loss, err := w.Broker.PowerCut()
		if err != nil {
			return nil, err
		}
		strike := &Strike{At: time.Now(), Jobs: jobs, Note: fmt.Sprintf("%+v", loss), Heal: func(ctx context.Context) error {
			if err := wait(ctx, away); err != nil {
				return err
			}
			return w.Broker.Start(ctx)
		}}
		if keeps {
			strike.Verify = func(ctx context.Context) error { return stillThere(ctx, w, confirmed) }
		}
		return strike, nil
	}
}

// receipt is the newest publish that the broker has confirmed, as the tables know.
type receipt struct {
	seq     int64
	created time.Time
}

func lastConfirmed(ctx context.Context, w *world.World) (r receipt, err error) {
	err = w.DB.QueryRow(ctx, `
SELECT stream_seq, stream_created FROM alphapulse.sync_jobs WHERE stream_seq IS NOT NULL
ORDER BY stream_created DESC, stream_seq DESC LIMIT 1`).Scan(&r.seq, &r.created)
	return r, err
}

// stillThere demands that the stream is the same and still has what it confirmed.
func stillThere(ctx context.Context, w *world.World, confirmed receipt) error {
	js, closeConn, err := w.JetStream()
	if err != nil {
		return err
	}
	defer closeConn()
	stream, err := js.Stream(ctx, queue.JobsStream)
	if err != nil {
		return err
	}
	info := stream.CachedInfo()
	if !info.Created.Truncate(time.Microsecond).Equal(confirmed.created.Truncate(time.Microsecond)) {
		return fmt.Errorf("the stream was made at %s, and the one that confirmed at %s", info.Created, confirmed.created)
	}
	if last := int64(info.State.LastSeq); last < confirmed.seq { //nolint:gosec // far below
		return fmt.Errorf("message %d was confirmed, and the stream ends with %d", confirmed.seq, last)
	}
	return nil
}
