package up

import (
	"io"

	"github.com/alphapulse/alphapulse/services/notifier"
	"github.com/alphapulse/alphapulse/shared/tracing"
	"github.com/alphapulse/alphapulse/shared/vault"
)

// Config is what `alphapulse up` was asked for.
type Config struct {
	// Demo adds the stand-in exchange and an account on it.
	Demo bool
	// DataDir keeps everything; see DefaultDir.
	DataDir string
	// DataDirWhy says why DataDir is not where one would look for it; empty if
	// it is.
	DataDirWhy string
	// HTTP is the API's address.
	HTTP string
	// Workers is how many worker processes there are per data type; 0: none.
	Workers int
	// RequestsPerSecond is what all workers together may ask of one exchange, and
	// what the schedules of one market may plan; 0: DefaultRequests.
	RequestsPerSecond float64
	// Token is demanded by the API if it is set.
	Token vault.Secret
	// DatabaseURL and NATSURL, if set, are used instead of embedded parts.
	DatabaseURL, NATSURL string
	// NATSMonitorURL is the monitoring address of NATSURL, if it is known.
	NATSMonitorURL string
	// Notify are told what goes wrong; none: nobody is.
	Notify []notifier.Target
	// Keys finds the vault's keys if they are not to be made in DataDir.
	Keys vault.Lookup
	// MetricsAccounts adds metrics with the account as a label.
	MetricsAccounts bool
	// Traces are recorded of this process; workers read the same variables.
	Traces tracing.Settings
	// LogLevel of all processes.
	LogLevel string
	// Version is shown at the start.
	Version string

	// Program is what worker processes are started from, and Environ what they
	// inherit.
	Program string
	Environ []string
	// Out is the terminal.
	Out io.Writer
}
