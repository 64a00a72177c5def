package bybit

import (
	"encoding/json"
	"strings"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

type transferKey struct {
	ID text `json:"transferId"`
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
	Coin   text   `json:"coin"`
	Amount amount `json:"amount"`
	From   text   `json:"fromAccountType"`
	To     text   `json:"toAccountType"`
	Status text   `json:"status"`
	At     millis `json:"timestamp"`
}

func (s *session) transfer(raw json.RawMessage) (*exchange.LedgerEntry, *exchange.RowFault) {
	key, fault := decodeKey[transferKey](s, raw)
	if fault != nil {
		return nil, fault
	}
	if key.ID == "" {
		return nil, s.rowFault(raw, "", "the row has no transferId")
	}
	entry := exchange.LedgerEntry{Source: transferBook, EntryID: string(key.ID), ExchangeID: string(key.ID)}
	row, fault := decodeRow[transferRow](s, raw, entry.Key())
	if fault != nil {
		return nil, fault
	}
	row.fill(&entry)
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
