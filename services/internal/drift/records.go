package drift

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// Recorder is what the stand-in knows of an account's past.
type Recorder interface {
	Records(q exchangesim.RecordQuery) (*exchangesim.Records, error)
}

// Records compares the histories that are stored of an account with all that the
// stand-in knows of them within [from, to], and lists what differs. Orders are
// those that the exchange still shows. compared is the number of rows of the truth.
func Records(
	ctx context.Context, db Database, recorder Recorder, account ledger.Account, from, to time.Time,
) (drift []string, compared int, err error) {
	for _, h := range recordTables() {
		want, err := h.recorded(recorder, account, from, to)
		if err != nil {
			return nil, 0, err
		}
		got, err := h.storedRows(ctx, db, account, from, to)
		if err != nil {
			return nil, 0, fmt.Errorf("reading what is stored of %s: %w", h.name(), err)
		}
		for _, d := range Compare(want, got) {
			drift = append(drift, h.table+" "+d)
		}
		compared += len(want)
	}
	return drift, compared, nil
}

// recordTable is a history: the stand-in's records, and where they are stored.
type recordTable struct {
	kind  exchangesim.RecordType
	table string
	// stored selects key and row of the account ($1) within [$2, $3].
	stored string
	wire   func(map[string]string) (key string, r Row)
}

func (h recordTable) name() string { return h.table + " (" + string(h.kind) + ")" }

func recordTables() []recordTable {
	return []recordTable{
		{exchangesim.RecordOrders, "orders", `
SELECT order_id, to_jsonb(t) FROM alphapulse.orders t
WHERE account_id = $1 AND created_at BETWEEN $2 AND $3 AND status IN ('filled', 'cancelled', 'rejected', 'expired')
  AND (filled_quantity > 0 OR status = 'filled')`, recordedOrder},
		{exchangesim.RecordFills, "fills", `
SELECT exec_id, to_jsonb(t) FROM alphapulse.fills t WHERE account_id = $1 AND executed_at BETWEEN $2 AND $3`, recordedFill},
		{exchangesim.RecordTransactions, "ledger", `
SELECT concat_ws('/', exchange_id, asset, entry_type, trade_id, trim_scale(change), trim_scale(balance)), to_jsonb(t)
FROM alphapulse.ledger t WHERE account_id = $1 AND source = 'transaction_log' AND occurred_at BETWEEN $2 AND $3`, recordedEntry},
		{exchangesim.RecordClosedPnl, "closed_pnl", `
SELECT concat_ws('/', symbol, order_id, (extract(epoch FROM created_at) * 1000)::bigint), to_jsonb(t)
FROM alphapulse.closed_pnl t WHERE account_id = $1 AND created_at BETWEEN $2 AND $3`, recordedPnL},
	}
}

// recorded are the rows of the truth.
func (h recordTable) recorded(recorder Recorder, account ledger.Account, from, to time.Time) (Rows, error) {
	records, err := recorder.Records(exchangesim.RecordQuery{
		UID: account.ExchangeUID, Type: h.kind, From: from, To: to, Retained: true,
	})
	if err != nil {
		return nil, err
	}
	want := Rows{}
	records.Each(func(recorded any) bool {
		key, r := h.wire(wireTexts(recorded))
		if _, twice := want[key]; twice {
			err = fmt.Errorf("the truth names %s of %s twice", key, h.name())
		}
		if key != "" {
			want[key] = r
		}
		return err == nil
	})
	return want, err
}

func (h recordTable) storedRows(ctx context.Context, db Database, account ledger.Account, from, to time.Time) (Rows, error) {
	found, err := db.Query(ctx, h.stored, account.ID, from, to)
	if err != nil {
		return nil, err
	}
	got := Rows{}
	var key string
	var encoded []byte
	_, err = pgx.ForEachRow(found, []any{&key, &encoded}, func() error {
		if _, twice := got[key]; twice {
			return fmt.Errorf("%s is stored twice", key)
		}
		got[key] = TextRow(encoded)
		return nil
	})
	return got, err
}

// wireTexts are a row's fields as on the wire, as text.
func wireTexts(recorded any) map[string]string {
	encoded, err := json.Marshal(recorded)
	if err != nil {
		panic(err)
	}
	return TextRow(encoded)
}

func milliText(text string) string {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return text
	}
	return strings.Replace(time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.999"), "Z", "", 1) + "+00:00"
}

// plainDecimal is a decimal without trailing zeros, as trim_scale writes it.
func plainDecimal(text string) string {
	d, err := decimal.NewFromString(text)
	if err != nil {
		return text
	}
	return d.String()
}

func recordedOrder(w map[string]string) (string, Row) {
	if filled := w["cumExecQty"]; filled == "0" || filled == "" {
		return "", nil // forgotten by the exchange sooner or later
	}
	r := Row{
		"client_order_id": w["orderLinkId"], "symbol": w["symbol"], "side": strings.ToLower(w["side"]),
		"exchange_status": w["orderStatus"], "quantity": w["qty"], "filled_quantity": w["cumExecQty"],
		"average_price": w["avgPrice"], "created_at": milliText(w["createdTime"]), "updated_at": milliText(w["updatedTime"]),
	}
	return w["orderId"], r
}

func recordedFill(w map[string]string) (string, Row) {
	return w["execId"], Row{
		"order_id": w["orderId"], "symbol": w["symbol"], "side": strings.ToLower(w["side"]), "exec_type": w["execType"],
		"price": w["execPrice"], "quantity": w["execQty"], "value": w["execValue"], "fee": w["execFee"],
		"fee_rate": w["feeRate"], "is_maker": w["isMaker"], "sequence": w["seq"], "executed_at": milliText(w["execTime"]),
	}
}

func recordedEntry(w map[string]string) (string, Row) {
	key := strings.Join([]string{
		w["id"], w["currency"], w["type"], w["tradeId"], plainDecimal(w["change"]), plainDecimal(w["cashBalance"]),
	}, "/")
	return strings.ReplaceAll(key, "//", "/"), Row{
		"symbol": w["symbol"], "quantity": w["qty"], "price": w["tradePrice"], "cash_flow": w["cashFlow"],
		"funding": w["funding"], "fee": w["fee"], "fee_rate": w["feeRate"], "order_id": w["orderId"],
		"occurred_at": milliText(w["transactionTime"]),
	}
}

func recordedPnL(w map[string]string) (string, Row) {
	return strings.Join([]string{w["symbol"], w["orderId"], w["createdTime"]}, "/"), Row{
		"side": strings.ToLower(w["side"]), "closed_quantity": w["closedSize"], "entry_value": w["cumEntryValue"],
		"exit_value": w["cumExitValue"], "realized_pnl": w["closedPnl"], "open_fee": w["openFee"], "close_fee": w["closeFee"],
	}
}
