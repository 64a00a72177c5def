package queue

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// headerStream carries the creation time of the stream that a job message was sent
// to, in RFC 3339. If the stream is replaced while the message is on its way, it is
// the old one's, which no stream will ever have again: a pair of it and the sequence
// then stands for no message, and never for another one.
const headerStream = "Alphapulse-Stream"

// streamOf reads it; zero if there is none, or what is no time.
func streamOf(msg *nats.Msg) time.Time {
	created, err := time.Parse(time.RFC3339Nano, msg.Header.Get(headerStream))
	if err != nil {
		return time.Time{}
	}
	return streamTime(created)
}

// incarnation is the creation time of SYNC_JOBS as last seen. A stream that is
// deleted and made again counts its sequences from 1, so a sequence means
// something only together with it.
type incarnation struct {
	mu      sync.Mutex
	created time.Time
}

// last is the creation time seen last, zero if none was since the connection
// was made.
func (i *incarnation) last() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.created
}

func (i *incarnation) saw(created time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.created = created
}

// streamCreated asks the broker when SYNC_JOBS was made and remembers it.
func (q *Queue) streamCreated(ctx context.Context) (time.Time, error) {
	ctx, cancel := q.call(ctx)
	defer cancel()
	stream, err := q.js.Stream(ctx, JobsStream)
	if err != nil {
		return time.Time{}, apiError(err)
	}
	created := streamTime(stream.CachedInfo().Created)
	q.jobs.saw(created)
	return created, nil
}

// streamTime cuts to what a timestamptz column keeps.
func streamTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
