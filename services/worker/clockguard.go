package worker

import (
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

const (
	// datedTolerance is how far a response may be dated from when it must have
	// been made.
	datedTolerance = 5 * time.Second
	// offsetTolerance is how far the exchange's clock, as measured, may be from
	// the database's. An offset beyond it is a fault of one of the clocks and is
	// not believed: everything that is stored would be dated by it.
	offsetTolerance = time.Minute
)

// checkDates refuses a reading whose responses are dated wrongly: before the
// claim or after now, by the database's clock and the measured offset, by more
// than the tolerance. A snapshot dated tomorrow would otherwise supersede every
// true one until then.
func (a *attempt) checkDates(r *reading) *exchange.Error {
	offset, _ := a.clock.Offset() // the exchange's clock less ours
	ours := time.Since(a.claimedAt)
	skew := a.claimedAt.Add(offset).Sub(a.job.ClaimedAt) // the exchange's clock less the database's
	if skew.Abs() > offsetTolerance {
		return &exchange.Error{Class: exchange.ClockSkew, Message: fmt.Sprintf(
			"the exchange's clock is %s from the database's; check the clocks of both (`alphapulse doctor`)",
			skew.Round(time.Millisecond))}
	}
	earliest := a.claimedAt.Add(offset - datedTolerance)
	latest := a.claimedAt.Add(ours + offset + datedTolerance)
	for _, p := range r.parts {
		if p.asOf.IsZero() || (p.asOf.After(earliest) && p.asOf.Before(latest)) {
			continue
		}
		return &exchange.Error{Class: exchange.ClockSkew, Message: fmt.Sprintf(
			"scope %s: the response is dated %s, which is %s from the time it was made; it is not stored",
			p.scope, p.asOf.UTC().Format(time.RFC3339Nano), p.asOf.Sub(a.claimedAt.Add(offset)).Round(time.Millisecond))}
	}
	return nil
}
