package worker

import (
	"errors"
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// delivered counts a message that has come. A message that comes again has waited
// for something else than its turn.
func (q *queueMeasures) delivered(d queue.Delivery) {
	if d.NumDelivered > 1 {
		q.redeliveries.Inc()
		return
	}
	if !d.StoredAt.IsZero() { // the broker's clock, so it may be a little ahead
		q.queueWait.Observe(max(time.Since(d.StoredAt), 0).Seconds())
	}
}

// claimed counts the answer to a claim.
func (q *queueMeasures) claimed(began time.Time, job *ledger.Claimed, r ledger.Refusal, err error) {
	since(q.claim, began)
	switch {
	case err != nil:
		count(q.answers, failedClaim)
	case job != nil:
		count(q.answers, ledger.Mine)
	default:
		count(q.answers, r.Answer)
		q.refused(r)
	}
}

func (q *queueMeasures) refused(r ledger.Refusal) {
	switch r.Answer {
	case ledger.Done, ledger.BusyElsewhere:
		q.dedupes.Inc()
	case ledger.ExhaustedAnswer, ledger.Inactive: // the claim has ended the job
		q.ended(r.Status, r.Class)
	case ledger.Mine, ledger.NotDue, ledger.Busy, ledger.Sibling:
	}
}

// committed counts an outcome that was stored, and what was stored with it; or one
// that was not, because another claim has the job.
func (q *queueMeasures) committed(s ledger.Settled, res result) {
	switch {
	case !s.Holds:
		q.fenced.Inc()
		return
	case !s.Applied:
		return // somebody else has ended it
	}
	class := res.outcome.Class
	if instead := s.Written.Instead; instead != nil {
		class = instead.Class
		q.superseded.Inc()
	}
	q.ended(s.Status, class)
	q.fetched.Add(float64(res.outcome.RowsFetched))
	q.changed.Add(float64(s.Written.Changed))
	q.deleted.Add(float64(s.Written.Deleted))
	q.quarantined.Add(float64(res.quarantined))
}

func (q *queueMeasures) ended(status syncjob.Status, class syncjob.Class) {
	count(q.outcomes, status)
	if class != "" && slices.Contains(syncjob.Classes(), class) {
		q.faults.WithLabelValues(string(status), string(class)).Inc()
	}
}

// abandon counts an attempt that was cancelled from outside.
func (m *measures) abandon(cause error) {
	label := "released"
	switch {
	case errors.Is(cause, errTaken):
		label = "taken"
	case errors.Is(cause, errUnsure):
		label = "unsure"
	}
	m.abandoned.WithLabelValues(label).Inc()
}
