package worker

import (
	"context"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
)

// Instruments are a snapshot of what each scope of a market lists. Columns by
// field of Bybit's instruments-info:
//
//	status           from status; exchange_status as sent
//	base_asset       baseCoin       quote_asset   quoteCoin
//	settle_asset     settleCoin     contract_type contractType
//	option_type      optionsType    tick_size     priceFilter.tickSize
//	quantity_step    lotSizeFilter.qtyStep, for spot basePrecision
//	min_quantity     lotSizeFilter.minOrderQty, max_quantity maxOrderQty
//	min_notional     lotSizeFilter.minNotionalValue, for spot minOrderAmt
//	contract_value   of contract_asset: 1 base coin; for inverse 1 USD
//	min_leverage, max_leverage  leverageFilter
//	funding_minutes  fundingInterval
//	launched_at      launchTime     delivers_at   deliveryTime
//
// A symbol that is absent from a complete walk is no longer listed.
func instrumentsTable() snapshot.Table {
	return snapshot.Table{
		Name: "instruments", Subject: "market_id", Scope: "scope", NoHistory: true,
		Key: []snapshot.Column{{Name: "category", Type: "text"}, {Name: "symbol", Type: "text"}},
		Compared: []snapshot.Column{
			{Name: "status", Type: "text"},
			{Name: "exchange_status", Type: "text"},
			{Name: "base_asset", Type: "text"},
			{Name: "quote_asset", Type: "text"},
			{Name: "settle_asset", Type: "text"},
			{Name: "contract_type", Type: "text"},
			{Name: "option_type", Type: "text"},
			{Name: "tick_size", Type: "numeric"},
			{Name: "quantity_step", Type: "numeric"},
			{Name: "min_quantity", Type: "numeric"},
			{Name: "max_quantity", Type: "numeric"},
			{Name: "min_notional", Type: "numeric"},
			{Name: "contract_value", Type: "numeric"},
			{Name: "contract_asset", Type: "text"},
			{Name: "min_leverage", Type: "numeric"},
			{Name: "max_leverage", Type: "numeric"},
			{Name: "funding_minutes", Type: "numeric"},
			{Name: "launched_at", Type: "timestamptz"},
			{Name: "delivers_at", Type: "timestamptz"},
		},
	}
}

func instrumentValues(i exchange.Instrument) []string {
	return []string{
		i.Category, i.Symbol,
		i.Status, i.ExchangeStatus, i.BaseAsset, i.QuoteAsset, i.SettleAsset, i.ContractType, i.OptionType,
		string(i.TickSize), string(i.QuantityStep), string(i.MinQuantity), string(i.MaxQuantity),
		string(i.MinNotional), string(i.ContractValue), i.ContractAsset, string(i.MinLeverage), string(i.MaxLeverage),
		string(i.FundingMinutes), timeText(i.LaunchedAt), timeText(i.DeliversAt),
	}
}

type instrumentsReader struct{ writer *snapshot.Writer }

func newInstrumentsReader() reader {
	return &instrumentsReader{writer: snapshot.NewWriter(instrumentsTable())}
}

func (r *instrumentsReader) read(ctx context.Context, a *attempt) reading {
	source, fault := serveMarket[exchange.InstrumentReader](a)
	if fault != nil {
		return reading{fault: fault}
	}
	var got reading
	for _, scope := range source.InstrumentScopes() {
		p := readScope(ctx, a, r.writer, scope, source.Instruments, instrumentValues)
		if !got.add(p, a.job.LastAttempt()) {
			break
		}
	}
	return got
}
