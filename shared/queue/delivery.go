package queue

import (
	"context"
	"fmt"
	"time"
)

// Delivery is a job message in the hands of a worker. Until it is settled
// (Ack or Nak) the broker delivers it again when AckWait has passed since the
// delivery or the last InProgress. Settling it after that, or after the broker
// lost its state, does no harm.
type Delivery struct {
	Job JobMessage
	// Seq is the message's sequence in SYNC_JOBS. Whether two deliveries are of
	// the same message is told by Job.Publishes as well, which survives a
	// stream that was replaced.
	Seq uint64
	// StreamCreated is the creation time of the stream that the message was sent to,
	// to be stored with Seq; zero if the message does not say.
	StreamCreated time.Time
	// NumDelivered counts the deliveries of this message as the broker
	// remembers them. It forgets; attempts are counted in the table.
	NumDelivered uint64
	// StoredAt is when the broker stored the message, by its clock.
	StoredAt time.Time

	reply reply
}

// Ack ends the message and waits until the broker has noted it. An error means
// that the job may come again, where its claim will answer "done".
func (d Delivery) Ack(ctx context.Context) error {
	if err := d.reply.ackSync(ctx); err != nil {
		return fmt.Errorf("acking job %s: %w", d.Job.JobID, apiError(err))
	}
	return nil
}

// Nak gives the message back, to be delivered again, to anyone, after delay;
// at once if delay is not positive. Until then it takes a place of the
// consumer's MaxAckPending, so long waits belong in the table.
func (d Delivery) Nak(delay time.Duration) error {
	if err := d.reply.nak(delay); err != nil {
		return fmt.Errorf("giving job %s back: %w", d.Job.JobID, apiError(err))
	}
	return nil
}

// InProgress restarts AckWait. It is not answered: nil says that it was sent.
func (d Delivery) InProgress() error {
	if err := d.reply.inProgress(); err != nil {
		return fmt.Errorf("prolonging the delivery of job %s: %w", d.Job.JobID, apiError(err))
	}
	return nil
}
