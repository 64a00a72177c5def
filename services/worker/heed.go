package worker

import (
	"context"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// defaultBan is how long an exchange that names no time refuses an address
// (Bybit: at least ten minutes); defaultMaintenance likewise.
const (
	defaultBan         = 10 * time.Minute
	defaultMaintenance = time.Minute
)

// heed makes known to others what a fault means beyond its job: a ban stops
// every worker of the address, maintenance pauses the market.
func (w *Worker) heed(ctx context.Context, a *attempt, fault *exchange.Error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	var err error
	switch fault.Class {
	case exchange.Banned:
		a.metrics.bans.Inc()
		left := max(untilRetry(fault, time.Now()), time.Second)
		if fault.RetryAt.IsZero() {
			left = defaultBan
		}
		w.bans.note(a.job.MarketID, left)
		err = w.claims.BanEgress(ctx, w.cfg.Egress, a.job.MarketID, faultText(fault), left)
		a.log.WithField("left", left.String()).Error("the exchange refuses this address; every worker of it stops")
	case exchange.Maintenance:
		left := untilRetry(fault, time.Now())
		if fault.RetryAt.IsZero() {
			left = defaultMaintenance
		}
		err = w.claims.PauseMarket(ctx, a.job.MarketID, left, w.cfg.Name)
		a.log.WithField("left", left.String()).Warn("the exchange is in maintenance; its market is paused")
	}
	if err != nil {
		a.log.WithError(err).Warn("it could not be made known to other workers")
	}
}
