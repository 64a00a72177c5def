package bybit

import (
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// fundingPage is the most the exchange gives; its default is 10.
const fundingPage = 100

// fundingKey is every field of a row that the documentation had when it had no
// id. Newer answers carry one, currcCursor, which is kept as exchange_id.
type fundingKey struct {
	MemberID    text
	Currency    text
	Direction   text
	Amount      text
	After       text
	Created     text
	Business    text
	Description text
}

func (r *fundingKey) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "memberId":
		return &r.MemberID
	case "currency":
		return &r.Currency
	case "ioDirection":
		return &r.Direction
	case "txnAmt":
		return &r.Amount
	case "afterAmt":
		return &r.After
	case "createTime":
		return &r.Created
	case "showBusiTypeEn":
		return &r.Business
	case "descriptionEn":
		return &r.Description
	default:
		return nil
	}
}

func (r fundingKey) id() string {
	return entryID(r.MemberID, r.Currency, r.Direction, r.Amount, r.After, r.Created, r.Business, r.Description)
}

// fundingRow is one change of the funding wallet.
//
//	entry_id     see fundingLog
//	entry_type   showBusiTypeEn, description descriptionEn
//	quantity     txnAmt as sent
//	change       txnAmt, below zero when ioDirection is O; none if it is neither
//	             I nor O
//	balance      afterAmt
//	occurred_at  createTime, in seconds
type fundingRow struct {
	Cursor  text
	Amount  amount
	After   amount
	Created seconds
}

func (r *fundingRow) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "currcCursor":
		return &r.Cursor
	case "txnAmt":
		return &r.Amount
	case "afterAmt":
		return &r.After
	case "createTime":
		return &r.Created
	default:
		return nil
	}
}

// fundingLog reads the rows of one walk and gives each its id: a hash over the
// row, and behind it, for the second and each further row that is the same in
// every field, its number.
//
// The number does not depend on the window. The exchange asks for whole seconds
// and the time is one of the fields, so a query has either all rows that are
// equal or none of them; and which of them is the first does not matter, since
// they are equal. A row that comes twice in a walk, because rows moved between
// pages, is told from an equal one by the exchange's own cursor of the row,
// where it sends one.
type fundingLog struct {
	session *session
	equal   map[string]int
	met     map[text]string // id by the exchange's cursor
}

func newFundingLog(s *session) *fundingLog {
	return &fundingLog{session: s, equal: map[string]int{}, met: map[text]string{}}
}

// fundingQuery asks for a window in seconds, both bounds included.
func fundingQuery(window exchange.Window) url.Values {
	return url.Values{
		"createTimeFrom": {strconv.FormatInt(window.From.Unix(), 10)},
		"createTimeTo":   {strconv.FormatInt(lastInstant(window).Unix(), 10)},
		"limit":          {strconv.Itoa(fundingPage)},
	}
}

func (l *fundingLog) entry(raw json.RawMessage) (*exchange.LedgerEntry, *exchange.RowFault) {
	got, fault := decodeRow[fundingKey, fundingRow](l.session, raw)
	if fault != nil {
		return nil, fault
	}
	if got.key == (fundingKey{}) {
		return nil, l.session.rowFault(raw, "", "the row has none of the fields that tell it from others")
	}
	entry := exchange.LedgerEntry{
		Source: fundingBook, Wallet: fund, Asset: string(got.key.Currency),
		EntryType: string(got.key.Business), Description: string(got.key.Description), EntryID: got.key.id(),
	}
	if fault := got.unread(l.session, raw, entry.Key()); fault != nil {
		return nil, fault
	}
	entry.ExchangeID = string(got.row.Cursor)
	entry.Quantity = got.row.Amount.number()
	entry.Change = got.row.change(got.key.Direction)
	entry.Balance = got.row.After.number()
	entry.OccurredAt = got.row.Created.at
	dated, fault := l.session.dated(entry, raw)
	if dated != nil {
		dated.EntryID = l.number(dated.EntryID, got.row.Cursor)
	}
	return dated, fault
}

// number gives the id of the next row with this hash.
func (l *fundingLog) number(id string, cursor text) string {
	if known, again := l.met[cursor]; again {
		return known
	}
	l.equal[id]++
	if n := l.equal[id]; n > 1 {
		id += "-" + strconv.Itoa(n)
	}
	if cursor != "" {
		l.met[cursor] = id
	}
	return id
}

func (r fundingRow) change(direction text) exchange.Number {
	switch direction {
	case "I":
		return r.Amount.number()
	case "O":
		return r.Amount.outgoing()
	default:
		return ""
	}
}
