package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
)

// purgeAt is the part of SYNC_JOBS's size at which settled messages are removed
// before their time, in percent.
const purgeAt = 80

// purgeTimeout bounds a purge, which reads its way through the stream.
const purgeTimeout = time.Minute

// Purge tells what PurgeSettled did. Without Needed it only carries the sizes.
type Purge struct {
	Needed           bool
	Removed          uint64 // messages
	BytesBefore      uint64
	BytesAfter       uint64
	MaxBytes         int64
	OldestBefore     time.Time // of the oldest message, zero if there was none
	OldestAfter      time.Time
	ReachLost        time.Duration // by how much the replay from the stream got shorter
	StillAboveLimits bool          // what is left is unsettled: workers are behind, or the stream is too small
}

// PurgeSettled makes room in SYNC_JOBS once it is 80 % full, because a full
// stream refuses new jobs. For each consumer it removes the messages of its
// own filter up to its own ack floor, never one that is not settled. What is
// removed cannot be replayed from the stream any more.
func (q *Queue) PurgeSettled(ctx context.Context) (Purge, error) {
	ctx, cancel := q.callWithin(ctx, purgeTimeout)
	defer cancel()
	stream, err := q.js.Stream(ctx, JobsStream)
	if err != nil {
		return Purge{}, fmt.Errorf("purging stream %s: %w", JobsStream, apiError(err))
	}
	before := stream.CachedInfo()
	report := Purge{BytesBefore: before.State.Bytes, MaxBytes: before.Config.MaxBytes, OldestBefore: before.State.FirstTime}
	if report.Needed = nearlyFull(before); !report.Needed {
		report.BytesAfter, report.OldestAfter = report.BytesBefore, report.OldestBefore
		return report, nil
	}
	if err := purgeConsumers(ctx, stream); err != nil {
		return report, fmt.Errorf("purging stream %s: %w", JobsStream, apiError(err))
	}
	after, err := stream.Info(ctx)
	if err != nil {
		return report, fmt.Errorf("purging stream %s: reading what is left: %w", JobsStream, apiError(err))
	}
	report.conclude(before, after)
	q.logPurge(report)
	return report, nil
}

func nearlyFull(info *jetstream.StreamInfo) bool {
	size := info.Config.MaxBytes
	return size > 0 && info.State.Bytes >= uint64(size)/100*purgeAt
}

func purgeConsumers(ctx context.Context, stream jetstream.Stream) error {
	listed := stream.ListConsumers(ctx)
	for info := range listed.Info() {
		consumer, err := ParseConsumer(info.Name)
		if err != nil || info.AckFloor.Stream == 0 {
			continue
		}
		err = stream.Purge(ctx,
			jetstream.WithPurgeSubject(consumer.Filter()),
			jetstream.WithPurgeSequence(info.AckFloor.Stream+1)) // up to, and without
		if err != nil {
			return fmt.Errorf("messages of %s: %w", consumer, err)
		}
	}
	return listed.Err()
}

func (p *Purge) conclude(before, after *jetstream.StreamInfo) {
	p.BytesAfter, p.OldestAfter = after.State.Bytes, after.State.FirstTime
	if after.State.Msgs < before.State.Msgs {
		p.Removed = before.State.Msgs - after.State.Msgs
	}
	p.StillAboveLimits = nearlyFull(after)
	reach := p.OldestAfter
	if after.State.Msgs == 0 {
		reach = after.TimeStamp
		p.OldestAfter = time.Time{}
	}
	p.ReachLost = max(0, reach.Sub(p.OldestBefore))
}

func (q *Queue) logPurge(p Purge) {
	entry := q.log.WithFields(logrus.Fields{
		"stream": JobsStream, "removed": p.Removed, "bytes_before": p.BytesBefore, "bytes_after": p.BytesAfter,
		"max_bytes": p.MaxBytes, "oldest": p.OldestAfter, "reach_lost": p.ReachLost.String(),
	})
	if p.Removed > 0 {
		entry.Warn("queue: settled jobs removed early, because the stream is nearly full; the replay from it reaches back less")
	}
	if p.StillAboveLimits && p.Removed > 0 {
		entry.Error("queue: the stream is nearly full of unsettled jobs; add workers or raise its size")
	}
}
