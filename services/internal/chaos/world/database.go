package world

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/effects"
)

// DatabaseName is the fleet's database.
const DatabaseName = "alphapulse"

// smallDisk is the size of the disk under the tables that can meet its end.
const smallDisk = 256 << 20

// openDatabase starts Postgres, and a replica where there is one, lays the schema
// and the effect log, and makes a link from each role to each server.
func (w *World) openDatabase(ctx context.Context) (err error) {
	w.Database, err = databases.Start(ctx, w.databaseConfig("postgres"))
	if err != nil {
		return err
	}
	w.later(func() error { return w.Database.Kill(context.Background()) })
	if err := w.Database.Exec(ctx, "postgres", "CREATE DATABASE "+DatabaseName); err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, w.Database.URL("", DatabaseName), silent()); err != nil {
		return err
	}
	if err := w.openSmallDisk(ctx); err != nil {
		return err
	}
	if err := w.openReplica(ctx); err != nil {
		return err
	}
	direct := w.directDatabaseURL()
	if w.Effects, err = effects.Install(ctx, direct); err != nil {
		return err
	}
	w.DB, err = postgres.Open(w.ctx, postgres.Config{URL: direct, Name: "chaos", MaxConns: 8, Log: silent()})
	if err != nil {
		return err
	}
	w.later(func() error { w.DB.Close(); return nil })
	w.Ledger = ledger.New(w.DB, ledger.Settings{})
	return w.linkDatabases()
}

// databaseConfig commits to the disk as in production; its log keeps errors alone.
func (w *World) databaseConfig(name string) databases.Config {
	return databases.Config{
		Name: name, Dir: w.path("database-" + name), Logs: w.path("logs"), MaxConnections: 120,
		Settings: map[string]string{"max_wal_size": "2GB", "log_min_error_statement": "panic"},
	}
}

// openSmallDisk puts the tables of snapshots on a disk of their own, where this
// machine can have one and no replica has to follow.
func (w *World) openSmallDisk(ctx context.Context) (err error) {
	if databases.DiskAvailable() != nil || w.cfg.Topology != Single {
		return nil
	}
	if w.SmallDisk, err = w.Database.SmallDisk(ctx, "small", smallDisk); err != nil {
		return err
	}
	w.later(w.SmallDisk.Close)
	for _, table := range smallTables() {
		if err := w.Database.Exec(ctx, DatabaseName, "ALTER TABLE alphapulse."+table+" SET TABLESPACE small"); err != nil {
			return err
		}
	}
	return nil
}

// smallTables are those on the small disk.
func smallTables() []string {
	return []string{"balances", "balances_history", "positions", "positions_history", "orders", "orders_history"}
}

// FillSmallDisk leaves no room for a row of its tables. They are packed before:
// what dead rows have left would else take the fleet's writes for minutes.
func (w *World) FillSmallDisk(ctx context.Context) error {
	for _, table := range smallTables() {
		if err := w.Database.Exec(ctx, DatabaseName, "VACUUM (FULL) alphapulse."+table); err != nil {
			return err
		}
	}
	return w.SmallDisk.Fill(ctx)
}

func (w *World) openReplica(ctx context.Context) (err error) {
	if w.cfg.Topology != Replicated {
		return nil
	}
	w.Replica, err = w.Database.Replicate(ctx, w.databaseConfig("replica"), "")
	if err != nil {
		return err
	}
	w.later(func() error { return w.Replica.Kill(context.Background()) })
	return nil
}

// servers are the addresses of the database, the replica's among them.
func (w *World) servers() []string {
	if w.Replica == nil {
		return []string{w.Database.Address()}
	}
	return []string{w.Database.Address(), w.Replica.Address()}
}

func (w *World) linkDatabases() error {
	for _, role := range []Role{Scheduler, Worker, Aggregator, API} {
		for _, address := range w.servers() {
			l, err := databases.NewLink(address)
			if err != nil {
				return fmt.Errorf("the link of %s: %w", role, err)
			}
			w.DatabaseLinks[role] = append(w.DatabaseLinks[role], l)
			w.later(l.Close)
		}
	}
	return nil
}

// directDatabaseURL leads to whichever server takes writes, by no link.
func (w *World) directDatabaseURL() string { return w.databaseURL(w.servers()) }

// databaseURL names one server or several, of which the one that takes writes is
// meant.
func (w *World) databaseURL(addresses []string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + DatabaseName, RawQuery: "sslmode=disable"}
	if len(addresses) > 1 {
		u.RawQuery += "&target_session_attrs=read-write"
	}
	u.Host = strings.Join(addresses, ",")
	return u.String()
}

// linkedDatabaseURL is what a role is told.
func (w *World) linkedDatabaseURL(role Role) string {
	var addresses []string
	for _, l := range w.DatabaseLinks[role] {
		addresses = append(addresses, l.Address())
	}
	return w.databaseURL(addresses)
}

// FailOver promotes the replica once it has everything, and makes a new replica in
// the old primary's place. Until then the old primary, which must be read-only,
// answers writes with 25006.
func (w *World) FailOver(ctx context.Context) error {
	old := w.Database
	if err := w.Replica.CaughtUp(ctx, old); err != nil {
		return err
	}
	if err := w.Replica.Promote(ctx); err != nil {
		return err
	}
	w.Database = w.Replica.Server
	if err := old.Demote(ctx); err != nil {
		return err
	}
	cfg, err := w.replicaConfig(old)
	if err != nil {
		return err
	}
	if err := old.Kill(ctx); err != nil {
		return err
	}
	w.Replica, err = w.Database.Replicate(ctx, cfg, "")
	return err
}
