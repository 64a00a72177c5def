package syncjob

// Trigger says why a run exists.
type Trigger string

// The triggers. Manual and Initial runs can be joined; no other can.
const (
	Schedule        Trigger = "schedule"
	Manual          Trigger = "manual"
	Initial         Trigger = "initial"
	TriggerBackfill Trigger = "backfill"
	Replay          Trigger = "replay"
	Repair          Trigger = "repair"
	TriggerProbe    Trigger = "probe"
	// TriggerVerify reads and compares, and writes nothing but what differs.
	TriggerVerify Trigger = "verify"
)

// Triggers lists all of them.
func Triggers() []Trigger {
	return []Trigger{Schedule, Manual, Initial, TriggerBackfill, Replay, Repair, TriggerProbe, TriggerVerify}
}

// Compares reports whether a run of this trigger must always compare rows with
// the table, even if a content hash says that nothing changed, and must not be
// satisfied by data older than its own reading.
func (t Trigger) Compares() bool { return t != Schedule && t != TriggerProbe }

// RunStatus is the state of a run. A run is RunRunning from its creation until
// every job is terminal; the fold then decides which of the others it becomes,
// and it never changes again.
type RunStatus string

// The states of a run.
const (
	// RunRunning: at least one job is open, or the fold has not come yet.
	RunRunning RunStatus = "running"
	// RunSucceeded: every job succeeded, or was skipped for newer data.
	RunSucceeded RunStatus = "succeeded"
	// RunPartial: some data was stored and some was not.
	RunPartial RunStatus = "partial"
	// RunFailed: no job stored anything.
	RunFailed RunStatus = "failed"
	// RunCancelled: every job was cancelled.
	RunCancelled RunStatus = "cancelled"
	// RunExpired: the deadline cancelled at least one job.
	RunExpired RunStatus = "expired"
)

// RunStatuses lists all states of a run.
func RunStatuses() []RunStatus {
	return []RunStatus{RunRunning, RunSucceeded, RunPartial, RunFailed, RunCancelled, RunExpired}
}

// Ended is what the fold needs to know of one job.
type Ended struct {
	Status Status
	Cancel CancelReason // set when Status is Cancelled
}

// Fold gives the status of a run from the outcomes of its jobs. It reads
// nothing else and no clock, and the order of the jobs does not matter, so any
// number of aggregators come to the same answer. While a job is open, or
// without jobs, the answer is RunRunning.
func Fold(jobs []Ended) RunStatus {
	var good, stored, cancelled, expired int
	for _, job := range jobs {
		switch job.Status {
		case Succeeded, Skipped:
			good++
			stored++
		case Partial:
			stored++
		case Cancelled:
			cancelled++
			if job.Cancel == CancelDeadline {
				expired++
			}
		case Failed, Dead:
		default:
			return RunRunning
		}
	}
	switch {
	case len(jobs) == 0:
		return RunRunning
	case expired > 0:
		return RunExpired
	case cancelled == len(jobs):
		return RunCancelled
	case good == len(jobs):
		return RunSucceeded
	case stored == 0:
		return RunFailed
	default:
		return RunPartial
	}
}
