package exchangetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// reader is one scope of one reading.
type reader struct {
	reading Reading
	scope   exchange.Scope
	// history is nil for what has no windows.
	history *exchange.History
	public  bool
	// read takes the adapter's result: of Account, or of Market if public.
	read func(ctx context.Context, from any, scope exchange.Scope, window exchange.Window) result
}

func (r reader) String() string { return string(r.reading) + " of " + string(r.scope) }

// rowless are the readings that give no snapshot.
func (r reader) rowless() bool {
	return r.reading == Probe || r.reading == OneOrder || r.reading == SubAccounts
}

// readersOf finds what the adapter's results can read.
func readersOf(x Exchange, account, market any) ([]reader, error) {
	found := accountReaders(account)
	found = append(found, historyReaders(account)...)
	found = append(found, marketReaders(market)...)
	candles, err := candleReaders(x, market)
	found = append(found, candles...)
	return append(found, rowlessReaders(account, found)...), err
}

func accountReaders(account any) []reader {
	var found []reader
	if r, ok := account.(exchange.BalanceReader); ok {
		found = append(found, snapshots(Balances, r.BalanceScopes(), exchange.BalanceReader.Balances)...)
	}
	if r, ok := account.(exchange.PositionReader); ok {
		found = append(found, snapshots(Positions, r.PositionScopes(), exchange.PositionReader.Positions)...)
	}
	if r, ok := account.(exchange.OpenOrderReader); ok {
		found = append(found, snapshots(OpenOrders, r.OpenOrderScopes(), exchange.OpenOrderReader.OpenOrders)...)
	}
	return found
}

func historyReaders(account any) []reader {
	var found []reader
	if r, ok := account.(exchange.ClosedOrderReader); ok {
		found = append(found, windowed(ClosedOrders, r.ClosedOrderHistories(), exchange.ClosedOrderReader.ClosedOrders)...)
	}
	if r, ok := account.(exchange.FillReader); ok {
		found = append(found, windowed(Fills, r.FillHistories(), exchange.FillReader.Fills)...)
	}
	if r, ok := account.(exchange.LedgerReader); ok {
		found = append(found, windowed(Ledger, r.LedgerHistories(), exchange.LedgerReader.LedgerEntries)...)
	}
	if r, ok := account.(exchange.ClosedPnLReader); ok {
		found = append(found, windowed(ClosedPnL, r.ClosedPnLHistories(), exchange.ClosedPnLReader.ClosedPnL)...)
	}
	return found
}

func marketReaders(market any) []reader {
	var found []reader
	if r, ok := market.(exchange.PriceReader); ok {
		found = append(found, snapshots(Prices, r.PriceScopes(), exchange.PriceReader.Prices)...)
	}
	if r, ok := market.(exchange.InstrumentReader); ok {
		found = append(found, snapshots(Instruments, r.InstrumentScopes(), exchange.InstrumentReader.Instruments)...)
	}
	for i := range found {
		found[i].public = true
	}
	return found
}

func candleReaders(x Exchange, market any) ([]reader, error) {
	r, ok := market.(exchange.CandleReader)
	if !ok {
		return nil, nil
	}
	if len(x.Series) == 0 {
		return nil, errors.New("the adapter reads candles, and Exchange.Series names none")
	}
	var found []reader
	var faults []error
	for _, series := range x.Series {
		history, fault := r.CandleHistory(series)
		if fault != nil {
			faults = append(faults, fmt.Errorf("candles of %s: %w", series.Scope(), fault))
			continue
		}
		read := func(ctx context.Context, from any, scope exchange.Scope, window exchange.Window) result {
			asked := series
			if scope != series.Scope() {
				asked.Interval = string(scope)
			}
			return flatten(from.(exchange.CandleReader).Candles(ctx, asked, window))
		}
		found = append(found, reader{reading: Candles, scope: series.Scope(), history: &history, public: true, read: read})
	}
	return found, errors.Join(faults...)
}

func snapshots[R any, T exchange.Keyed](reading Reading, scopes []exchange.Scope, read func(R, context.Context, exchange.Scope) exchange.Snapshot[T]) []reader {
	found := make([]reader, len(scopes))
	for i, scope := range scopes {
		found[i] = reader{reading: reading, scope: scope, read: func(ctx context.Context, from any, scope exchange.Scope, _ exchange.Window) result {
			return flatten(read(from.(R), ctx, scope))
		}}
	}
	return found
}

func windowed[R any, T exchange.Keyed](reading Reading, histories []exchange.History, read func(R, context.Context, exchange.Scope, exchange.Window) exchange.Snapshot[T]) []reader {
	found := make([]reader, len(histories))
	for i, history := range histories {
		found[i] = reader{reading: reading, scope: history.Scope, history: &history, read: func(ctx context.Context, from any, scope exchange.Scope, window exchange.Window) result {
			return flatten(read(from.(R), ctx, scope, window))
		}}
	}
	return found
}
