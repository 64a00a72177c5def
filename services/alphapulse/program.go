package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

// program is one invocation with everything it may touch, so that a test can
// start it like a person does.
type program struct {
	environ []string
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	args    []string
	heap    *daemon.Heap // nil: Go's own rule
}

// Exit codes every command shares; `sync` and `backfill` add 3, 4 and 5.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// exitError ends the program with a code. An empty message prints nothing: the
// command has said what there is to say.
type exitError struct {
	code    int
	message string
}

func (e *exitError) Error() string { return e.message }

// usageError is a mistake on the command line.
func usageError(format string, args ...any) error {
	return &exitError{code: exitUsage, message: fmt.Sprintf(format, args...)}
}

// run executes the command line and returns the exit code.
func (p *program) run(ctx context.Context) int {
	root := p.command()
	root.SetArgs(p.args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if err.Error() != "" {
		fmt.Fprintln(p.stderr, "alphapulse:", err)
	}
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	return daemon.ExitCode(err)
}

// command is the tree of commands. A command is one file, named for it.
func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "alphapulse",
		Short:         "Keep exchange accounts in PostgreSQL: exact, complete or explicit about what is missing, fresh",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return usageError("unknown command %q\nSee `alphapulse --help`.", args[0])
		},
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError("%v\nSee `%s --help`.", err, cmd.CommandPath())
	})
	root.AddGroup(
		&cobra.Group{ID: "use", Title: "Use it:"},
		&cobra.Group{ID: "parts", Title: "Run its parts:"},
	)
	root.AddCommand(p.clientCommands()...)
	root.AddCommand(p.processCommands()...)
	return root
}
