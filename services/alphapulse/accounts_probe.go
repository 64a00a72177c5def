package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// probePatience is how long a command waits for a probe. A probe has 30 s, so the
// default is longer than that: the fleet itself says what went wrong, unless
// there is none.
type probePatience struct{ time.Duration }

func (t *probePatience) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&t.Duration, "timeout", 45*time.Second, "how long to wait for the probe")
}

func (p *program) accountsTestCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "test NAME", Short: "Probe an account's key now",
		Long: `Probe an account's key now: ask the exchange whose it is and what it may do. A pending account, and one whose
key was refused, becomes active when the probe passes.

With --json: ` + accountHelp + `
Exit: 0 the probe passed, 1 it did not.`,
		Example: "  alphapulse accounts test main",
		Args:    accountArgument(),
	}
	r, wait := p.remote(cmd), &probePatience{}
	wait.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return r.probing(cmd.Context(), *wait, func(ctx context.Context, c *client) (*controlv1.Account, *controlv1.Run, error) {
			res, err := c.TestAccount(ctx, &controlv1.TestAccountRequest{Name: args[0]})
			return res.GetAccount(), res.GetProbe(), err
		})
	}
	return cmd
}

func (p *program) accountsSetKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "set-key NAME", Short: "Replace an account's key",
		Long: "Replace an account's key. The new key is probed first and replaces the old one only if the probe passes; " +
			"jobs\nin flight are not disturbed. " + keyHelp + `

With --json: ` + accountHelp + `
Exit: 0 the new key is in use, 1 it is not.`,
		Example: "  alphapulse accounts set-key main\n  alphapulse accounts set-key main --key-file key --secret-file secret",
		Args:    accountArgument(),
	}
	r, wait, keys := p.remote(cmd), &probePatience{}, &keySource{}
	var allowWrite bool
	cmd.Flags().BoolVar(&allowWrite, "allow-write-key", false, "accept a key that can trade or withdraw")
	r.insecureFlag(cmd)
	keys.add(cmd)
	wait.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return r.probing(cmd.Context(), *wait, func(ctx context.Context, c *client) (*controlv1.Account, *controlv1.Run, error) {
			return r.setKey(ctx, c, args[0], keys, allowWrite)
		})
	}
	return cmd
}

func (r *remote) setKey(
	ctx context.Context, c *client, name string, keys *keySource, allowWrite bool,
) (*controlv1.Account, *controlv1.Run, error) {
	if err := c.mayCarryKeys(); err != nil {
		return nil, nil, err
	}
	found, err := c.GetAccount(ctx, &controlv1.GetAccountRequest{Name: name})
	if err != nil {
		return nil, nil, err
	}
	credentials, err := keys.read(ctx, r.program, found.GetAccount().GetExchange())
	if err != nil {
		return nil, nil, err
	}
	res, err := c.SetKey(ctx, &controlv1.SetKeyRequest{
		Name: name, ApiKey: credentials.Key.Reveal(), ApiSecret: credentials.Secret.Reveal(), AllowWriteKey: allowWrite,
	})
	return res.GetAccount(), res.GetProbe(), err
}

// probing starts a probe and waits for its end.
func (r *remote) probing(
	ctx context.Context, wait probePatience, start func(context.Context, *client) (*controlv1.Account, *controlv1.Run, error),
) error {
	c, err := r.connect()
	if err != nil {
		return err
	}
	ctx, end := interruptible(ctx, 0)
	defer end()
	account, probe, err := start(ctx, c)
	if err != nil {
		return err
	}
	return r.awaitProbe(ctx, c, account, probe, wait)
}

// awaitProbe waits for a probe and says what became of the account.
func (r *remote) awaitProbe(
	ctx context.Context, c *client, account *controlv1.Account, probe *controlv1.Run, wait probePatience,
) error {
	p := r.program
	if !r.asJSON {
		p.note("Probing the key of %s at %s …", account.GetName(), account.GetBaseUrl())
	}
	bounded, cancel := context.WithTimeoutCause(ctx, wait.Duration, errPatience)
	defer cancel()
	run, err := c.follow(bounded, probe.GetId(), func(*controlv1.Run) {})
	switch {
	case errors.Is(err, errInterrupted):
		return fmt.Errorf("interrupted: account %s is there and %s, and the probe goes on\n"+
			"  Next: `alphapulse accounts list` shows what became of it; `alphapulse accounts test %[1]s` probes it again",
			account.GetName(), account.GetStatus())
	case errors.Is(err, errPatience):
		return probeUnended(account, run, wait)
	case err != nil:
		return err
	}
	found, err := c.GetAccount(ctx, &controlv1.GetAccountRequest{Name: account.GetName()})
	if err != nil {
		return err
	}
	account = found.GetAccount()
	failed := probeFailure(account, run)
	switch {
	case r.asJSON:
		if err := p.writeJSON(viewAccount(account)); err != nil {
			return err
		}
	case failed == nil:
		p.printAccount(account)
	}
	return failed
}

// probeUnended is for a probe that nobody has ended in time: not even its
// deadline, so more than a worker is missing.
func probeUnended(account *controlv1.Account, run *controlv1.Run, wait probePatience) error {
	state := "nobody has taken it up"
	if jobs := run.GetJobs(); len(jobs) > 0 && jobs[0].GetAttempt() > 0 {
		state = strings.TrimSpace("its state: " + jobs[0].GetStatus() + " " + jobReason(jobs[0]))
	}
	return fmt.Errorf("the probe of account %s has not ended within %s: %s\n"+
		"  Next: see with `alphapulse doctor` whether scheduler, aggregator and a worker run; the account stays %s, "+
		"and `alphapulse accounts test %[1]s` probes it again", account.GetName(), wait, state, account.GetStatus())
}

// probeFailure says why a probe did not pass; nil if it did.
func probeFailure(account *controlv1.Account, run *controlv1.Run) error {
	if run.GetStatus() == "succeeded" {
		return nil
	}
	why, next := "the probe ended as "+run.GetStatus(), ""
	name := account.GetName()
	if jobs := run.GetJobs(); len(jobs) > 0 {
		why, next = whyProbeFailed(account, jobs[0])
	}
	stays := "the account is " + account.GetStatus()
	if account.GetStatus() == "pending" {
		stays = "the account stays pending"
	}
	if next == "" {
		next = fmt.Sprintf("`alphapulse accounts test %s` probes it again", name)
	}
	return fmt.Errorf("account %s: %s; %s\n  Next: %s", name, plain(why), stays, next)
}

func whyProbeFailed(account *controlv1.Account, job *controlv1.Job) (why, next string) {
	name, message := account.GetName(), job.GetErrorMessage()
	again := fmt.Sprintf("then `alphapulse accounts test %s`", name)
	switch class := job.GetErrorClass(); {
	case class == "auth":
		return "the exchange refused the key: " + sayEnvironment(account, message), fmt.Sprintf(
			"see that the key was made there, is not expired and allows this machine's address, %s; or give "+
				"it another one with `alphapulse accounts set-key %s`", again, name)
	case class == "permission":
		next = fmt.Sprintf("`alphapulse accounts set-key %s` with another key", name)
		if strings.Contains(message, "--allow-write-key") {
			next = fmt.Sprintf("`alphapulse accounts set-key %s` with a read-only key, or with this one and --allow-write-key", name)
		}
		return "the key was not accepted: " + message, next
	case job.GetStatus() == "cancelled" && job.GetAttempt() == 0 && class == "":
		return "there is no worker to probe its key with: nobody took the probe before its time was over",
			"start a worker (`alphapulse up`, or `alphapulse worker`), " + again
	case class == "transient", class == "" && job.GetCancelReason() == "deadline":
		if !strings.Contains(message, account.GetBaseUrl()) {
			message = account.GetBaseUrl() + ": " + orDash(message)
		}
		return "the exchange could not be reached: " + message,
			"see that the address is right and reachable from the workers, " + again
	default:
		return strings.TrimSpace(jobReason(job)), ""
	}
}

// sayEnvironment adds where the key was used, unless the message has it: an
// exchange answers a key of another environment as it does a wrong one.
func sayEnvironment(account *controlv1.Account, message string) string {
	if strings.Contains(message, "environment") && strings.Contains(message, account.GetEnvironment()) {
		return message
	}
	return fmt.Sprintf("%s. It answers the same for a key of another environment, and this account is %s %s (%s)",
		strings.TrimSuffix(message, "."), account.GetExchange(), account.GetEnvironment(), account.GetBaseUrl())
}
