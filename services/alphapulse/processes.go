package main

import (
	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/services/alphapulse/child"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/postgres/pgserver"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// processCommands are those that run a part of the fleet, and what is needed to
// set it up.
func (p *program) processCommands() []*cobra.Command {
	env := daemon.NewEnv(p.environ)
	knowOthers(env)
	return []*cobra.Command{
		p.upCommand(env),
		p.schedulerCommand(env), p.workerCommand(env), p.aggregatorCommand(env), p.apiCommand(env), p.notifierCommand(env),
		p.simCommand(env), p.benchCommand(env),
		p.migrateCommand(env), p.vaultCommand(), p.keygenCommand(), p.healthcheckCommand(), p.versionCommand(),
	}
}

// knowOthers declares the variables that no flag stands for, so that a process
// does not take those of another one for misspelt.
func knowOthers(env *daemon.Env) {
	env.KnowSecrets(api.TokenSetting, vault.PrivateKeySetting, vault.PublicKeySetting, notifySetting)
	env.Know("ALPHAPULSE_API", pgserver.BinDirVariable, child.ParentVariable)
	for _, name := range []string{
		// The compose file and the tests read these.
		"VERSION", "UID", "GID", "PORT", "POSTGRES_PORT", "NATS_PORT", "NATS_MONITOR_PORT", "TEST_DATABASE_URL",
	} {
		env.Know(settingsPrefix + name)
	}
}

// partCommand is a command of the group that runs parts. Arguments are a mistake:
// everything is a setting.
func partCommand(use, short, long string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, GroupID: "parts", DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("`%s` takes no arguments, only settings: %q\nSee `%s --help`.",
					cmd.CommandPath(), args[0], cmd.CommandPath())
			}
			return nil
		},
	}
}
