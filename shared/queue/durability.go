package queue

import (
	"context"
	"fmt"
	"time"
)

// quorumCopies is from how many copies on a confirmed message is on the disks of
// servers that do not share a power supply's fate one by one.
const quorumCopies = 3

// Flushing is when a server writes to its disk what it has confirmed. Clients are
// not told; the monitoring endpoint /varz and an embedded server are asked.
type Flushing struct {
	Known    bool
	Always   bool          // before it confirms
	Interval time.Duration // otherwise at most this much later
}

// Durability is what becomes of a message that the broker has confirmed.
type Durability struct {
	Copies   int // of SYNC_JOBS
	Flushing Flushing
}

// Survives reports whether a confirmed message outlives the power loss of one
// server, as far as that is known. Either way no job is lost: the tables say what
// has to be published again.
func (d Durability) Survives() (yes, known bool) {
	yes = d.Copies >= quorumCopies || d.Flushing.Always
	return yes, yes || d.Flushing.Known
}

// String says so for people.
func (d Durability) String() string {
	const again = "; the scheduler publishes again what is lost"
	switch {
	case d.Copies >= quorumCopies:
		return fmt.Sprintf("confirmed messages survive the power loss of one server: %s has %d copies", JobsStream, d.Copies)
	case d.Flushing.Always:
		return "confirmed messages survive a power loss: the server writes each to its disk first (sync_interval: always)"
	case d.Flushing.Known:
		return fmt.Sprintf("a power loss takes confirmed messages of the last %s, and may take a whole stream: %s has %s, "+
			"and the server writes to its disk every %[1]s%[4]s", d.Flushing.Interval, JobsStream, copies(d.Copies), again)
	default:
		return fmt.Sprintf("a power loss may take confirmed messages: %s has %s, and whether the server writes each to its "+
			"disk first (sync_interval: always) is not shown to clients%s", JobsStream, copies(d.Copies), again)
	}
}

func copies(n int) string {
	if n == 1 {
		return "one copy"
	}
	return fmt.Sprintf("%d copies", n)
}

// Durability asks how many copies of the jobs' stream there are.
func (q *Queue) Durability(ctx context.Context) (Durability, error) {
	ctx, cancel := q.call(ctx)
	defer cancel()
	stream, err := q.js.Stream(ctx, JobsStream)
	if err != nil {
		return Durability{}, fmt.Errorf("asking for the copies of %s: %w", JobsStream, apiError(err))
	}
	return Durability{Copies: max(stream.CachedInfo().Config.Replicas, 1), Flushing: q.flushing}, nil
}

// DurabilityNote is Durability in words, for /readyz.
func (q *Queue) DurabilityNote(ctx context.Context) (string, error) {
	d, err := q.Durability(ctx)
	return d.String(), err
}
