package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// maxPage bounds what one reading of a stream's past holds in memory.
const maxPage = 5000

// idleReader is after how long the broker forgets the consumer of a reader that
// died.
const idleReader = 10 * time.Second

// StreamState is how far a stream reaches.
type StreamState struct {
	Created           time.Time // of the stream: sequences mean something only with it
	FirstSeq, LastSeq uint64    // FirstSeq is LastSeq+1 when it is empty
	FirstTime         time.Time // of its oldest message; zero when it is empty
	Messages          uint64
}

// JobsState tells how far SYNC_JOBS reaches. ErrStreamMissing if there is none.
func (q *Queue) JobsState(ctx context.Context) (StreamState, error) {
	return q.streamState(ctx, JobsStream)
}

func (q *Queue) streamState(ctx context.Context, name string) (StreamState, error) {
	ctx, cancel := q.call(ctx)
	defer cancel()
	stream, err := q.js.Stream(ctx, name)
	if err != nil {
		return StreamState{}, fmt.Errorf("reading the state of stream %s: %w", name, apiError(err))
	}
	info := stream.CachedInfo()
	return StreamState{
		Created: streamTime(info.Created), FirstSeq: info.State.FirstSeq, LastSeq: info.State.LastSeq,
		FirstTime: info.State.FirstTime, Messages: info.State.Msgs,
	}, nil
}

// JobsQuery chooses messages of SYNC_JOBS. Zero values choose all.
type JobsQuery struct {
	Exchange  string
	Types     []syncjob.DataType
	SubjectID string
	Since     time.Time // by the broker's clock; ignored if FromSeq is set
	Until     time.Time
	FromSeq   uint64
	ToSeq     uint64 // the last one
	Limit     int    // at most; 0 and above 5,000: 5,000
}

// StoredJob is a message of SYNC_JOBS as the stream still has it.
type StoredJob struct {
	JobID   string
	Subject string
	Seq     uint64
	At      time.Time // when the broker stored it
}

// JobsPage is a part of the stream's past.
type JobsPage struct {
	Jobs    []StoredJob
	Next    uint64    // the sequence to go on from
	End     bool      // nothing that was asked for follows
	Created time.Time // of the stream
}

// StoredJobs reads the messages that are still in SYNC_JOBS, settled ones too,
// oldest first, and disturbs nobody: no consumer moves. It reads the headers
// alone. A job that was published more than once comes more than once.
func (q *Queue) StoredJobs(ctx context.Context, query JobsQuery) (JobsPage, error) {
	subjects, err := query.subjects()
	if err != nil {
		return JobsPage{}, fmt.Errorf("reading stream %s: %w", JobsStream, err)
	}
	state, err := q.JobsState(ctx)
	if err != nil {
		return JobsPage{}, err
	}
	page := JobsPage{Next: max(query.FromSeq, 1), Created: state.Created, End: true}
	if state.Messages == 0 || state.LastSeq < query.FromSeq {
		return page, nil
	}
	past := past{stream: JobsStream, subjects: subjects, from: query.FromSeq, since: query.Since, limit: query.Limit}
	page.End, err = q.readBack(ctx, past, func(msg jetstream.Msg, at *jetstream.MsgMetadata) bool {
		if query.ToSeq > 0 && at.Sequence.Stream > query.ToSeq || !query.Until.IsZero() && !at.Timestamp.Before(query.Until) {
			return false
		}
		page.Next = at.Sequence.Stream + 1
		if id, _, ok := strings.Cut(msg.Headers().Get(nats.MsgIdHdr), ":"); ok && isUUID(id) {
			page.Jobs = append(page.Jobs, StoredJob{
				JobID: id, Subject: msg.Subject(), Seq: at.Sequence.Stream, At: at.Timestamp.UTC(),
			})
		}
		return true
	})
	if err != nil {
		return JobsPage{}, fmt.Errorf("reading stream %s: %w", JobsStream, apiError(err))
	}
	return page, nil
}

// subjects are the filters of a query, one for each type.
func (j JobsQuery) subjects() ([]string, error) {
	exchange, subject := "*", "*"
	if j.Exchange != "" {
		if err := checkTokens("exchange", j.Exchange); err != nil {
			return nil, err
		}
		exchange = j.Exchange
	}
	if j.SubjectID != "" {
		if err := checkID("subject id", j.SubjectID); err != nil {
			return nil, err
		}
		subject = j.SubjectID
	}
	types := []string{"*"}
	if len(j.Types) > 0 {
		types = nil
	}
	for _, t := range j.Types {
		if err := checkTokens("data type", string(t)); err != nil {
			return nil, err
		}
		types = append(types, string(t))
	}
	filters := make([]string, len(types))
	for i, t := range types {
		filters[i] = strings.Join([]string{"sync.job", "*", exchange, "*", t, subject}, ".")
	}
	return filters, nil
}

// DeadJobs lists the jobs that have an obituary in SYNC_DEAD, each once, and
// since when the stream has been complete: its creation, or its oldest message
// if older ones may have been dropped.
func (q *Queue) DeadJobs(ctx context.Context) (ids []string, since time.Time, err error) {
	state, err := q.streamState(ctx, DeadStream)
	if err != nil {
		return nil, time.Time{}, err
	}
	if since = state.Created; state.FirstSeq > 1 && !state.FirstTime.IsZero() {
		since = state.FirstTime
	}
	seen := map[string]bool{}
	next, end := uint64(1), state.Messages == 0
	for !end {
		end, err = q.readBack(ctx, past{stream: DeadStream, from: next}, func(msg jetstream.Msg, at *jetstream.MsgMetadata) bool {
			next = at.Sequence.Stream + 1
			if id := msg.Headers().Get(nats.MsgIdHdr); isUUID(id) && !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
			return true
		})
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("reading stream %s: %w", DeadStream, apiError(err))
		}
	}
	return ids, since, nil
}

// past is what to read of a stream.
type past struct {
	stream   string
	subjects []string
	from     uint64    // 0: since decides
	since    time.Time // zero too: from the beginning
	limit    int
}

func (p past) config() jetstream.ConsumerConfig {
	config := jetstream.ConsumerConfig{
		Description: "AlphaPulse: a reading of the past", FilterSubjects: p.subjects, AckPolicy: jetstream.AckNonePolicy,
		HeadersOnly: true, MemoryStorage: true, Replicas: 1, InactiveThreshold: idleReader,
	}
	switch {
	case p.from > 0:
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, p.from
	case !p.since.IsZero():
		config.DeliverPolicy, config.OptStartTime = jetstream.DeliverByStartTimePolicy, &p.since
	}
	return config
}

// errSilent: the broker did not send what it said that it has.
var errSilent = errors.New("the broker sent nothing of what it holds")

// readBack gives a page of a stream's headers to visit, until that says no. end:
// visit has said so, or nothing follows. The consumer that it needs is its own.
func (q *Queue) readBack(
	ctx context.Context, p past, visit func(jetstream.Msg, *jetstream.MsgMetadata) bool,
) (end bool, err error) {
	ctx, cancel := q.call(ctx)
	defer cancel()
	consumer, err := q.js.CreateConsumer(ctx, p.stream, p.config())
	if err != nil {
		return false, err
	}
	defer q.forget(ctx, p.stream, consumer.CachedInfo().Name)
	limit := p.limit
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	left := consumer.CachedInfo().NumPending
	if left == 0 {
		return true, nil
	}
	batch, err := consumer.Fetch(min(limit, int(min(left, maxPage))), jetstream.FetchMaxWait(callTimeout))
	if err != nil {
		return false, err
	}
	got := 0
	for msg := range batch.Messages() {
		at, err := msg.Metadata()
		if err != nil {
			return false, err
		}
		got, left = got+1, at.NumPending
		if !visit(msg, at) {
			return true, nil
		}
	}
	if err := batch.Error(); err != nil {
		return false, err
	}
	if got == 0 {
		return false, errSilent
	}
	return left == 0, nil
}

// forget removes the consumer of a reading; if that fails the broker does it
// after a while.
func (q *Queue) forget(ctx context.Context, stream, consumer string) {
	if err := q.js.DeleteConsumer(context.WithoutCancel(ctx), stream, consumer); err != nil {
		q.log.WithError(err).Debug("queue: the consumer of a reading was not removed; the broker forgets it")
	}
}
