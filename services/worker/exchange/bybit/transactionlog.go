package bybit

import (
	"encoding/json"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// logKey tells a row of a log apart. The documentation calls id unique, and its
// own example repeats one; both legs of a spot fill may share it too.
type logKey struct {
	ID       text
	Currency text
	Type     text
	TradeID  text
	Change   text
	Balance  text
}

func (r *logKey) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "id":
		return &r.ID
	case "currency":
		return &r.Currency
	case "type":
		return &r.Type
	case "tradeId":
		return &r.TradeID
	case "change":
		return &r.Change
	case "cashBalance":
		return &r.Balance
	default:
		return nil
	}
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
	Symbol      text
	Category    text
	Side        text
	SubType     text
	Qty         amount
	Size        amount
	Price       amount
	CashFlow    amount
	Funding     amount
	Fee         amount
	FeeRate     amount
	BonusChange amount
	Change      amount
	Balance     amount
	OrderID     text
	OrderLinkID text
	Time        millis
}

func (r *logRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "symbol":
		return &r.Symbol
	case "category":
		return &r.Category
	case "side":
		return &r.Side
	case "transSubType":
		return &r.SubType
	case "qty":
		return &r.Qty
	case "size":
		return &r.Size
	case "tradePrice":
		return &r.Price
	case "cashFlow":
		return &r.CashFlow
	case "funding":
		return &r.Funding
	case "fee":
		return &r.Fee
	case "feeRate":
		return &r.FeeRate
	case "bonusChange":
		return &r.BonusChange
	case "change":
		return &r.Change
	case "cashBalance":
		return &r.Balance
	case "orderId":
		return &r.OrderID
	case "orderLinkId":
		return &r.OrderLinkID
	case "transactionTime":
		return &r.Time
	default:
		return nil
	}
}

func (s *session) logEntry(raw json.RawMessage, book string) (*exchange.LedgerEntry, *exchange.RowFault) {
	got, fault := decodeRow[logKey, logRow](s, raw)
	if fault != nil {
		return nil, fault
	}
	if got.key.ID == "" {
		return nil, s.rowFault(raw, "", "the row has no id")
	}
	entry := exchange.LedgerEntry{
		Source: book, Wallet: unified, Asset: string(got.key.Currency), EntryType: string(got.key.Type),
		EntryID:    entryID(got.key.ID, got.key.Currency, got.key.Type, got.key.TradeID, got.key.Change, got.key.Balance),
		ExchangeID: string(got.key.ID), TradeID: string(got.key.TradeID),
	}
	if book == contractBook {
		entry.Wallet = contract
	}
	if fault := got.unread(s, raw, entry.Key()); fault != nil {
		return nil, fault
	}
	got.row.fill(&entry)
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
