package queue

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// resultsConsumer is shared by all aggregators: each result goes to one.
const resultsConsumer = "aggregator"

// Numbers of the results' consumer. A result that cannot be handled is given
// up after a while, because the aggregator's sweep folds the run anyway.
const (
	resultsAckWait  = 30 * time.Second
	resultsDeliver  = 10
	resultsPending  = 4096
	resultsBatch    = 256
	resultsMaxWait  = 30 * time.Second
	resultsNakDelay = time.Second
)

// ensureResultsConsumer starts a new consumer at the end: the results of
// before are in the tables, and the sweep reads those.
func (q *Queue) ensureResultsConsumer(ctx context.Context) error {
	call, cancel := q.call(ctx)
	defer cancel()
	_, err := q.js.Consumer(call, ResultsStream, resultsConsumer)
	if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return err
	}
	_, err = q.createConsumer(ctx, ResultsStream, jetstream.ConsumerConfig{
		Durable:       resultsConsumer,
		Description:   "AlphaPulse: results to fold into runs",
		DeliverPolicy: jetstream.DeliverNewPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       resultsAckWait,
		MaxDeliver:    resultsDeliver,
		MaxAckPending: resultsPending,
		MaxWaiting:    maxWaiting,
	})
	return err
}

// ResultDelivery is a result in the hands of an aggregator, until it is settled.
type ResultDelivery struct {
	Result ResultMessage
	reply  reply
}

// Results calls take for each result, one after the other, until ctx ends. It
// survives every outage of the broker, waiting for stream and consumer to be there
// again. The results are shared with every other call in any process.
//
// take owns the delivery and settles it. While it blocks no further result is
// taken: so it bounds how many are in hand.
func (q *Queue) Results(ctx context.Context, take func(ResultDelivery)) {
	p := q.puller(ResultsStream, resultsConsumer)
	for ctx.Err() == nil {
		p.pull(ctx, resultsBatch, resultsMaxWait, func(msg *nats.Msg) bool {
			answer := q.reply(msg)
			result, err := readResult(msg)
			if err != nil {
				q.refuse(answer, msg, err)
				return true
			}
			take(ResultDelivery{Result: result, reply: answer})
			return true
		})
	}
}

// Settle ends a result that was handled: err is nil. With an error it comes again a
// second later, to anyone; after ten tries it is given up.
func (d ResultDelivery) Settle(err error) {
	entry := d.reply.q.log.WithFields(map[string]any{"job_id": d.Result.JobID, "run_id": d.Result.RunID})
	if err != nil {
		entry.WithError(err).Warn("queue: a result was not handled; it comes again")
		if err := d.reply.nak(resultsNakDelay); err != nil {
			entry.WithError(err).Warn("queue: cannot give a result back; it comes again later")
		}
		return
	}
	if err := d.reply.ack(); err != nil {
		entry.WithError(err).Warn("queue: cannot ack a result; it comes again")
	}
}

// readResult decodes a result and compares it with where it was published.
func readResult(msg *nats.Msg) (ResultMessage, error) {
	result, err := decodeResult(msg.Data)
	if err != nil {
		return ResultMessage{}, err
	}
	subject, err := ResultSubject(result.Exchange, result.DataType, result.Subject)
	if err != nil {
		return ResultMessage{}, err
	}
	result.Trace = traceContextOf(msg)
	return result, sameSubject(msg.Subject, subject)
}
