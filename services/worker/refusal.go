package worker

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
)

// retryClaim is the pause before a message whose claim could not be answered
// comes again.
const retryClaim = time.Second

// refused settles a delivery whose job was not to be had.
func (w *Worker) refused(ctx context.Context, d queue.Delivery, r ledger.Refusal, log *logrus.Entry) {
	log = log.WithField("answer", string(r.Answer))
	switch r.Answer {
	case ledger.Busy:
		log.WithField("wait", r.Wait.String()).Debug("another claim works on the job")
		w.nak(d, max(r.Wait, 100*time.Millisecond), log)
		return
	case ledger.Done, ledger.Inactive, ledger.ExhaustedAnswer:
		if r.RunID != "" {
			w.report(ctx, d.Job, r.Claim, r.Status, r.Changed, "", log)
		}
	case ledger.Mine, ledger.NotDue, ledger.BusyElsewhere, ledger.Sibling:
	}
	log.Info("not claimed")
	w.ack(ctx, d, log)
}

func (w *Worker) nak(d queue.Delivery, delay time.Duration, log *logrus.Entry) {
	if err := d.Nak(delay); err != nil {
		log.WithError(err).Debug("the message was not given back; it comes again by itself")
	}
}

// ack ends the message. If the broker does not hear of it, the job comes again
// and its claim answers that it is done.
func (w *Worker) ack(ctx context.Context, d queue.Delivery, log *logrus.Entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := d.Ack(ctx); err != nil {
		log.WithError(err).Debug("the message was not acked; the job comes again and is found done")
	}
}
