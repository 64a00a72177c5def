// Package failpoint names the places in the walk of a job where a test can end
// or disturb the process. A binary built without the tag "failpoints" has none
// of it: Hit does nothing there, and nothing reads the environment.
//
// With the tag, a point is armed by a file of its name in the directory that
// Variable names, or of its name and a label ("worker.after_commit@orders"). The
// file's text is the [Action]. The process that meets the point first takes the
// file away, by a rename that only one can win, and does what it says; what it
// leaves, "<name>.hit.<pid>", is the evidence that the fault has struck. An
// action that begins with "always " strikes everybody and stays.
package failpoint

import (
	"strings"
	"time"
)

// Variable of the environment that names the directory.
const Variable = "FAILPOINTS_DIR"

// Point is a place in the walk of a job.
type Point string

// The points, in the order of the walk. Labels are the data type and, where it
// is known, the account's name.
const (
	SchedulerPlanned   Point = "scheduler.planned"   // runs and jobs are committed, none is published
	SchedulerTaken     Point = "scheduler.taken"     // publishes is raised, nothing is sent
	SchedulerPublished Point = "scheduler.published" // sent and confirmed by the broker, no receipt is stored
	SchedulerConfirmed Point = "scheduler.confirmed" // the receipts are stored

	WorkerDelivered Point = "worker.delivered" // before the claim
	WorkerClaimed   Point = "worker.claimed"   // the claim is committed, nothing is read
	WorkerReading   Point = "worker.reading"   // inside the attempt, before its first request
	WorkerRead      Point = "worker.read"      // everything is read, nothing is stored
	WorkerWritten   Point = "worker.written"   // outcome and rows are in the transaction, before its COMMIT
	WorkerCommitted Point = "worker.committed" // before the report
	WorkerReported  Point = "worker.reported"  // before the ack
	WorkerAcked     Point = "worker.acked"     // after it
	WorkerDraining  Point = "worker.draining"  // an attempt is given back at a stop

	AggregatorReceived  Point = "aggregator.received"  // a result is here, the run is not folded
	AggregatorFolded    Point = "aggregator.folded"    // the run's end is committed, nobody is told
	AggregatorAnnounced Point = "aggregator.announced" // told, and not marked as told
)

// Points are all of them.
func Points() []Point {
	return []Point{
		SchedulerPlanned, SchedulerTaken, SchedulerPublished, SchedulerConfirmed,
		WorkerDelivered, WorkerClaimed, WorkerReading, WorkerRead, WorkerWritten, WorkerCommitted, WorkerReported,
		WorkerAcked, WorkerDraining, AggregatorReceived, AggregatorFolded, AggregatorAnnounced,
	}
}

// Action is what happens at an armed point.
type Action string

// The actions.
const (
	Kill   Action = "kill"   // SIGKILL to itself
	Stop   Action = "stop"   // SIGSTOP to itself; it goes on with SIGCONT
	Exit   Action = "exit"   // os.Exit(3)
	Panic  Action = "panic"  // a panic in the goroutine that met the point
	Hang   Action = "hang"   // a loop that ignores its context
	Memory Action = "memory" // memory is taken until the runtime gives up
)

// Jump is the action that moves the process's wall clock, as a clock that is set
// by hand does. Only a build with the tag clockjump can.
func Jump(d time.Duration) Action { return Action("jump " + d.String()) }

// jump is how far an action of Jump moves the clock.
func (a Action) jump() (time.Duration, bool) {
	text, ok := strings.CutPrefix(string(a), "jump ")
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}
