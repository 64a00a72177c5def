package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/shared/daemon"
)

// What a check of doctor finds.
const (
	findingOK   = "ok"
	findingWarn = "warn"
	findingFail = "fail"
)

// doctorTimeout bounds each group of checks.
const doctorTimeout = 10 * time.Second

// finding is one line of doctor.
type finding struct {
	Check   string `json:"check"`
	Status  string `json:"status"`
	Message string `json:"message"`
	Next    string `json:"next_step"`
}

// doctor collects findings. What one check learns serves those after it.
type doctor struct {
	remote   *remote
	env      *daemon.Env
	log      *logrus.Entry
	findings []finding
	state    *controlv1.GetStatusResponse // of the API, if it answered
}

func (p *program) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", GroupID: "use", Short: "Find out what is wrong and what to do about it",
		Long: `Find out what is wrong and what to do about it: Postgres (version, privileges, schema, clock), NATS (JetStream,
the streams and their settings, whether its confirmations survive a power loss: NATS_MONITOR_URL), the API, this machine's clock against each exchange, keys and what they may do,
the vault's keys. It changes nothing.

Postgres and NATS are asked directly, where DATABASE_URL and NATS_URL (or …_FILE) say; under ` + "`alphapulse up`" + `
they are in connection.env in its data directory.

With --json: {ok, checks: [{check, status, message, next_step}]}, status one of ok, warn, fail.
Exit: 0 nothing failed, 1 something did.`,
		Example: "  alphapulse doctor\n  set -a; . ~/.local/share/alphapulse/connection.env; alphapulse doctor",
		Args:    noArguments,
	}
	r := p.remote(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		d := &doctor{remote: r, env: daemon.NewEnv(p.environ), log: silent()}
		return d.run(cmd.Context())
	}
	return cmd
}

func silent() *logrus.Entry {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	return logrus.NewEntry(logger)
}

func (d *doctor) run(ctx context.Context) error {
	ctx, end := interruptible(ctx, 0)
	defer end()
	for _, group := range []func(context.Context){
		d.checkPostgres, d.checkNATS, d.checkAPI, d.checkVault, d.checkClocks, d.checkKeys,
	} {
		bounded, cancel := context.WithTimeoutCause(ctx, doctorTimeout, errPatience)
		group(bounded)
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return d.report()
}

func (d *doctor) add(status, check, next, format string, args ...any) {
	d.findings = append(d.findings, finding{
		Check: check, Status: status, Message: plain(fmt.Sprintf(format, args...)), Next: next,
	})
}

func (d *doctor) ok(check, format string, args ...any) { d.add(findingOK, check, "", format, args...) }

func (d *doctor) warn(check, next, format string, args ...any) {
	d.add(findingWarn, check, next, format, args...)
}

func (d *doctor) fail(check, next, format string, args ...any) {
	d.add(findingFail, check, next, format, args...)
}

// secret reads a setting for a check and says when the check cannot be made.
func (d *doctor) secret(check, name string) (string, bool) {
	env := daemon.NewEnv(d.remote.program.environ)
	value := env.GetSecret(name)
	if err := env.Err(); err != nil {
		d.fail(check, "correct the setting", "%v", err)
		return "", false
	}
	if value == "" {
		d.warn(check, "set "+name+" where doctor runs, to have it checked", "not checked: %s is not set", name)
		return "", false
	}
	return value, true
}

// report prints the findings; the error is the exit code.
func (d *doctor) report() error {
	p, failed := d.remote.program, 0
	for _, f := range d.findings {
		if f.Status == findingFail {
			failed++
		}
	}
	if d.remote.asJSON {
		err := p.writeJSON(struct {
			OK     bool      `json:"ok"`
			Checks []finding `json:"checks"`
		}{failed == 0, d.findings})
		if err != nil {
			return err
		}
	} else {
		for _, f := range d.findings {
			p.say("%-4s  %-20s  %s", f.Status, f.Check, f.Message)
			if f.Next != "" {
				p.say("%-4s  %-20s  → %s", "", "", f.Next)
			}
		}
	}
	if failed > 0 {
		return &exitError{code: exitFailure}
	}
	return nil
}
