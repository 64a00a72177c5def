package queue

import (
	"fmt"
	"strings"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// The streams.
const (
	JobsStream    = "SYNC_JOBS"
	ResultsStream = "SYNC_RESULTS"
	EventsStream  = "SYNC_EVENTS"
	DeadStream    = "SYNC_DEAD"
)

// maxToken bounds a word of a subject, so that a consumer's name stays below
// the length that file systems allow for the directory the broker makes of it.
const maxToken = 32

// Consumer names one queue of jobs: one durable pull consumer, shared by every
// worker that serves this exchange, environment, data type and lane.
type Consumer struct {
	Exchange    string
	Environment string
	DataType    syncjob.DataType
	Lane        syncjob.Lane
}

// Name is <exchange>-<environment>-<data_type>-<lane>: what `nats consumer
// info SYNC_JOBS` and KEDA's scaler are given.
func (c Consumer) Name() string {
	return strings.Join([]string{c.Exchange, c.Environment, string(c.DataType), string(c.Lane)}, "-")
}

// String is Name.
func (c Consumer) String() string { return c.Name() }

// Filter is the subject of the jobs that this consumer delivers.
func (c Consumer) Filter() string {
	return strings.Join([]string{"sync.job", string(c.Lane), c.Exchange, c.Environment, string(c.DataType), ">"}, ".")
}

// Validate reports whether every part can be a word of a subject.
func (c Consumer) Validate() error {
	return checkTokens(
		"exchange", c.Exchange, "environment", c.Environment,
		"data type", string(c.DataType), "lane", string(c.Lane))
}

// ParseConsumer is the inverse of Name.
func ParseConsumer(name string) (Consumer, error) {
	words := strings.Split(name, "-")
	if len(words) != 4 {
		return Consumer{}, fmt.Errorf("%w: consumer %q is not <exchange>-<environment>-<data_type>-<lane>", ErrInvalid, name)
	}
	c := Consumer{
		Exchange: words[0], Environment: words[1],
		DataType: syncjob.DataType(words[2]), Lane: syncjob.Lane(words[3]),
	}
	return c, c.Validate()
}

// JobSubject is where a job is published.
func JobSubject(c Consumer, subject syncjob.Subject) (string, error) {
	if err := c.Validate(); err != nil {
		return "", err
	}
	if err := checkID("subject id", subject.ID); err != nil {
		return "", err
	}
	return strings.TrimSuffix(c.Filter(), ">") + subject.ID, nil
}

// ResultSubject is where the result of a job is published.
func ResultSubject(exchange string, dataType syncjob.DataType, subject syncjob.Subject) (string, error) {
	return announcement("sync.result", subject, "exchange", exchange, "data type", string(dataType))
}

// RunSubject is where the end of a run is announced.
func RunSubject(status syncjob.RunStatus, subject syncjob.Subject) (string, error) {
	return announcement("sync.run", subject, "status", string(status))
}

// DataSubject is where changed rows are announced.
func DataSubject(dataType syncjob.DataType, subject syncjob.Subject) (string, error) {
	return announcement("sync.data", subject, "data type", string(dataType))
}

// DeadSubject is where a dead job is announced.
func DeadSubject(exchange string, dataType syncjob.DataType, subject syncjob.Subject) (string, error) {
	return announcement("sync.dead", subject, "exchange", exchange, "data type", string(dataType))
}

// announcement joins a prefix, the named words and a subject's id.
func announcement(prefix string, subject syncjob.Subject, named ...string) (string, error) {
	if err := checkTokens(named...); err != nil {
		return "", err
	}
	if err := checkID("subject id", subject.ID); err != nil {
		return "", err
	}
	words := []string{prefix}
	for i := 1; i < len(named); i += 2 {
		words = append(words, named[i])
	}
	return strings.Join(append(words, subject.ID), "."), nil
}

// checkTokens takes pairs of a field's name and its value.
func checkTokens(named ...string) error {
	for i := 0; i < len(named); i += 2 {
		if !isToken(named[i+1]) {
			return fmt.Errorf("%w: %s %q must be 1 to %d of a-z, 0-9 and _", ErrInvalid, named[i], clip(named[i+1]), maxToken)
		}
	}
	return nil
}

// isToken excludes dots, spaces and wildcards, which would change what a
// subject means, and the dash that separates the words of a consumer's name.
func isToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return true
}

// checkID accepts a UUID in the form in which Postgres writes it.
func checkID(field, id string) error {
	if !isUUID(id) {
		return fmt.Errorf("%w: %s %q is not a lower-case UUID", ErrInvalid, field, clip(id))
	}
	return nil
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}

// clip bounds what of foreign input reaches an error or a log.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
