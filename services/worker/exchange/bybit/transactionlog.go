package bybit

import (
	"encoding/json"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// logKey tells a row of a log apart. The documentation calls id unique, and its
// own example repeats one; both legs of a spot fill may share it too.
type logKey struct {
	ID       text `json:"id"`
	Currency text `json:"currency"`
	Type     text `json:"type"`
	TradeID  text `json:"tradeId"`
	Change   text `json:"change"`
	Balance  text `json:"cashBalance"`
}

// logRow is one row of the transaction log or of the contract wallet's. A spot
// fill is two rows, one in each coin.
//
//	entry_id       made from the fields of logKey; exchange_id is id
//	entry_type     type, the exchange's word, of which there are over seventy
//	category       category, symbol symbol; empty for what is no trade
//	side           side, in lower case; none for "None"
//	quantity       qty, with a sign for spot; position_size size, price tradePrice
//	cash_flow      cashFlow
//	funding        funding, as sent: above zero received in the transaction log,
//	               paid in the contract wallet's
//	fee            fee: above zero paid; fee_rate feeRate
//	bonus_change   bonusChange
//	change         change: above zero the wallet grew
//	balance        cashBalance, after the change
//	order_id       orderId, client_order_id orderLinkId, trade_id tradeId
//	description    transSubType
//	occurred_at    transactionTime
type logRow struct {
	Symbol      text   `json:"symbol"`
	Category    text   `json:"category"`
	Side        text   `json:"side"`
	SubType     text   `json:"transSubType"`
	Qty         amount `json:"qty"`
	Size        amount `json:"size"`
	Price       amount `json:"tradePrice"`
	CashFlow    amount `json:"cashFlow"`
	Funding     amount `json:"funding"`
	Fee         amount `json:"fee"`
	FeeRate     amount `json:"feeRate"`
	BonusChange amount `json:"bonusChange"`
	Change      amount `json:"change"`
	Balance     amount `json:"cashBalance"`
	OrderID     text   `json:"orderId"`
	OrderLinkID text   `json:"orderLinkId"`
	Time        millis `json:"transactionTime"`
}

func (s *session) logEntry(raw json.RawMessage, book string) (*exchange.LedgerEntry, *exchange.RowFault) {
	key, fault := decodeKey[logKey](s, raw)
	if fault != nil {
		return nil, fault
	}
	if key.ID == "" {
		return nil, s.rowFault(raw, "", "the row has no id")
	}
	entry := exchange.LedgerEntry{
		Source: book, Wallet: unified, Asset: string(key.Currency), EntryType: string(key.Type),
		EntryID:    entryID(key.ID, key.Currency, key.Type, key.TradeID, key.Change, key.Balance),
		ExchangeID: string(key.ID), TradeID: string(key.TradeID),
	}
	if book == contractBook {
		entry.Wallet = contract
	}
	row, fault := decodeRow[logRow](s, raw, entry.Key())
	if fault != nil {
		return nil, fault
	}
	row.fill(&entry)
	return s.dated(entry, raw)
}

func (r logRow) fill(e *exchange.LedgerEntry) {
	e.Category = string(r.Category)
	e.Symbol = string(r.Symbol)
	if r.Side != "None" {
		e.Side = strings.ToLower(string(r.Side))
	}
	e.Quantity = r.Qty.number()
	e.PositionSize = r.Size.number()
	e.Price = r.Price.number()
	e.CashFlow = r.CashFlow.number()
	e.Funding = r.Funding.number()
	e.Fee = r.Fee.number()
	e.FeeRate = r.FeeRate.number()
	e.BonusChange = r.BonusChange.number()
	e.Change = r.Change.number()
	e.Balance = r.Balance.number()
	e.OrderID = string(r.OrderID)
	e.ClientOrderID = string(r.OrderLinkID)
	e.Description = string(r.SubType)
	e.OccurredAt = r.Time.at
}
