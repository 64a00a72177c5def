package main

import (
	"github.com/spf13/cobra"
)

// clientCommands are those that a person or a script uses: all of them but
// doctor talk to the API alone.
func (p *program) clientCommands() []*cobra.Command {
	return []*cobra.Command{
		p.accountsCommand(), p.syncCommand(), p.statusCommand(), p.runsCommand(), p.coverageCommand(), p.backfillCommand(),
		p.verifyCommand(), p.lagCommand(), p.quarantineCommand(), p.deadCommand(), p.replayCommand(), p.candlesCommand(),
		p.showCommand(), p.exportCommand(), p.pauseCommand(), p.resumeCommand(), p.pausesCommand(), p.maintenanceCommand(),
		p.scheduleCommand(), p.workersCommand(), p.noticesCommand(), p.tokensCommand(), p.auditCommand(), p.doctorCommand(),
	}
}

// group is a command that only holds others.
func group(use, short, long string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, GroupID: "use",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("there is no command `%s %s`\nSee `%s --help`.", cmd.CommandPath(), args[0], cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(children...)
	return cmd
}

// noArguments takes flags alone.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError("`%s` takes no arguments: %q\nSee `%s --help`.", cmd.CommandPath(), args[0], cmd.CommandPath())
}

// atMostOne takes an optional argument.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return usageError("`%s` takes one argument at most\nSee `%s --help`.", cmd.CommandPath(), cmd.CommandPath())
}

// accountArgument is the name of one account.
func accountArgument() cobra.PositionalArgs { return exactly(1, "the name of an account") }
