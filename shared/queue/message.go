package queue

import (
	"fmt"
	"strconv"
	"time"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// JobMessage asks a worker to claim a job. The row of the job is the truth;
// this is only its address. It carries no secrets and no amounts.
type JobMessage struct {
	JobID       string
	RunID       string
	Publishes   int // how often the job has been published, this time included; at least 1
	Subject     syncjob.Subject
	Exchange    string
	Environment string
	DataType    syncjob.DataType
	Lane        syncjob.Lane
	ExpiresAt   time.Time // the run's deadline; a message taken later is dropped
	Trace       TraceContext
}

// Consumer is the queue that the job goes through.
func (m JobMessage) Consumer() Consumer {
	return Consumer{Exchange: m.Exchange, Environment: m.Environment, DataType: m.DataType, Lane: m.Lane}
}

// MessageID is the broker's dedupe key, <job id>:<publishes>. Publishing the
// same job again on purpose raises publishes, so the dedupe window never
// swallows a retry.
func (m JobMessage) MessageID() string { return m.JobID + ":" + strconv.Itoa(m.Publishes) }

// Validate reports what is missing or malformed.
func (m JobMessage) Validate() error {
	if err := checkIDs("job_id", m.JobID, "run_id", m.RunID); err != nil {
		return err
	}
	if err := checkSubject(m.Subject); err != nil {
		return err
	}
	if m.Publishes < 1 {
		return fmt.Errorf("%w: publishes is %d, must be at least 1", ErrInvalid, m.Publishes)
	}
	if m.ExpiresAt.IsZero() {
		return fmt.Errorf("%w: expires_at is missing", ErrInvalid)
	}
	return m.Consumer().Validate()
}

// ResultMessage says that an outcome of a job has been committed.
type ResultMessage struct {
	JobID       string
	RunID       string
	Claim       string // the claim that did the work; empty if the job ended without one
	Status      syncjob.Status
	Exchange    string
	DataType    syncjob.DataType
	Subject     syncjob.Subject
	RowsChanged int64
	ErrorClass  syncjob.Class // empty if there was none
	FinishedAt  time.Time
	Trace       TraceContext
}

// MessageID is <job id>:<claim>, so each claim reports once per dedupe window.
// Without a claim it is <job id>:<status>.
func (m ResultMessage) MessageID() string {
	if m.Claim == "" {
		return m.JobID + ":" + string(m.Status)
	}
	return m.JobID + ":" + m.Claim
}

// Validate reports what is missing or malformed.
func (m ResultMessage) Validate() error {
	if err := checkIDs("job_id", m.JobID, "run_id", m.RunID); err != nil {
		return err
	}
	if m.Claim != "" {
		if err := checkID("claim", m.Claim); err != nil {
			return err
		}
	}
	if err := checkSubject(m.Subject); err != nil {
		return err
	}
	return checkTokens("exchange", m.Exchange, "data type", string(m.DataType), "status", string(m.Status))
}

// RunEvent announces the end of a run. Its message id is the run's id.
type RunEvent struct {
	RunID                             string
	Subject                           syncjob.Subject
	Status                            syncjob.RunStatus
	Trigger                           syncjob.Trigger
	Total, Succeeded, Partial, Failed int
	Dead, Skipped, Cancelled          int
	RowsChanged                       int64
	StartedAt, FinishedAt             time.Time
	Trace                             TraceContext
}

// DataEvent announces changed rows. Its message id is the job's id.
type DataEvent struct {
	JobID       string
	RunID       string
	DataType    syncjob.DataType
	Subject     syncjob.Subject
	AsOf        time.Time // the exchange's clock
	RowsChanged int64
	RowsDeleted int64
	Trace       TraceContext
}

// DeadJob announces a job that nothing will repeat by itself. Its message id is
// the job's id.
type DeadJob struct {
	JobID       string
	RunID       string
	Exchange    string
	Environment string
	DataType    syncjob.DataType
	Lane        syncjob.Lane
	Subject     syncjob.Subject
	Attempts    int
	ErrorClass  syncjob.Class
	ErrorCode   string
	Reason      string // for a person, already redacted
	DiedAt      time.Time
	Trace       TraceContext
}

// checkIDs takes pairs of a field's name and its value.
func checkIDs(named ...string) error {
	for i := 0; i < len(named); i += 2 {
		if err := checkID(named[i], named[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func checkSubject(s syncjob.Subject) error {
	if s.Kind != syncjob.Account && s.Kind != syncjob.Market {
		return fmt.Errorf("%w: subject kind %q is neither account nor market", ErrInvalid, clip(string(s.Kind)))
	}
	return checkID("subject id", s.ID)
}
