package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"
)

// Numbers of a pull.
const (
	pullExpires   = 30 * time.Second // the longest single request
	pullHeartbeat = 2 * time.Second  // the broker's sign of life while nothing comes
	pullGrace     = time.Second      // for its "request timeout" after the end of a request
	maxBatch      = 512              // messages of a single request
	drainTimeout  = 2 * time.Second  // for messages on their way when taking stops
)

// puller takes messages of one durable consumer with JetStream's pull protocol
// (NATS ADR-13) on a plain subscription of its own for each request.
//
// The client's own Fetch is not used because, when its context ends, it drops
// the messages it has received and the ones on their way; they would be lost
// to everyone until AckWait.
type puller struct {
	q                *Queue
	stream, consumer string
	log              *logrus.Entry

	mu      sync.Mutex
	trouble error // what the log was last told, nil when all is well
}

func (q *Queue) puller(stream, consumer string) *puller {
	return &puller{
		q: q, stream: stream, consumer: consumer,
		log: q.log.WithFields(logrus.Fields{"stream": stream, "consumer": consumer}),
	}
}

// pull calls take for messages as they come until it has returned true n
// times, maxWait has passed or ctx has ended, and returns that number. A fault
// is waited out. Messages that arrive after ctx has ended are given back.
func (p *puller) pull(ctx context.Context, n int, maxWait time.Duration, take func(*nats.Msg) bool) int {
	end := time.Now().Add(maxWait)
	retry := newBackoff()
	taken := 0
	for taken < n && ctx.Err() == nil {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		got, err := p.request(ctx, min(n-taken, maxBatch), min(left, pullExpires), take)
		taken += got
		if err == nil || got > 0 {
			retry.reset()
		}
		if p.note(err); err != nil {
			p.pause(ctx, retry, end)
		}
	}
	return taken
}

// pause before the next request: until the connection is back, and then some,
// so that a consumer that is missing is not asked for without end.
func (p *puller) pause(ctx context.Context, retry *backoff, end time.Time) {
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	p.q.link.await(ctx, pullExpires)
	retry.wait(ctx)
}

// request is one pull request: at most n messages within wait. It returns nil
// when the request has been served or its time is over.
func (p *puller) request(ctx context.Context, n int, wait time.Duration, take func(*nats.Msg) bool) (int, error) {
	lost := p.q.link.down()
	// Room for every message and for the status messages that may come while
	// take runs; what does not fit would be dropped.
	arrived := make(chan *nats.Msg, n+64)
	inbox := p.q.nc.NewInbox()
	sub, err := p.q.nc.ChanSubscribe(inbox, arrived)
	if err != nil {
		return 0, apiError(err)
	}
	r := &inflight{puller: p, sub: sub, arrived: arrived, take: take, open: n}
	body, heartbeat := requestBody(n, wait)
	if err := p.q.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+p.stream+"."+p.consumer, inbox, body); err != nil {
		_ = sub.Unsubscribe() // fails only on a closed connection
		return 0, apiError(err)
	}
	err = r.run(ctx, lost, wait, heartbeat)
	r.finish(ctx)
	return r.taken, err
}

// requestBody asks for n messages within wait. A request of a few seconds does
// without heartbeats: its end is sign of life enough.
func requestBody(n int, wait time.Duration) ([]byte, time.Duration) {
	request := map[string]int64{"batch": int64(n), "expires": int64(wait)}
	var heartbeat time.Duration
	if wait > 2*pullHeartbeat {
		heartbeat = pullHeartbeat
		request["idle_heartbeat"] = int64(heartbeat)
	}
	body, _ := json.Marshal(request) // a map of numbers cannot fail
	return body, heartbeat
}

// note logs when a consumer becomes unavailable and when it is back, not every
// try in between.
func (p *puller) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil && p.trouble != nil:
		p.trouble = nil
		p.log.Info("queue: taking messages again")
	case err != nil && !sameTrouble(p.trouble, err):
		p.trouble = err
		p.log.WithError(err).Warn("queue: cannot take messages, trying again")
	}
}

// sameTrouble compares what the log would say: the texts of one outage differ.
func sameTrouble(a, b error) bool {
	if a == nil {
		return false
	}
	for _, kind := range []error{ErrUnreachable, ErrConsumerMissing} {
		if errors.Is(a, kind) && errors.Is(b, kind) {
			return true
		}
	}
	return a.Error() == b.Error()
}

// inflight is a request that the broker is serving.
type inflight struct {
	*puller
	sub     *nats.Subscription
	arrived chan *nats.Msg
	take    func(*nats.Msg) bool
	open    int // messages that may still come
	taken   int
	over    bool // the broker has said that no more will come
}

// run hands messages over until the request is over.
func (r *inflight) run(ctx context.Context, lost <-chan struct{}, wait, heartbeat time.Duration) error {
	overdue := time.NewTimer(wait + pullGrace)
	defer overdue.Stop()
	silence := time.NewTimer(silenceLimit(wait, heartbeat))
	defer silence.Stop()
	for r.open > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-lost:
			return fmt.Errorf("%w: the connection was lost", ErrUnreachable)
		case <-overdue.C:
			return nil
		case <-silence.C:
			return fmt.Errorf("%w: no heartbeat for %v", ErrUnreachable, 2*heartbeat)
		case msg := <-r.arrived:
			silence.Reset(silenceLimit(wait, heartbeat))
			if err := r.receive(ctx, msg); err != nil || r.over {
				return err
			}
		}
	}
	return nil
}

// silenceLimit is two heartbeats missed, or never if none were asked for.
func silenceLimit(wait, heartbeat time.Duration) time.Duration {
	if heartbeat == 0 {
		return wait + 2*pullGrace
	}
	return 2 * heartbeat
}

// receive is one message of the broker: a job, or word about the request.
func (r *inflight) receive(ctx context.Context, msg *nats.Msg) error {
	if isStatus(msg) {
		over, err := readStatus(msg.Header.Get("Status"), msg.Header.Get("Description"))
		r.over = r.over || over
		return err
	}
	r.open--
	if ctx.Err() != nil {
		r.giveBack(msg)
		return nil
	}
	if r.take(msg) {
		r.taken++
	}
	return nil
}

// giveBack makes the broker deliver a message to somebody else at once.
func (r *inflight) giveBack(msg *nats.Msg) {
	r.q.counts.returned.Add(1)
	if err := r.q.reply(msg).nak(0); err != nil {
		r.log.WithError(err).Warn("queue: cannot give a message back; it comes again after its ack wait")
	}
}

// finish withdraws what is left of the request. Everything that the broker
// sent before it knew is still handed over, or given back if ctx has ended.
func (r *inflight) finish(ctx context.Context) {
	if r.open == 0 || r.over {
		_ = r.sub.Unsubscribe() // fails only on a closed connection
	} else {
		r.drain()
	}
	for {
		select {
		case msg := <-r.arrived:
			if !isStatus(msg) {
				_ = r.receive(ctx, msg) // errors come of status messages only
			}
		default:
			return
		}
	}
}

// isStatus tells word about a request from a message of the stream.
func isStatus(msg *nats.Msg) bool { return msg.Header.Get("Status") != "" && len(msg.Data) == 0 }

// drain tells the broker that nobody listens any more and waits until it has
// heard: every message sent before is in the channel then. A message that the
// broker sends afterwards finds no listener, which makes it deliver that
// message to somebody else at once.
func (r *inflight) drain() {
	closed := r.sub.StatusChanged(nats.SubscriptionClosed)
	if err := r.sub.Drain(); err != nil {
		return
	}
	limit := time.NewTimer(drainTimeout)
	defer limit.Stop()
	select {
	case <-closed:
	case <-limit.C:
		_ = r.sub.Unsubscribe()
	}
}

// readStatus reads the broker's word about a request: whether the request is
// over, and an error if it ended for another reason than its time or a
// fulfilled batch.
func readStatus(status, description string) (over bool, err error) {
	switch status {
	case "100": // heartbeat
		return false, nil
	case "404", "408": // nothing there, time is over
		return true, nil
	case "503":
		return true, fmt.Errorf("%w, or JetStream is starting: the scheduler creates it", ErrConsumerMissing)
	default:
		return true, errors.New("the broker ended the request: " + clip(description))
	}
}
