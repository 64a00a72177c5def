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
const purgeTimeout = 5 * time.Minute

const (
	// purgeStep is how many sequences one request goes through at least. While the broker
	// removes messages the stream stands still, 4 us for each message with nats-server
	// 2.15.2: a whole stream of 1 GB would neither take nor deliver a job for ten seconds.
	purgeStep = 25_000
	// purgeSteps is into how many steps a stream is divided at most: each begins at the
	// first message that is left.
	purgeSteps = 32
	// purgeRest is how long the broker is left alone after a step, in times of the step.
	purgeRest = 2
)

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
	if err := purgeConsumers(ctx, stream, before.State.FirstSeq); err != nil {
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

// settled are the messages of a consumer that it will not deliver again.
type settled struct {
	consumer Consumer
	below    uint64 // sequence
}

// purgeConsumers removes what is settled, step by step from the first message on.
func purgeConsumers(ctx context.Context, stream jetstream.Stream, first uint64) error {
	all, end, err := listSettled(ctx, stream)
	if err != nil || end <= first {
		return err
	}
	step := max(purgeStep, (end-first)/purgeSteps)
	for from := first; from < end; from += step {
		for _, s := range all {
			if s.below <= from {
				continue
			}
			if err := s.purge(ctx, stream, min(s.below, from+step)); err != nil {
				return err
			}
		}
	}
	return nil
}

// listSettled gives also the highest sequence below which anything is settled.
func listSettled(ctx context.Context, stream jetstream.Stream) (all []settled, end uint64, err error) {
	listed := stream.ListConsumers(ctx)
	for info := range listed.Info() {
		consumer, err := ParseConsumer(info.Name)
		if err != nil || info.AckFloor.Stream == 0 {
			continue
		}
		all = append(all, settled{consumer: consumer, below: info.AckFloor.Stream + 1})
		end = max(end, info.AckFloor.Stream+1)
	}
	return all, end, listed.Err()
}

// purge removes the consumer's messages below a sequence, and then leaves the broker
// time for others.
func (s settled) purge(ctx context.Context, stream jetstream.Stream, below uint64) error {
	began := time.Now()
	err := stream.Purge(ctx, jetstream.WithPurgeSubject(s.consumer.Filter()), jetstream.WithPurgeSequence(below))
	if err != nil {
		return fmt.Errorf("messages of %s: %w", s.consumer, err)
	}
	rest := time.NewTimer(purgeRest * time.Since(began))
	defer rest.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-rest.C:
		return nil
	}
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
