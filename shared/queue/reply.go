package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// reply settles one message of a consumer with JetStream's acknowledgement
// protocol: a body published to the message's reply subject, which any
// connection may do. So a delivery outlives the pull and the connection it
// came through.
type reply struct {
	q  *Queue
	to string
}

func (q *Queue) reply(msg *nats.Msg) reply { return reply{q: q, to: msg.Reply} }

// ack is not answered: nil says that it was sent.
func (r reply) ack() error { return r.q.nc.Publish(r.to, []byte("+ACK")) }

// ackSync waits until the broker has noted the ack.
func (r reply) ackSync(ctx context.Context) error {
	ctx, cancel := r.q.call(ctx)
	defer cancel()
	_, err := r.q.nc.RequestWithContext(ctx, r.to, []byte("+ACK"))
	return err
}

func (r reply) nak(delay time.Duration) error {
	if delay <= 0 {
		return r.q.nc.Publish(r.to, []byte("-NAK"))
	}
	return r.q.nc.Publish(r.to, fmt.Appendf(nil, `-NAK {"delay": %d}`, delay.Nanoseconds()))
}

func (r reply) inProgress() error { return r.q.nc.Publish(r.to, []byte("+WPI")) }

// term ends a message for good; the broker puts the reason into an advisory.
func (r reply) term(reason string) error {
	reason = strings.Map(func(c rune) rune {
		if c < ' ' {
			return ' '
		}
		return c
	}, clip(reason))
	return r.q.nc.Publish(r.to, []byte("+TERM "+reason))
}
