package queue

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"
)

// Defaults of the settings.
const (
	DefaultMaxAckPending = 1000
	DefaultJobsBytes     = 1 << 30
	DefaultResultsBytes  = 256 << 20
	DefaultEventsBytes   = 256 << 20
	DefaultDeadBytes     = 64 << 20
)

// Config says how to reach the broker and how large its streams may become.
type Config struct {
	// URL is one server or several, separated by commas.
	URL string
	// Name identifies the process in the broker's list of connections.
	Name string
	// Log receives the connection's life and every message that was refused.
	Log *logrus.Entry

	// At most one of these says who we are. Each is read again whenever a
	// connection is made, so a rotated secret needs no restart.
	CredentialsFile string // a .creds file: user JWT and seed
	NKeySeedFile    string // an NKey seed
	TokenFile       string // a token

	// CAFile holds the roots to trust for tls:// servers, in PEM.
	CAFile string

	// InProcess, if set, replaces URL: an embedded broker of this process.
	InProcess nats.InProcessConnProvider

	// Flushing is what is known of the server, for Durability.
	Flushing Flushing

	// Limits of the streams and consumers that this process makes.
	Limits Limits

	// Now is the clock that expires_at is compared with; time.Now if nil. A
	// worker whose machine's clock is off gives the database's.
	Now func() time.Time
}

// Limits are the settings of streams and consumers. Zero means the default.
type Limits struct {
	Replicas int // 1 if zero; 3 on a cluster

	// Sizes in bytes. The broker reserves them, so their sum must fit into its
	// JetStream storage. A full SYNC_JOBS refuses new jobs (ErrStreamFull); the
	// others drop their oldest message.
	JobsBytes    int64
	ResultsBytes int64
	EventsBytes  int64
	DeadBytes    int64

	// MaxAckPending is how many jobs of one consumer may be in work at once in
	// the whole fleet.
	MaxAckPending int
}

// withDefaults fills what was left zero.
func (l Limits) withDefaults() Limits {
	orElse := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	orElse(&l.JobsBytes, DefaultJobsBytes)
	orElse(&l.ResultsBytes, DefaultResultsBytes)
	orElse(&l.EventsBytes, DefaultEventsBytes)
	orElse(&l.DeadBytes, DefaultDeadBytes)
	if l.Replicas == 0 {
		l.Replicas = 1
	}
	if l.MaxAckPending == 0 {
		l.MaxAckPending = DefaultMaxAckPending
	}
	return l
}

// Validate names every mistake at once.
func (c Config) Validate() error {
	var wrong []error
	fail := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...))
	}
	if c.URL == "" && c.InProcess == nil {
		fail("the broker's address is missing: set NATS_URL, such as nats://127.0.0.1:4222")
	}
	if c.Log == nil {
		fail("the queue needs a log")
	}
	who := 0
	for _, file := range []string{c.CredentialsFile, c.NKeySeedFile, c.TokenFile} {
		if file != "" {
			who++
		}
	}
	if who > 1 {
		fail("give only one of credentials, NKey seed and token for the broker")
	}
	if l := c.Limits; l.Replicas < 0 || l.Replicas > 5 {
		fail("stream replicas is %d, must be 1 to 5", l.Replicas)
	}
	for name, bytes := range map[string]int64{
		"jobs": c.Limits.JobsBytes, "results": c.Limits.ResultsBytes,
		"events": c.Limits.EventsBytes, "dead": c.Limits.DeadBytes,
	} {
		if bytes < 0 {
			fail("the size of the %s stream is %d bytes, must be positive", name, bytes)
		}
	}
	if c.Limits.MaxAckPending < 0 {
		fail("max ack pending is %d, must be positive", c.Limits.MaxAckPending)
	}
	return errors.Join(wrong...)
}
