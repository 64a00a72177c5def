package world

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	manualEvery   = 400 * time.Millisecond
	backfillEvery = 3 * time.Second
	tradeEvery    = 250 * time.Millisecond
)

// load is what people and the market do all the time: they ask for syncs and
// backfills, and trade. What fails while the database is away is asked for again
// by the next tick; nobody waits for an answer.
func (w *World) load(ctx context.Context) {
	random := rand.New(rand.NewPCG(uint64(w.cfg.Seed), 1)) //nolint:gosec // repeatable, not secret
	manual, backfill, trade := time.NewTicker(manualEvery), time.NewTicker(backfillEvery), time.NewTicker(tradeEvery)
	defer manual.Stop()
	defer backfill.Stop()
	defer trade.Stop()
	for {
		account := w.Innocent(random)
		select {
		case <-ctx.Done():
			return
		case <-manual.C:
			_, _, _ = w.Ledger.StartManual(ctx, account.ID, syncjob.Requestable())
		case <-backfill.C:
			_, _ = w.Ledger.StartBackfill(ctx, ledger.BackfillRequest{
				AccountID: account.ID, Types: syncjob.Histories(), Since: w.began,
			})
		case <-trade.C:
			w.trade(account, random)
		}
	}
}

// trade changes an account on the exchange: a balance that is set anew.
func (w *World) trade(account ledger.Account, random *rand.Rand) {
	amounts := []string{"0.000000012345", "1.5", "123456789012.5", "0.1", "42"}
	_, _ = w.Exchange.SetBalance(account.ExchangeUID, "USDT", amounts[random.IntN(len(amounts))])
}
