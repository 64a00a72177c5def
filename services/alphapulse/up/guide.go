package up

import (
	"context"
	"time"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

// addGuide adds what tells a person where to look. With a demo that is after its
// first run has ended.
func (m *machine) addGuide() {
	m.components = append(m.components, daemon.Component{
		Name: "guide", Background: true, Run: func(take, _ context.Context) error {
			if m.demo != nil {
				m.demo.show(take)
			}
			if take.Err() == nil {
				m.guide()
				<-take.Done()
			}
			m.term.line("Stopping: workers finish what they hold. Ctrl-C again stops at once.")
			return nil
		},
	})
}

func (m *machine) guide() {
	m.term.line("")
	m.term.step("API", "%s", m.at.api)
	m.term.step("SQL", "%s", m.psql())
	m.term.step("settings", "for psql, nats and these commands: set -a; . %s", quote(m.dir.file(ConnectionFile)))
	m.term.step("logs", "%s", m.dir.file("logs"))
	for _, command := range m.next() {
		m.term.step("next", "%s", command)
	}
	m.term.line("Ctrl-C stops everything.")
}

// psql is a line that works as it is printed. Addresses have passwords, so it
// takes them from the file; where there is a login that only reads, it is that one.
func (m *machine) psql() string {
	variable := "DATABASE_URL"
	if m.at.readonly != "" {
		variable = "DATABASE_READONLY_URL"
	}
	return ". " + quote(m.dir.file(ConnectionFile)) + "; psql \"$" + variable + "\""
}

// next are commands that work as they are printed.
func (m *machine) next() []string {
	command := m.cfg.Program
	if m.at.api != "http://127.0.0.1:8080" {
		command = "ALPHAPULSE_API=" + m.at.api + " " + command
	}
	if m.demo == nil {
		return []string{command + " accounts add main --exchange bybit --env testnet"}
	}
	month := time.Now().UTC().AddDate(0, -1, 0).Format(time.DateOnly)
	return []string{
		command + " sync " + demoAccount + " --type all --wait",
		command + " backfill " + demoAccount + " --type orders,fills --since " + month + " --wait",
		command + " coverage " + demoAccount,
	}
}
