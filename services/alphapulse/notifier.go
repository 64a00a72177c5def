package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alphapulse/alphapulse/services/notifier"
	"github.com/alphapulse/alphapulse/shared/daemon"
	"github.com/alphapulse/alphapulse/shared/postgres"
)

// notifySetting holds whom to tell. Its URLs are as good as passwords, so it is a
// secret and has no flag.
const notifySetting = "ALPHAPULSE_NOTIFY"

const notifyHelp = `a JSON document such as {"targets": [{"name": "ops", "form": "slack", "url": "https://…"}]}`

// notifierCommand is `alphapulse notifier`.
func (p *program) notifierCommand(env *daemon.Env) *cobra.Command {
	cmd := partCommand("notifier", "Tell people what goes wrong, and when it is over",
		"Tell people what goes wrong, once when it begins and once when it is over, by signed webhooks or to Slack and what\n"+
			"takes its form. Any number may run. Needs DATABASE_URL and NATS_URL, and "+notifySetting+" (or …_FILE):\n\n"+
			"  {\"targets\": [\n"+
			"    {\"name\": \"ops\", \"form\": \"slack\", \"url\": \"https://hooks.slack.com/…\", \"kinds\": [\"run_failed\"]},\n"+
			"    {\"name\": \"desk\", \"form\": \"webhook\", \"url\": \"https://…\", \"secret\": \"signs what is sent\"}]}\n\n"+
			"Without kinds a target is told of everything: "+strings.Join(notifier.Kinds(), ", ")+".\n"+
			"docs/notifications.md describes what is sent and how to check its signature.")
	cmd.Example = "  alphapulse notifier --test     # send a test to every target, and end"
	proc := newProcess(p, cmd, env)
	proc.nats.add(proc.settings)
	var cfg notifier.Config
	var test bool
	proc.settings.duration(&cfg.Hold, "hold", notifier.DefaultHold, "how long something must be over before its end is told")
	proc.settings.whole(&cfg.Attempts, "attempts", notifier.DefaultAttempts, 1, 100, "how often a notice is sent before it is given up")
	cmd.Flags().BoolVar(&test, "test", false, "send a test to every target, and end")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return proc.runNotifier(cmd, cfg, test) }
	return cmd
}

func (p *process) runNotifier(cmd *cobra.Command, cfg notifier.Config, test bool) error {
	defer p.close()
	cfg.Targets = notifyTargets(p.env, true)
	if test {
		p.settings.read()
		if err := p.env.Err(); err != nil {
			return err
		}
		return p.program.testTargets(cmd.Context(), cfg.Targets)
	}
	p.database.read(p.env)
	p.settings.read()
	p.nats.read(p.env)
	if err := p.open(); err != nil {
		return err
	}
	db, err := p.pool(cmd.Context(), postgres.Config{Name: "notifier", MaxConns: 4})
	if err != nil {
		return err
	}
	q, err := p.connect(cmd.Context())
	if err != nil {
		return err
	}
	n, err := notifier.New(cfg, notifier.Deps{DB: db, Broker: q, Log: p.log})
	if err != nil {
		return err
	}
	return p.serve(cmd.Context(), part{db: db, queue: q, run: n.Run})
}

// notifyTargets reads whom to tell; none is a mistake only where it is required.
func notifyTargets(env *daemon.Env, required bool) []notifier.Target {
	read := env.GetSecret
	if required {
		read = func(name string) string { return env.RequiredSecret(name, notifyHelp) }
	}
	text := read(notifySetting)
	if text == "" {
		return nil
	}
	targets, err := notifier.ParseTargets(text)
	if err != nil {
		env.Check(fmt.Errorf("%s: %w", notifySetting, err))
	}
	return targets
}

// testTargets sends a test to every target and says which took it.
func (p *program) testTargets(ctx context.Context, targets []notifier.Target) error {
	failed := 0
	for _, t := range targets {
		if err := notifier.Test(ctx, t); err != nil {
			failed++
			p.say("%s: NOT delivered: %s", t.Name, plain(err.Error()))
			continue
		}
		p.say("%s: delivered", t.Name)
	}
	if failed > 0 {
		return &exitError{code: exitFailure, message: fmt.Sprintf("%s did not take the test", number(failed, "target"))}
	}
	return nil
}
