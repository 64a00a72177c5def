package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// replayed is how many of the newest messages are sent once more.
const replayed = 200

// messageFaults are messages that nobody of ours has sent, or not now.
func messageFaults() []*Fault {
	fault := func(name, does string, send sender) *Fault {
		return &Fault{Name: "messages_" + name, Does: does, On: everywhere(), Within: afterAKill, inject: sendMessages(send)}
	}
	return []*Fault{
		fault("forged", "messages that are no jobs, of unknown jobs, and of a type that no worker knows", forge),
		fault("duplicated", "the newest jobs and results are published again", again(func([]*nats.Msg) {})),
		fault("reordered", "the newest jobs and results are published again, the last one first", again(slices.Reverse[[]*nats.Msg])),
	}
}

type sender func(ctx context.Context, js jetstream.JetStream, random *rand.Rand) (sent int, err error)

func sendMessages(send sender) injector {
	return func(ctx context.Context, w *world.World, random *rand.Rand) (*Strike, error) {
		js, closeConn, err := w.JetStream()
		if err != nil {
			return nil, err
		}
		defer closeConn()
		jobs, err := w.AwaitInFlight(ctx, "")
		if err != nil {
			return nil, err
		}
		at := time.Now()
		sent, err := send(ctx, js, random)
		if err != nil {
			return nil, err
		}
		return &Strike{At: at, Jobs: jobs, Note: fmt.Sprintf("%d messages", sent), Verify: settledMessages(w)}, nil
	}
}

// settledMessages demands that no message goes round and round: whatever was
// delivered twenty times is neither worked on nor settled.
func settledMessages(w *world.World) func(context.Context) error {
	return func(ctx context.Context) error {
		js, closeConn, err := w.JetStream()
		if err != nil {
			return err
		}
		defer closeConn()
		stream, err := js.Stream(ctx, queue.JobsStream)
		if err != nil {
			return err
		}
		for info := range stream.ListConsumers(ctx).Info() {
			if info.NumRedelivered > 20 {
				return fmt.Errorf("consumer %s delivers %d messages again and again", info.Name, info.NumRedelivered)
			}
		}
		return nil
	}
}

// forge sends what nobody of ours would.
func forge(ctx context.Context, js jetstream.JetStream, _ *rand.Rand) (int, error) {
	subject := func(dataType string) string {
		return "sync.job.live.bybit.testnet." + dataType + "." + uuid.NewString()
	}
	genuine, err := newest(ctx, js, queue.JobsStream, 1)
	if err != nil {
		return 0, err
	}
	unknown := nats.NewMsg(subject("balances"))
	unknown.Data, unknown.Header = genuine[0].Data, genuine[0].Header
	cut := nats.NewMsg(genuine[0].Subject)
	cut.Data = genuine[0].Data[:len(genuine[0].Data)/2]
	forged := []*nats.Msg{
		{Subject: subject("balances"), Data: []byte("this is no job")},
		{Subject: subject("positions")},
		{Subject: subject("orders"), Data: make([]byte, 64<<10)},
		{Subject: subject("novel"), Data: genuine[0].Data},
		{Subject: "sync.job.live.bybit", Data: genuine[0].Data},
		{Subject: "sync.result.bybit.balances." + uuid.NewString(), Data: []byte("nor is this a result")},
		unknown, cut,
	}
	for _, m := range forged {
		if _, err := js.PublishMsg(ctx, m); err != nil {
			return 0, fmt.Errorf("publishing to %s: %w", m.Subject, err)
		}
	}
	return len(forged), nil
}

// again publishes the newest messages of both streams once more, in another order
// if arrange says so, and without the ids by which the broker would know them.
func again(arrange func([]*nats.Msg)) sender {
	return func(ctx context.Context, js jetstream.JetStream, _ *rand.Rand) (int, error) {
		sent := 0
		for _, stream := range []string{queue.JobsStream, queue.ResultsStream} {
			messages, err := newest(ctx, js, stream, replayed)
			if err != nil {
				return sent, err
			}
			arrange(messages)
			for _, m := range messages {
				m.Header.Del(jetstream.MsgIDHeader)
				if _, err := js.PublishMsg(ctx, m); err != nil {
					return sent, fmt.Errorf("publishing to %s again: %w", m.Subject, err)
				}
				sent++
			}
		}
		return sent, nil
	}
}

// newest reads the last messages of a stream, oldest first.
func newest(ctx context.Context, js jetstream.JetStream, name string, most uint64) ([]*nats.Msg, error) {
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("reading stream %s: %w", name, err)
	}
	last := stream.CachedInfo().State.LastSeq
	var messages []*nats.Msg
	for seq := last; seq > 0 && last-seq < most; seq-- {
		raw, err := stream.GetMsg(ctx, seq)
		if err != nil {
			break // the stream begins later
		}
		messages = append(messages, &nats.Msg{Subject: raw.Subject, Data: raw.Data, Header: raw.Header})
	}
	if len(messages) == 0 {
		return nil, fmt.Errorf("stream %s is empty", name)
	}
	slices.Reverse(messages)
	return messages, nil
}
