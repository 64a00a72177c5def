package world

import (
	"context"
	"fmt"

	"github.com/alphapulse/alphapulse/services/internal/chaos/databases"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/effects"
)

// openDatabase starts Postgres, lays the schema and the effect log, and makes a
// link for each role.
func (w *World) openDatabase(ctx context.Context) (err error) {
	w.Database, err = databases.Start(ctx, databases.Config{
		Dir: w.path("postgres", "data"), Logs: w.path("logs"), MaxConnections: 120,
		// Commits reach the disk as in production; the rest is only slow.
		Settings: map[string]string{"max_wal_size": "2GB", "log_min_messages": "error", "log_min_error_statement": "panic"},
	})
	if err != nil {
		return err
	}
	w.later(func() error { return w.Database.Kill(context.Background()) })
	if err := w.Database.Exec(ctx, "postgres", "CREATE DATABASE "+database); err != nil {
		return err
	}
	url := w.Database.URL("", database)
	if err := postgres.Migrate(ctx, url, silent()); err != nil {
		return err
	}
	if w.Effects, err = effects.Install(ctx, url); err != nil {
		return err
	}
	w.DB, err = postgres.Open(w.ctx, postgres.Config{URL: url, Name: "chaos", MaxConns: 8, Log: silent()})
	if err != nil {
		return err
	}
	w.later(func() error { w.DB.Close(); return nil })
	w.Ledger = ledger.New(w.DB, ledger.Settings{})
	for _, role := range []Role{Scheduler, Worker, Aggregator} {
		l, err := databases.NewLink(w.Database.Address())
		if err != nil {
			return fmt.Errorf("the link of %s: %w", role, err)
		}
		w.DatabaseLinks[role] = l
		w.later(l.Close)
	}
	return nil
}
