package exchangesim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RecordType is a kind of history that Records knows the truth of.
type RecordType string

// The histories. Rows are those of the endpoint that serves them.
const (
	RecordOrders       RecordType = "orders"       // that have ended: OrderRow, by the time that order/history filters by
	RecordFills        RecordType = "fills"        // with fundings: ExecutionRow
	RecordClosedPnl    RecordType = "closed_pnl"   // ClosedPnlRow
	RecordTransactions RecordType = "transactions" // transaction-log: LedgerRow
	RecordContracts    RecordType = "contracts"    // contract-transaction-log: LedgerRow
	RecordDeposits     RecordType = "deposits"     // DepositRow
	RecordWithdrawals  RecordType = "withdrawals"  // WithdrawalRow
	RecordTransfers    RecordType = "transfers"    // TransferRow
	RecordFundHistory  RecordType = "fund_history" // FundHistoryRow
)

func recordTypes() []RecordType {
	return []RecordType{
		RecordOrders, RecordFills, RecordClosedPnl, RecordTransactions, RecordContracts, RecordDeposits, RecordWithdrawals,
		RecordTransfers, RecordFundHistory,
	}
}

// RecordQuery asks for all rows of a history that are dated within [From, To],
// both to the millisecond and inclusive, as they stand at At. The zero To and
// At mean now. Neither indexing delay nor retention nor windows hide anything;
// Retained leaves out the orders that order/history has forgotten by At.
type RecordQuery struct {
	UID      string
	Type     RecordType
	Category string // of orders, fills and closed_pnl; empty: all
	From     time.Time
	To       time.Time
	At       time.Time
	Retained bool
}

// Records is a history, newest first within each category. Rows are computed
// when they are asked for, so counting a year of them costs nothing.
type Records struct{ parts []timeline }

// Total counts the rows.
func (r *Records) Total() int {
	n := 0
	for _, t := range r.parts {
		n += t.total()
	}
	return n
}

// recordBlock is how many rows Each computes at a time.
const recordBlock = 1000

// Each hands every row to do, until it returns false.
func (r *Records) Each(do func(row any) bool) {
	for _, t := range r.parts {
		for from, total := 0, t.total(); from < total; from += recordBlock {
			for _, row := range t.rows(from, min(from+recordBlock, total)) {
				if !do(row) {
					return
				}
			}
		}
	}
}

// Slice gives rows [from, to), fewer at the end.
func (r *Records) Slice(from, to int) []any {
	list := []any{}
	for _, t := range r.parts {
		total := t.total()
		if lo, hi := max(0, from), min(to, total); lo < hi {
			list = append(list, t.rows(lo, hi)...)
		}
		from, to = from-total, to-total
	}
	return list
}

// Records gives the truth of a history; see RecordQuery. The instant At counts
// as shown, as Truth's does.
func (x *Exchange) Records(q RecordQuery) (*Records, error) {
	index, err := x.indexOfUID(q.UID)
	if err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	at, err := x.past(q.At)
	if err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	to := at
	if !q.To.IsZero() {
		to = min(at, q.To.UnixMilli())
	}
	v := x.view(index, at)
	owner, from := x.profile(index, v.past, at), max(q.From.UnixMilli(), x.world.epoch)
	if parts, ok := x.tradeRecords(v, q, from, to); ok {
		return &Records{parts: parts}, nil
	}
	if part, ok := v.moneyRecords(q.Type, owner, from, to); ok {
		return &Records{parts: []timeline{part}}, nil
	}
	return nil, fmt.Errorf("records: no type %q: there are %v", q.Type, recordTypes())
}

func (x *Exchange) tradeRecords(v *view, q RecordQuery, from, to int64) ([]timeline, bool) {
	if !slices.Contains([]RecordType{RecordOrders, RecordFills, RecordClosedPnl}, q.Type) {
		return nil, false
	}
	parts := []timeline{}
	for _, category := range allCategories() {
		pick := selection{category: category}
		if q.Category != "" && q.Category != category {
			continue
		}
		switch {
		case q.Type == RecordFills:
			parts = append(parts, v.executions(pick, from, to, ""))
		case q.Type == RecordOrders:
			parts = append(parts, v.orderTimeline(x, pick, from, to, q.Retained, func(s standing) bool {
				return s.ended() && (!q.Retained || x.retained(s, v.at))
			}))
		case category == linear || category == inverse:
			parts = append(parts, v.closings(pick, from, to))
		}
	}
	return parts, true
}

func (v *view) moneyRecords(kind RecordType, owner profile, from, to int64) (timeline, bool) {
	line := func(row func(cash) any, kinds ...cashKind) (timeline, bool) {
		return timeline{v.cashLine(owner, from, to, row, kinds...)}, true
	}
	switch kind {
	case RecordTransactions:
		return v.ledger(ledgerPick{wallet: walletUnified}, owner, from, to), true
	case RecordContracts:
		return v.ledger(ledgerPick{wallet: walletContract}, owner, from, to), true
	case RecordDeposits:
		return line(func(c cash) any { return c.deposit() }, cashDeposit)
	case RecordWithdrawals:
		return line(func(c cash) any { return c.withdrawal(v.frame) }, cashWithdrawal)
	case RecordTransfers:
		return line(func(c cash) any { return c.transfer() }, cashTransfer)
	case RecordFundHistory:
		return line(func(c cash) any { return c.fundHistory(owner.uid) }, cashDeposit, cashWithdrawal, cashTransfer, cashEarn)
	default:
		return nil, false
	}
}

const (
	usualRecords = 1000
	mostRecords  = 10_000
)

// adminRecords answers Records: {"total":N,"rows":[…]} of offset and limit;
// limit=0 counts only.
func (x *Exchange) adminRecords(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	ask := RecordQuery{
		UID: q.Get("uid"), Type: RecordType(q.Get("type")), Category: q.Get("category"), Retained: q.Get("retained") == "true",
	}
	var err error
	for name, into := range map[string]*time.Time{"from": &ask.From, "to": &ask.To, "at": &ask.At} {
		if *into, err = parseInstant(q.Get(name)); err != nil {
			failed(w, err)
			return
		}
	}
	offset, limit := 0, usualRecords
	for name, into := range map[string]*int{"offset": &offset, "limit": &limit} {
		if text := strings.TrimSpace(q.Get(name)); text != "" {
			if *into, err = strconv.Atoi(text); err != nil || *into < 0 {
				failed(w, fmt.Errorf("%s must be a number from 0, not %q", name, text))
				return
			}
		}
	}
	records, err := x.Records(ask)
	if err != nil {
		failed(w, err)
		return
	}
	respond(w, map[string]any{"total": records.Total(), "rows": records.Slice(offset, offset+min(limit, mostRecords))})
}
