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
	Status       text           `json:"status"`
	BaseCoin     text           `json:"baseCoin"`
	QuoteCoin    text           `json:"quoteCoin"`
	SettleCoin   text           `json:"settleCoin"`
	ContractType text           `json:"contractType"`
	OptionsType  text           `json:"optionsType"`
	Price        priceFilter    `json:"priceFilter"`
	Lot          lotFilter      `json:"lotSizeFilter"`
	Leverage     leverageFilter `json:"leverageFilter"`
	Funding      amount         `json:"fundingInterval"`
	Launch       millis         `json:"launchTime"`
	Delivery     millis         `json:"deliveryTime"`
}

type priceFilter struct {
	Tick amount `json:"tickSize"`
}

type lotFilter struct {
	Step          amount `json:"qtyStep"`
	BasePrecision amount `json:"basePrecision"`
	Min           amount `json:"minOrderQty"`
	Max           amount `json:"maxOrderQty"`
	MinNotional   amount `json:"minNotionalValue"`
	MinAmount     amount `json:"minOrderAmt"`
}

type leverageFilter struct {
	Min amount `json:"minLeverage"`
	Max amount `json:"maxLeverage"`
}

func (s *session) instrumentIn(category string) decode[exchange.Instrument] {
	return func(raw json.RawMessage) (*exchange.Instrument, *exchange.RowFault) {
		return s.instrument(raw, category)
	}
}

func (s *session) instrument(raw json.RawMessage, category string) (*exchange.Instrument, *exchange.RowFault) {
	key, fault := decodeKey[tickerKey](s, raw)
	if fault != nil {
		return nil, fault
	}
	if key.Symbol == "" {
		return nil, s.rowFault(raw, "", "the row names no symbol")
	}
	instrument := exchange.Instrument{Category: category, Symbol: string(key.Symbol)}
	row, fault := decodeRow[instrumentRow](s, raw, instrument.Key())
	if fault != nil {
		return nil, fault
	}
	row.fill(&instrument)
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
