package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// DuplicateWindow is how long the broker remembers message ids. It absorbs a
// publish whose answer was lost; nothing else may rely on it.
const DuplicateWindow = 2 * time.Minute

// How long messages are kept. For jobs it is how far back a replay can reach.
const (
	jobsAge    = 7 * 24 * time.Hour
	resultsAge = 7 * 24 * time.Hour
	eventsAge  = 7 * 24 * time.Hour
	deadAge    = 30 * 24 * time.Hour
)

// StreamAction is what EnsureStreams did to a stream.
type StreamAction string

// What EnsureStreams can do.
const (
	StreamUnchanged StreamAction = "unchanged"
	StreamCreated   StreamAction = "created"
	StreamUpdated   StreamAction = "updated"
)

// StreamChange tells what EnsureStreams found and did.
type StreamChange struct {
	Stream string
	Action StreamAction
	// Updated names the settings that were changed, as "max bytes 1 -> 2".
	Updated []string
	// Kept names settings that differ and were left alone, because changing
	// them would lose messages or is not possible; a person has to decide.
	Kept []string
}

// streamConfigs is what the streams should be. SYNC_JOBS refuses new messages
// when full, since evicting the oldest would drop work unseen; the others only
// announce what the tables say and drop their oldest.
func (l Limits) streamConfigs() []jetstream.StreamConfig {
	stream := func(name string, bytes int64, age time.Duration, discard jetstream.DiscardPolicy, about string, subjects ...string) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: name, Description: about, Subjects: subjects,
			Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Discard: discard,
			MaxAge: age, MaxBytes: bytes, Duplicates: DuplicateWindow, Replicas: l.Replicas,
			MaxConsumers: -1, MaxMsgs: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1,
		}
	}
	return []jetstream.StreamConfig{
		stream(JobsStream, l.JobsBytes, jobsAge, jetstream.DiscardNew, "AlphaPulse: sync jobs for workers", "sync.job.>"),
		stream(ResultsStream, l.ResultsBytes, resultsAge, jetstream.DiscardOld, "AlphaPulse: results for the aggregator", "sync.result.>"),
		stream(EventsStream, l.EventsBytes, eventsAge, jetstream.DiscardOld, "AlphaPulse: runs that ended and data that changed", "sync.run.>", "sync.data.>"),
		stream(DeadStream, l.DeadBytes, deadAge, jetstream.DiscardOld, "AlphaPulse: jobs that nothing will repeat", "sync.dead.>"),
	}
}

// EnsureStreams makes the four streams and the aggregator's consumer where
// they are missing and brings back settings that drifted, as far as that loses
// nothing. It may be called at any time, by any number of processes at once;
// a stream that another one makes meanwhile is taken as found. The changes
// are complete for the streams that could be asked about, also when an error
// is returned for others.
func (q *Queue) EnsureStreams(ctx context.Context) ([]StreamChange, error) {
	var changes []StreamChange
	var failed []error
	for _, want := range q.limits.streamConfigs() {
		change, err := q.ensureStream(ctx, want)
		if err != nil {
			failed = append(failed, fmt.Errorf("ensuring stream %s: %w", want.Name, apiError(err)))
			continue
		}
		changes = append(changes, change)
		q.logStream(change)
	}
	if len(failed) == 0 {
		if err := q.ensureResultsConsumer(ctx); err != nil {
			failed = append(failed, fmt.Errorf("ensuring consumer %s of %s: %w", resultsConsumer, ResultsStream, apiError(err)))
		}
	}
	return changes, errors.Join(failed...)
}

func (q *Queue) ensureStream(ctx context.Context, want jetstream.StreamConfig) (StreamChange, error) {
	ctx, cancel := q.call(ctx)
	defer cancel()
	stream, err := q.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = q.js.CreateStream(ctx, want)
		if err == nil {
			return StreamChange{Stream: want.Name, Action: StreamCreated}, nil
		}
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return StreamChange{}, explainStorage(err, want)
		}
		// Somebody with other settings was faster; his are judged like any drift.
		stream, err = q.js.Stream(ctx, want.Name)
	}
	if err != nil {
		return StreamChange{}, err
	}
	return q.bringBack(ctx, stream.CachedInfo(), want)
}

// bringBack updates a stream that exists. Only settings that this package
// decides are touched; what an operator added, such as placement, stays.
func (q *Queue) bringBack(ctx context.Context, info *jetstream.StreamInfo, want jetstream.StreamConfig) (StreamChange, error) {
	next, change := drift(info, want)
	if len(change.Updated) == 0 {
		return change, nil
	}
	if _, err := q.js.UpdateStream(ctx, next); err != nil {
		return StreamChange{}, fmt.Errorf("changing %s: %w", strings.Join(change.Updated, ", "), explainStorage(err, want))
	}
	change.Action = StreamUpdated
	return change, nil
}

// drift compares a stream with what it should be and gives the settings to
// update it with.
func drift(info *jetstream.StreamInfo, want jetstream.StreamConfig) (jetstream.StreamConfig, StreamChange) {
	next, have := info.Config, info.Config
	change := StreamChange{Stream: want.Name, Action: StreamUnchanged}
	updated := func(name string, from, to any) {
		change.Updated = append(change.Updated, fmt.Sprintf("%s %v -> %v", name, from, to))
	}
	kept := func(name string, is, should any, why string) {
		change.Kept = append(change.Kept, fmt.Sprintf("%s is %v, should be %v: %s", name, is, should, why))
	}
	if missing := without(want.Subjects, have.Subjects); len(missing) > 0 {
		next.Subjects = slices.Concat(have.Subjects, missing)
		updated("subjects", have.Subjects, next.Subjects)
	}
	if have.MaxAge != want.MaxAge {
		next.MaxAge = want.MaxAge
		updated("max age", have.MaxAge, want.MaxAge)
	}
	if have.Discard != want.Discard {
		next.Discard = want.Discard
		updated("discard", have.Discard, want.Discard)
	}
	if have.Duplicates != want.Duplicates {
		next.Duplicates = want.Duplicates
		updated("duplicate window", have.Duplicates, want.Duplicates)
	}
	if have.Replicas != want.Replicas {
		next.Replicas = want.Replicas
		updated("replicas", have.Replicas, want.Replicas)
	}
	switch used := info.State.Bytes; {
	case have.MaxBytes == want.MaxBytes:
	case uint64(want.MaxBytes) < used:
		kept("max bytes", have.MaxBytes, want.MaxBytes, fmt.Sprintf("%d bytes are in use", used))
	default:
		next.MaxBytes = want.MaxBytes
		updated("max bytes", have.MaxBytes, want.MaxBytes)
	}
	if have.Retention != want.Retention {
		kept("retention", have.Retention, want.Retention, "it would drop messages")
	}
	if have.Storage != want.Storage {
		kept("storage", have.Storage, want.Storage, "it cannot be changed; the stream would have to be made anew")
	}
	return next, change
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// explainStorage adds the next step to the broker's refusal to reserve space.
func explainStorage(err error, want jetstream.StreamConfig) error {
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == codeStorageExceeded {
		return fmt.Errorf("%w: the broker cannot reserve %d bytes for it: give JetStream more storage (max_file_store) or the stream less", err, want.MaxBytes)
	}
	return err
}

func (q *Queue) logStream(change StreamChange) {
	entry := q.log.WithField("stream", change.Stream)
	switch change.Action {
	case StreamCreated:
		entry.Info("queue: stream created")
	case StreamUpdated:
		entry.WithField("updated", change.Updated).Info("queue: stream settings brought back")
	case StreamUnchanged:
	}
	if len(change.Kept) > 0 {
		entry.WithField("kept", change.Kept).Warn("queue: stream settings differ and were left alone")
	}
}
