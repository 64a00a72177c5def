package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// Options are listed by base coin: one whose base is not asked for would never be
// found. So what is held counts beside what is listed.
func TestOptionBasesThatAreHeldAreAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	market := b.value(`SELECT id::text FROM alphapulse.markets`)
	b.exec(`
INSERT INTO alphapulse.positions (account_id, category, symbol, position_idx, scope, side, size, run_id, as_of, observed_at)
VALUES ($1, 'option', 'SOL-26DEC25-200-C', 0, 'option', 'long', 1, $1, clock_timestamp(), clock_timestamp()),
       ($1, 'linear', 'ETHUSDT', 0, 'linear:USDT', 'long', 1, $1, clock_timestamp(), clock_timestamp())`, b.account)
	listed, err := newCatalog(b.db).of(t.Context(), market)
	require.NoError(t, err)
	require.Equal(t, []string{"SOL"}, listed.optionBases)
}

// barDesk serves bars of nothing and notes what it was asked for.
type barDesk struct {
	exchange.PriceReader
	asked []exchange.Window
}

func (d *barDesk) CandleHistory(series exchange.Series) (exchange.History, *exchange.Error) {
	return exchange.History{Scope: series.Scope(), Window: 52 * week, Lag: 0}, nil
}

func (d *barDesk) Candles(_ context.Context, series exchange.Series, w exchange.Window) exchange.Snapshot[exchange.Candle] {
	d.asked = append(d.asked, w)
	return exchange.Snapshot[exchange.Candle]{Scope: series.Scope(), AsOf: time.Now(), Complete: true}
}

// A beginning that was moved back is read from there, and nothing twice.
func TestASeriesThatWasMovedBackIsReadFromThere(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	stored := exchange.Window{From: now.Add(-24 * time.Hour), To: now.Add(-time.Hour)}
	series := configuredSeries{
		Series: exchange.Series{Category: "spot", Symbol: "BTCUSDT", Interval: "60"}, Since: now.Add(-48 * time.Hour),
	}
	known := map[string]knownHistory{string(series.Scope()): {watermark: stored.To, covered: []exchange.Window{stored}}}
	d := &barDesk{}
	a := &attempt{
		job:   &ledger.Claimed{DataType: syncjob.Candles, Lane: syncjob.Live, Timeout: time.Minute},
		clock: exchange.NewClock(), held: newHeldRows(), claimedAt: now,
	}
	p := newCandlesReader().(*candlesReader).series(t.Context(), a, d, series, known)
	require.Nil(t, p.fault)
	require.Len(t, d.asked, 2)
	require.Equal(t, exchange.Window{From: series.Since, To: stored.From}, d.asked[0])
	require.Equal(t, stored.To, d.asked[1].From)
}
