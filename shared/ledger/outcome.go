package ledger

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Outcome is how an attempt ended. Status is Succeeded, Partial, Failed, Dead,
// Skipped or Waiting; the fields below Waiting are for that one alone.
type Outcome struct {
	Status  syncjob.Status
	Class   syncjob.Class // why it is not Succeeded
	Code    string
	Message string

	Wait    syncjob.WaitReason
	After   time.Duration
	Counted bool // whether the attempt that waits is used up

	RowsFetched int64
	Requests    int64
	AsOf        time.Time // the oldest scope stored; zero if none was
}

// Written is what a Write did.
type Written struct {
	Changed int64
	Deleted int64
	// Instead replaces the outcome: a snapshot that was superseded does not end
	// as it was meant to. Nil keeps it.
	Instead *Outcome
}

// Write writes the rows of a job within the transaction of its outcome, which
// is already recorded and fenced. It may run more than once, each time in a
// transaction of its own, of which at most one commits; it must not do I/O
// outside tx.
type Write func(ctx context.Context, tx pgx.Tx) (Written, error)

// Settled says what became of a claim.
type Settled struct {
	// Holds is false if another claim has the job: then neither ack nor nak,
	// because both would hit the successor's delivery.
	Holds bool
	// Applied is true if this claim's outcome is the one in the table.
	Applied bool
	Status  syncjob.Status
	Written Written
}

// failed reports whether the outcome is one that sync_attempts records.
func (o Outcome) failed() bool {
	switch o.Status {
	case syncjob.Failed, syncjob.Dead:
		return true
	case syncjob.Waiting:
		return o.Class != ""
	default:
		return false
	}
}
