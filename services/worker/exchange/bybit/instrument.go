package bybit

import (
	"encoding/json"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// instrumentRow is one instrument.
//
//	status          see instrumentStatus; exchange_status is status as sent
//	base_asset      baseCoin, quote_asset quoteCoin, settle_asset settleCoin; spot
//	                has no settle coin
//	contract_type   contractType, option_type optionsType: the exchange's words
//	tick_size       priceFilter.tickSize
//	quantity_step   lotSizeFilter.qtyStep; of spot basePrecision
//	min_quantity    minOrderQty, max_quantity maxOrderQty
//	min_notional    minNotionalValue; of spot minOrderAmt
//	contract_value  1, of contract_asset: an inverse contract is one USD, what
//	                else is traded is counted in the base coin
//	min_leverage    leverageFilter.minLeverage, max_leverage maxLeverage
//	funding_minutes fundingInterval; perpetuals only
//	launched_at     launchTime, delivers_at deliveryTime; perpetuals send "0"
type instrumentRow struct {
	Status       text
	BaseCoin     text
	QuoteCoin    text
	SettleCoin   text
	ContractType text
	OptionsType  text
	Price        priceFilter
	Lot          lotFilter
	Leverage     leverageFilter
	Funding      amount
	Launch       millis
	Delivery     millis
}

func (r *instrumentRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "status":
		return &r.Status
	case "baseCoin":
		return &r.BaseCoin
	case "quoteCoin":
		return &r.QuoteCoin
	case "settleCoin":
		return &r.SettleCoin
	case "contractType":
		return &r.ContractType
	case "optionsType":
		return &r.OptionsType
	case "priceFilter":
		return &r.Price
	case "lotSizeFilter":
		return &r.Lot
	case "leverageFilter":
		return &r.Leverage
	case "fundingInterval":
		return &r.Funding
	case "launchTime":
		return &r.Launch
	case "deliveryTime":
		return &r.Delivery
	default:
		return nil
	}
}

type priceFilter struct {
	Tick amount
}

func (r *priceFilter) UnmarshalJSON(data []byte) error { return read(data, r) }

func (r *priceFilter) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "tickSize":
		return &r.Tick
	default:
		return nil
	}
}

type lotFilter struct {
	Step          amount
	BasePrecision amount
	Min           amount
	Max           amount
	MinNotional   amount
	MinAmount     amount
}

func (r *lotFilter) UnmarshalJSON(data []byte) error { return read(data, r) }

func (r *lotFilter) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "qtyStep":
		return &r.Step
	case "basePrecision":
		return &r.BasePrecision
	case "minOrderQty":
		return &r.Min
	case "maxOrderQty":
		return &r.Max
	case "minNotionalValue":
		return &r.MinNotional
	case "minOrderAmt":
		return &r.MinAmount
	default:
		return nil
	}
}

type leverageFilter struct {
	Min amount
	Max amount
}

func (r *leverageFilter) UnmarshalJSON(data []byte) error { return read(data, r) }

func (r *leverageFilter) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "minLeverage":
		return &r.Min
	case "maxLeverage":
		return &r.Max
	default:
		return nil
	}
}

func (s *session) instrumentIn(category string) decode[exchange.Instrument] {
	return func(raw json.RawMessage) (*exchange.Instrument, *exchange.RowFault) {
		return s.instrument(raw, category)
	}
}

func (s *session) instrument(raw json.RawMessage, category string) (*exchange.Instrument, *exchange.RowFault) {
	got, fault := decodeRow[tickerKey, instrumentRow](s, raw)
	if fault != nil {
		return nil, fault
	}
	if got.key.Symbol == "" {
		return nil, s.rowFault(raw, "", "the row names no symbol")
	}
	instrument := exchange.Instrument{Category: category, Symbol: string(got.key.Symbol)}
	if fault := got.unread(s, raw, instrument.Key()); fault != nil {
		return nil, fault
	}
	got.row.fill(&instrument)
	return &instrument, nil
}

func (r instrumentRow) fill(i *exchange.Instrument) {
	i.Status = instrumentStatus(r.Status)
	i.ExchangeStatus = string(r.Status)
	i.BaseAsset = string(r.BaseCoin)
	i.QuoteAsset = string(r.QuoteCoin)
	i.SettleAsset = string(r.SettleCoin)
	i.ContractType = string(r.ContractType)
	i.OptionType = string(r.OptionsType)
	i.TickSize = r.Price.Tick.number()
	i.QuantityStep = either(r.Lot.Step, r.Lot.BasePrecision)
	i.MinQuantity = r.Lot.Min.number()
	i.MaxQuantity = r.Lot.Max.number()
	i.MinNotional = either(r.Lot.MinNotional, r.Lot.MinAmount)
	i.MinLeverage = r.Leverage.Min.number()
	i.MaxLeverage = r.Leverage.Max.number()
	i.FundingMinutes = r.Funding.number()
	i.LaunchedAt = r.Launch.at
	i.DeliversAt = r.Delivery.at
	i.ContractValue, i.ContractAsset = "1", i.BaseAsset
	if i.Category == inverse {
		i.ContractAsset = "USD"
	}
}

// either is the first that was sent.
func either(a, b amount) exchange.Number {
	if a != "" {
		return a.number()
	}
	return b.number()
}

// instrumentStatus translates the exchange's word; another than these four is
// unknown.
func instrumentStatus(word text) string {
	switch word {
	case "PreLaunch":
		return "prelaunch"
	case "Trading":
		return "trading"
	case "Delivering":
		return "delivering"
	case "Closed":
		return "closed"
	default:
		return "unknown"
	}
}
