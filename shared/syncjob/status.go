package syncjob

// Status is the state of a job.
//
//	            ┌────────── publish ───────────┐
//	            ▼                              │
//	insert → queued ── claim ──▶ running ── retry, release, lost ──▶ waiting
//	            │                   │                                  │
//	            └──────── cancel, skip, exhausted, outcome ────────────┘
//	                                ▼
//	   succeeded · partial · failed · dead · skipped · cancelled
//
// A terminal row never changes again.
type Status string

const (
	// Queued: a worker may claim it. It is in the stream, or on its way there,
	// or (next_at set) about to be published. If the stream forgets it, the
	// sweep publishes it again.
	Queued Status = "queued"
	// Running: one claim works on it until lease_until. Only the holder of that
	// claim can end the attempt; a lease that ends is taken back by the sweep.
	Running Status = "running"
	// Waiting: it is not in the stream and nobody works on it; the sweep
	// publishes it when next_at has come.
	Waiting Status = "waiting"

	// Succeeded: every scope was read to its end and is stored.
	Succeeded Status = "succeeded"
	// Partial: some scopes are stored, some are not, and each of those says why.
	Partial Status = "partial"
	// Failed: nothing is stored and there will be no further attempt.
	Failed Status = "failed"
	// Dead: attempts ran out on a job that no schedule will repeat; it waits in
	// the dead letters for a person.
	Dead Status = "dead"
	// Skipped: a newer read of the same data made it pointless.
	Skipped Status = "skipped"
	// Cancelled: it was ended early, by its run's deadline or by a person.
	Cancelled Status = "cancelled"
)

// Statuses lists all states of a job.
func Statuses() []Status {
	return []Status{Queued, Running, Waiting, Succeeded, Partial, Failed, Dead, Skipped, Cancelled}
}

// Open reports whether a job in this state can still change.
func (s Status) Open() bool { return s == Queued || s == Running || s == Waiting }

// WaitReason says what a waiting job waits for. Only retries count attempts.
type WaitReason string

// What a job may wait for.
const (
	WaitRetry      WaitReason = "retry"      // the next attempt after a counted failure
	WaitSibling    WaitReason = "sibling"    // another job of the same subject and type is running
	WaitSuperseded WaitReason = "superseded" // a newer snapshot was stored; this run wants one newer still
	WaitExchange   WaitReason = "exchange"   // the exchange named a time: rate limit, ban, maintenance
	WaitReleased   WaitReason = "released"   // a worker that shut down gave it back
	WaitLost       WaitReason = "lost"       // its lease ended
	WaitPaused     WaitReason = "paused"     // a pause or a maintenance covers it
	WaitKey        WaitReason = "key"        // the key it used has been replaced
)

// CancelReason says why a job was ended early.
type CancelReason string

// Why jobs are cancelled. Only CancelDeadline makes a run expire.
const (
	CancelDeadline CancelReason = "deadline"
	CancelUser     CancelReason = "cancelled"
	CancelPaused   CancelReason = "paused"
	CancelRemoved  CancelReason = "removed"
	CancelPending  CancelReason = "pending"
)
