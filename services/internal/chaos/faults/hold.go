package faults

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// endpoints are where each type's first request goes.
func endpoints() map[syncjob.DataType]string {
	return map[syncjob.DataType]string{
		syncjob.Balances: "/v5/account/wallet-balance", syncjob.Positions: "/v5/position/list",
		syncjob.Orders: "/v5/order/realtime", syncjob.Fills: "/v5/execution/list",
	}
}

// holdAJob keeps a live job of a type and a random account in flight: the exchange
// does not answer it until release is called. At most one such job runs at a time,
// so the one that runs when a request is held is the one that is held.
func holdAJob(
	ctx context.Context, w *world.World, random *rand.Rand, dataType syncjob.DataType,
) (job world.Claim, release func(), err error) {
	account := w.Innocent(random)
	hold, err := w.Exchange.Hold(exchangesim.Hold{
		UID: account.ExchangeUID, Endpoint: endpoints()[dataType], Stage: exchangesim.StageRequest,
	})
	if err != nil {
		return job, nil, fmt.Errorf("holding %s: %w", dataType, err)
	}
	release = func() { w.Exchange.Release(hold) }
	if err := w.Exchange.AwaitHeld(ctx, hold, 1); err != nil {
		release()
		return job, nil, fmt.Errorf("holding a job of %s of %s: %w", dataType, account.Name, err)
	}
	job, err = w.Running(ctx, account.ID, dataType)
	if err != nil {
		release()
	}
	return job, release, err
}
