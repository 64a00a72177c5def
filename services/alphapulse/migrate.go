package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/services/alphapulse/dependency"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// migrateCommand is `alphapulse migrate`.
func (p *program) migrateCommand(env *daemon.Env) *cobra.Command {
	cmd := partCommand("migrate", "Bring the database's schema to this program's version",
		"Bring the database's schema to this program's version. It may be run at any time and by any number of\n"+
			"processes at once; a database of a newer program is refused. Needs DATABASE_URL (or …_FILE).")
	proc := newProcess(p, cmd, env)
	var patience time.Duration
	proc.settings.duration(&patience, "timeout", time.Minute, "how long to wait for the database")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return proc.runMigrate(cmd, &patience) }
	return cmd
}

func (p *process) runMigrate(cmd *cobra.Command, patience *time.Duration) error {
	defer p.close()
	p.database.read(p.env)
	p.settings.read()
	if err := p.open(); err != nil {
		return err
	}
	ctx, cancel := stoppable(cmd.Context(), *patience)
	defer cancel()
	db, err := p.pool(ctx, postgres.Config{Name: "migrate", MaxConns: 1})
	if err != nil {
		return err
	}
	if err := dependency.Await(ctx, p.log, p.database.dependency(db)); err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, p.database.url, p.log); err != nil {
		return err
	}
	version, err := db.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.program.stdout, "The schema of %s is at version %d.\n",
		dependency.PostgresAddress(p.database.url), version)
	return nil
}
