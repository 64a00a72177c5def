package bybit

import (
	"encoding/json"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

type depositKey struct {
	ID      text
	TxID    text
	TxIndex text
	Coin    text
	Chain   text
}

func (r *depositKey) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "id":
		return &r.ID
	case "txID":
		return &r.TxID
	case "txIndex":
		return &r.TxIndex
	case "coin":
		return &r.Coin
	case "chain":
		return &r.Chain
	default:
		return nil
	}
}

// depositRow is one deposit from a chain. Addresses and tags are not kept.
//
//	entry_id          id; where it is not sent, made from the other fields of
//	                  depositKey
//	entry_type        depositType, the exchange's number: 0 normal, 10 above the
//	                  daily limit, 20 abnormal
//	status            status, the exchange's number
//	quantity          amount
//	change            amount, once it was credited (status 3 or 10012); else none
//	fee               depositFee
//	network           chain, transaction_hash txID
//	occurred_at       successAt, which moves when the status does
//	wallet            none: the book does not say where the deposit went
type depositRow struct {
	Amount amount
	Fee    amount
	Status text
	Type   text
	At     millis
}

func (r *depositRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "amount":
		return &r.Amount
	case "depositFee":
		return &r.Fee
	case "status":
		return &r.Status
	case "depositType":
		return &r.Type
	case "successAt":
		return &r.At
	default:
		return nil
	}
}

func (r depositKey) id() string {
	switch {
	case r.ID != "":
		return string(r.ID)
	case r.TxID != "":
		return entryID(r.TxID, r.TxIndex, r.Coin, r.Chain)
	default:
		return ""
	}
}

func (s *session) deposit(raw json.RawMessage) (*exchange.LedgerEntry, *exchange.RowFault) {
	got, fault := decodeRow[depositKey, depositRow](s, raw)
	if fault != nil {
		return nil, fault
	}
	entry := exchange.LedgerEntry{
		Source: depositBook, EntryID: got.key.id(), ExchangeID: string(got.key.ID),
		Asset: string(got.key.Coin), Network: string(got.key.Chain), TransactionHash: string(got.key.TxID),
	}
	if entry.EntryID == "" {
		return nil, s.rowFault(raw, "", "the row has neither id nor txID")
	}
	if fault := got.unread(s, raw, entry.Key()); fault != nil {
		return nil, fault
	}
	got.row.fill(&entry)
	return s.dated(entry, raw)
}

func (r depositRow) fill(e *exchange.LedgerEntry) {
	e.EntryType = string(r.Type)
	e.Status = string(r.Status)
	e.Quantity = r.Amount.number()
	e.Fee = r.Fee.number()
	e.OccurredAt = r.At.at
	if r.Status == "3" || r.Status == "10012" {
		e.Change = r.Amount.number()
	}
}
