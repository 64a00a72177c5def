package exchangetest

import (
	"context"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// soughtOrder is the id of an order that the suite's exchange does not know.
const soughtOrder = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

// rowlessReaders are the calls that answer with something else than a snapshot.
func rowlessReaders(account any, found []reader) []reader {
	var rowless []reader
	if _, ok := account.(exchange.Prober); ok {
		rowless = append(rowless, reader{reading: Probe, scope: "key", read: probe})
	}
	if _, ok := account.(exchange.SubAccountReader); ok {
		rowless = append(rowless, reader{reading: SubAccounts, scope: "master", read: subAccounts})
	}
	_, looksUp := account.(exchange.OpenOrderReader)
	for _, r := range found {
		if r.reading == ClosedOrders && looksUp { // the category of an order is a scope of its history
			return append(rowless, reader{reading: OneOrder, scope: r.scope, read: oneOrder})
		}
	}
	return rowless
}

func probe(ctx context.Context, from any, _ exchange.Scope, _ exchange.Window) result {
	_, fault := from.(exchange.Prober).Probe(ctx)
	return result{complete: fault == nil, err: fault}
}

func subAccounts(ctx context.Context, from any, _ exchange.Scope, _ exchange.Window) result {
	_, fault := from.(exchange.SubAccountReader).SubAccounts(ctx)
	return result{complete: fault == nil, err: fault}
}

// oneOrder takes an order that is found for a row.
func oneOrder(ctx context.Context, from any, scope exchange.Scope, _ exchange.Window) result {
	order, found, fault := from.(exchange.OpenOrderReader).Order(ctx, exchange.Order{Category: string(scope), OrderID: soughtOrder, Symbol: "BTCUSDT"})
	got := result{complete: fault == nil, err: fault}
	if found {
		got.rows = []exchange.Keyed{order}
	}
	return got
}
