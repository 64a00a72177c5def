package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

const (
	healthTimeout = 5 * time.Second
	healthBody    = 16 << 10
)

// healthcheckCommand is `alphapulse healthcheck URL`: what a container without a
// shell asks itself.
func (p *program) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "healthcheck URL", Short: "Ask a process whether it is well; exit 0 if it is, 1 if not",
		Example: "  alphapulse healthcheck http://127.0.0.1:9000/readyz",
		GroupID: "parts", Args: exactly(1, "the address to ask, such as http://127.0.0.1:9000/readyz"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := stoppable(cmd.Context(), healthTimeout)
			defer cancel()
			return p.healthcheck(ctx, args[0])
		},
	}
}

func (p *program) healthcheck(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return usageError("%q is not a URL", url)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, healthBody))
	if err != nil {
		return fmt.Errorf("reading the answer of %s: %w", url, err)
	}
	fmt.Fprintln(p.stdout, strings.TrimSpace(string(body)))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}

// exactly demands a number of arguments and says what they are.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return usageError("`%s` needs %s\nSee `%s --help`.", cmd.CommandPath(), what, cmd.CommandPath())
	}
}

// stoppable is a context that ends with the first SIGINT or SIGTERM, or when the
// patience is over: for commands that end by themselves.
func stoppable(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
	return ctx, func() { cancel(); stop() }
}
