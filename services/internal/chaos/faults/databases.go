package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

// ours matches the connections of the fleet.
func ours() *regexp.Regexp { return regexp.MustCompile("^alphapulse/") }

// onOnePrimary are the topologies whose database stays where it is.
func onOnePrimary() []world.Topology {
	return []world.Topology{world.Single, world.Cluster, world.PowerCut, world.PowerCutAlways}
}

// databaseFaults are what happens to the database, and in it.
func databaseFaults() []*Fault {
	back := func(name, does string, inject injector) *Fault {
		return &Fault{
			Name: "database_" + name, Does: does, On: onOnePrimary(), Within: backWithin, BackToWork: true, inject: inject,
		}
	}
	fails := func(name, does, code string, m databases.Match) *Fault {
		return &Fault{
			Name: "database_" + name, Does: does, On: onOnePrimary(), Within: afterAKill + backWithin,
			inject: strikeDatabaseLinks([]world.Role{world.Worker}, 0, func(l *databases.Link) (*databases.Trap, error) {
				return l.Answer(m, 5, code)
			}),
		}
	}
	commits := databases.Match{Statement: databases.Commits()}
	outcomes := databases.Match{Statement: regexp.MustCompile(`UPDATE alphapulse\.sync_jobs`)}
	return []*Fault{
		back("killed", "SIGKILL to Postgres while a transaction waits for its COMMIT", killDatabase),
		back("restarted", "Postgres is stopped at once (SIGQUIT) and started again", restartDatabase(databases.Immediate)),
		back("stopped", "Postgres is shut down in order and started again", restartDatabase(databases.Fast)),
		back("sessions_ended", "every session is ended by an administrator (57P01)", endSessions),
		back("too_many_connections", "no connection is free (53300)", crowdDatabase),
		back("table_locked", "a table is locked for longer than anybody waits (55P03); the pools run dry", lockTable),
		{
			Name: "database_disk_full", Does: "the disk under the tables of snapshots is full (53100)",
			On: []world.Topology{world.Single}, Within: backWithin, BackToWork: true,
			Available: databases.DiskAvailable, Instead: "database_out_of_memory", inject: fillDatabase,
		},
		fails("serialization", "commits fail with 40001", "40001", commits),
		fails("deadlock", "outcomes fail with 40P01", "40P01", outcomes),
		fails("lock_timeout", "outcomes fail with 55P03", "55P03", outcomes),
		fails("statement_timeout", "outcomes fail with 57014", "57014", outcomes),
		fails("out_of_memory", "outcomes fail with 53200", "53200", outcomes),
		fails("read_only", "outcomes fail with 25006, as on a primary that was demoted", "25006", outcomes),
	}
}

// killDatabase holds a worker's COMMIT on its way and kills the server: what it
// had done in the transaction is gone, and the worker does not know.
func killDatabase(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	trap := w.DatabaseLinks[world.Worker][0].Hold(databases.Match{Statement: databases.Commits()}, 2)
	defer trap.Lift()
	err = world.Poll(ctx, "a COMMIT on its way", func() (bool, error) { return trap.Struck() > 0, nil })
	if err != nil {
		return nil, err
	}
	at := time.Now()
	return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
		return errors.Join(wait(ctx, away), w.Database.Start(ctx))
	}}, w.Database.Kill(ctx)
}

func restartDatabase(how databases.Shutdown) injector {
	return func(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
		jobs, err := w.AwaitInFlight(ctx, "")
		if err != nil {
			return nil, err
		}
		at := time.Now()
		return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
			return errors.Join(wait(ctx, away), w.Database.Start(ctx))
		}}, w.Database.Stop(ctx, how)
	}
}

func endSessions(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	ended, err := w.Database.Terminate(ctx, ours())
	if err == nil && ended == 0 {
		err = errors.New("nobody had a session")
	}
	return &Strike{At: time.Now(), Jobs: jobs, Note: fmt.Sprintf("%d sessions", ended)}, err
}

// crowdDatabase takes every connection and ends the fleet's, so that it needs new
// ones.
func crowdDatabase(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	at := time.Now()
	crowd, err := w.Database.Crowd(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := crowd.Evict(ctx, ours()); err != nil {
		crowd.Release()
		return nil, err
	}
	err = world.Poll(ctx, "somebody who is refused", func() (bool, error) {
		times, err := crowd.Struck()
		return times > 0, err
	})
	if err != nil {
		crowd.Release()
		return nil, err
	}
	return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
		err := wait(ctx, away)
		crowd.Release()
		return err
	}}, nil
}

// lockTable locks what every balances job writes for longer than the workers' lock
// timeout: their connections wait, and others find none.
func lockTable(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	const lasts = 8 * time.Second
	at := time.Now()
	hold, err := w.Database.LockTable(ctx, world.DatabaseName, "alphapulse.sync_scopes", lasts)
	if err != nil {
		return nil, err
	}
	return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
		select {
		case <-hold.Done():
		case <-ctx.Done():
			hold.Release()
			return context.Cause(ctx)
		}
		if hold.Struck() == 0 {
			return errors.New("nobody waited for the table")
		}
		return nil
	}}, nil
}

// fillDatabase fills the disk under some tables until a write has failed for it.
func fillDatabase(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	at := time.Now()
	if err := w.FillSmallDisk(ctx); err != nil {
		return nil, err
	}
	err = world.Poll(ctx, "a write that finds no room", func() (bool, error) {
		times, err := w.SmallDisk.Struck()
		return times > 0, err
	})
	if err != nil {
		return nil, errors.Join(err, w.SmallDisk.Free())
	}
	return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
		return errors.Join(wait(ctx, away), w.SmallDisk.Free())
	}}, nil
}

// replicaFaults are what happens where a replica follows the database.
func replicaFaults() []*Fault {
	on := []world.Topology{world.Replicated}
	return []*Fault{
		{
			Name: "failover", Does: "the primary turns read-only (25006), and the replica is promoted in its place",
			On: on, Within: 2 * backWithin, BackToWork: true, inject: failOver,
		},
		{
			Name: "replica_lagging", Does: "the replica stops replaying what the primary writes",
			On: on, Within: afterAKill, inject: lagReplica,
		},
		{
			Name: "replica_killed", Does: "SIGKILL to the replica",
			On: on, Within: afterAKill, inject: killReplica,
		},
	}
}

// failOver is a switch-over without loss: the old primary answers 25006 until the
// replica has caught up and is promoted, and stays a standby.
func failOver(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	at := time.Now()
	if err := w.Database.ReadOnly(ctx, true); err != nil {
		return nil, err
	}
	return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
		if err := wait(ctx, away); err != nil {
			return err
		}
		return w.FailOver(ctx)
	}}, nil
}

func lagReplica(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	at := time.Now()
	return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
		return errors.Join(wait(ctx, 2*backWithin), w.FreshReads(ctx), w.Replica.ResumeReplay(ctx))
	}}, w.Replica.PauseReplay(ctx)
}

func killReplica(ctx context.Context, w *world.World, _ *rand.Rand) (*Strike, error) {
	jobs, err := w.AwaitInFlight(ctx, "")
	if err != nil {
		return nil, err
	}
	at := time.Now()
	return &Strike{At: at, Jobs: jobs, Heal: func(ctx context.Context) error {
		return errors.Join(wait(ctx, away), w.FreshReads(ctx), w.Replica.Start(ctx))
	}}, w.Replica.Kill(ctx)
}
