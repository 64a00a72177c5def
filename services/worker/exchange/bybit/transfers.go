package bybit

import (
	"encoding/json"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

type transferKey struct {
	ID text
}

func (r *transferKey) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "transferId":
		return &r.ID
	default:
		return nil
	}
}

// transferRow is one transfer between two wallets of the account.
//
//	entry_id     transferId
//	status       status, the exchange's word
//	quantity     amount
//	change       none: one wallet shrank and the other grew
//	from_wallet  fromAccountType, to_wallet toAccountType, in lower case: unified,
//	             fund, contract, spot, and what else the exchange has
//	occurred_at  timestamp
type transferRow struct {
	Coin   text
	Amount amount
	From   text
	To     text
	Status text
	At     millis
}

func (r *transferRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "coin":
		return &r.Coin
	case "amount":
		return &r.Amount
	case "fromAccountType":
		return &r.From
	case "toAccountType":
		return &r.To
	case "status":
		return &r.Status
	case "timestamp":
		return &r.At
	default:
		return nil
	}
}

func (s *session) transfer(raw json.RawMessage) (*exchange.LedgerEntry, *exchange.RowFault) {
	got, fault := decodeRow[transferKey, transferRow](s, raw)
	if fault != nil {
		return nil, fault
	}
	if got.key.ID == "" {
		return nil, s.rowFault(raw, "", "the row has no transferId")
	}
	entry := exchange.LedgerEntry{Source: transferBook, EntryID: string(got.key.ID), ExchangeID: string(got.key.ID)}
	if fault := got.unread(s, raw, entry.Key()); fault != nil {
		return nil, fault
	}
	got.row.fill(&entry)
	return s.dated(entry, raw)
}

func (r transferRow) fill(e *exchange.LedgerEntry) {
	e.Asset = string(r.Coin)
	e.Status = string(r.Status)
	e.Quantity = r.Amount.number()
	e.FromWallet = strings.ToLower(string(r.From))
	e.ToWallet = strings.ToLower(string(r.To))
	e.OccurredAt = r.At.at
}
