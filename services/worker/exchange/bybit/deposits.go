package bybit

import (
	"encoding/json"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

type depositKey struct {
	ID      text `json:"id"`
	TxID    text `json:"txID"`
	TxIndex text `json:"txIndex"`
	Coin    text `json:"coin"`
	Chain   text `json:"chain"`
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
	Amount amount `json:"amount"`
	Fee    amount `json:"depositFee"`
	Status text   `json:"status"`
	Type   text   `json:"depositType"`
	At     millis `json:"successAt"`
}

func (k depositKey) id() string {
	switch {
	case k.ID != "":
		return string(k.ID)
	case k.TxID != "":
		return entryID(k.TxID, k.TxIndex, k.Coin, k.Chain)
	default:
		return ""
	}
}

func (s *session) deposit(raw json.RawMessage) (*exchange.LedgerEntry, *exchange.RowFault) {
	key, fault := decodeKey[depositKey](s, raw)
	if fault != nil {
		return nil, fault
	}
	entry := exchange.LedgerEntry{
		Source: depositBook, EntryID: key.id(), ExchangeID: string(key.ID),
		Asset: string(key.Coin), Network: string(key.Chain), TransactionHash: string(key.TxID),
	}
	if entry.EntryID == "" {
		return nil, s.rowFault(raw, "", "the row has neither id nor txID")
	}
	row, fault := decodeRow[depositRow](s, raw, entry.Key())
	if fault != nil {
		return nil, fault
	}
	row.fill(&entry)
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
