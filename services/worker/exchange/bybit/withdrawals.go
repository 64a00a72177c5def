package bybit

import (
	"encoding/json"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

type withdrawalKey struct {
	ID text
}

func (r *withdrawalKey) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "withdrawId":
		return &r.ID
	default:
		return nil
	}
}

// withdrawalRow is one withdrawal, on a chain or to another user of the
// exchange. Addresses and tags are not kept. The exchange shows them to the key
// of a master account only.
//
//	entry_id          withdrawId
//	entry_type        withdrawType, the exchange's number: 0 on chain, 1 off chain
//	status            status, the exchange's word
//	quantity          amount, without the fee
//	change            amount with the opposite sign; none if it was refused,
//	                  failed or was called off
//	fee               withdrawFee, paid besides
//	network           chain, transaction_hash txID
//	occurred_at       createTime, updated_at updateTime
//	wallet            none: the book does not say where the withdrawal came from
type withdrawalRow struct {
	TxID    text
	Coin    text
	Chain   text
	Amount  amount
	Fee     amount
	Status  text
	Type    text
	Created millis
	Updated millis
}

func (r *withdrawalRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "txID":
		return &r.TxID
	case "coin":
		return &r.Coin
	case "chain":
		return &r.Chain
	case "amount":
		return &r.Amount
	case "withdrawFee":
		return &r.Fee
	case "status":
		return &r.Status
	case "withdrawType":
		return &r.Type
	case "createTime":
		return &r.Created
	case "updateTime":
		return &r.Updated
	default:
		return nil
	}
}

func (s *session) withdrawal(raw json.RawMessage) (*exchange.LedgerEntry, *exchange.RowFault) {
	got, fault := decodeRow[withdrawalKey, withdrawalRow](s, raw)
	if fault != nil {
		return nil, fault
	}
	if got.key.ID == "" {
		return nil, s.rowFault(raw, "", "the row has no withdrawId")
	}
	entry := exchange.LedgerEntry{Source: withdrawalBook, EntryID: string(got.key.ID), ExchangeID: string(got.key.ID)}
	if fault := got.unread(s, raw, entry.Key()); fault != nil {
		return nil, fault
	}
	got.row.fill(&entry)
	return s.dated(entry, raw)
}

func (r withdrawalRow) fill(e *exchange.LedgerEntry) {
	e.Asset = string(r.Coin)
	e.EntryType = string(r.Type)
	e.Status = string(r.Status)
	e.Quantity = r.Amount.number()
	e.Fee = r.Fee.number()
	e.Network = string(r.Chain)
	e.TransactionHash = string(r.TxID)
	e.OccurredAt = r.Created.at
	e.UpdatedAt = r.Updated.at
	if !r.cameToNothing() {
		e.Change = r.Amount.outgoing()
	}
}

// cameToNothing reports whether the money stayed where it was.
func (r withdrawalRow) cameToNothing() bool {
	return r.Status == "CancelByUser" || r.Status == "Reject" || r.Status == "Fail"
}
