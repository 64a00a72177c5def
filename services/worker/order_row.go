package worker

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
)

// rankSQL orders the states of an order: a state may follow one of the same or
// a lower rank.
func rankSQL(column string) string {
	return `CASE ` + column + ` WHEN 'untriggered' THEN 0 WHEN 'open' THEN 1 WHEN 'partially_filled' THEN 2
                   WHEN 'unknown' THEN 2 ELSE 3 END`
}

// rank is rankSQL for a state in hand.
func rank(status string) int {
	switch status {
	case "untriggered":
		return 0
	case "open":
		return 1
	case "partially_filled", "unknown":
		return 2
	default:
		return 3
	}
}

// further reports whether a is a later state of the same order than b.
func further(a, b exchange.Order) bool {
	if !a.UpdatedAt.Equal(b.UpdatedAt) {
		return a.UpdatedAt.After(b.UpdatedAt)
	}
	return rank(a.Status) > rank(b.Status)
}

func sameState(a, b exchange.Order) bool {
	return a.UpdatedAt.Equal(b.UpdatedAt) && a.Status == b.Status
}

// ordersTable: a stored order changes only to what is not older by its own
// update time, and its state moves forward only. What was unknown or inferred
// gives way to anything the exchange says.
func ordersTable() snapshot.Table {
	return snapshot.Table{
		Name: "orders", Subject: "account_id", Scope: "scope",
		Key: []snapshot.Column{{Name: "category", Type: "text"}, {Name: "order_id", Type: "text"}},
		Compared: []snapshot.Column{
			{Name: "client_order_id", Type: "text"},
			{Name: "symbol", Type: "text"},
			{Name: "side", Type: "text"},
			{Name: "order_type", Type: "text"},
			{Name: "time_in_force", Type: "text"},
			{Name: "status", Type: "text"},
			{Name: "exchange_status", Type: "text"},
			{Name: "price", Type: "numeric"},
			{Name: "quantity", Type: "numeric"},
			{Name: "filled_quantity", Type: "numeric"},
			{Name: "average_price", Type: "numeric"},
			{Name: "fees", Type: "jsonb"},
			{Name: "reduce_only", Type: "boolean"},
			{Name: "trigger_price", Type: "numeric"},
			{Name: "created_at", Type: "timestamptz"},
			{Name: "updated_at", Type: "timestamptz"},
		},
		Sticky:    []snapshot.Column{{Name: "scope", Type: "text"}},
		Open:      `t.status IN ('untriggered', 'open', 'partially_filled', 'unknown')`,
		Moved:     `greatest(i.updated_at, i.created_at) > ` + snapshot.LastRead,
		Times:     []string{"created_at", "updated_at"},
		SpanScope: `t.category = $2`,
		// Bybit keeps an order without a fill for a day if it was cancelled, and for a
		// week at most; an open order is in no history.
		Forgotten: `t.status IN ('untriggered', 'open', 'partially_filled', 'unknown')
              OR (t.status <> 'filled' AND coalesce(t.filled_quantity, 0) = 0
                  AND t.updated_at < clock_timestamp() - interval '23 hours')`,
		Guard: `(t.updated_at IS NULL OR i.updated_at IS NULL OR i.updated_at >= t.updated_at)
              AND (t.status IN ('unknown', 'cancelled_inferred') OR ` + rankSQL("i.status") + ` >= ` +
			rankSQL("t.status") + `)`,
	}
}

func orderValues(o exchange.Order) []string {
	return []string{
		o.Category, o.OrderID,
		o.ClientOrderID, o.Symbol, o.Side, o.OrderType, o.TimeInForce, o.Status, o.ExchangeStatus,
		string(o.Price), string(o.Quantity), string(o.FilledQuantity), string(o.AveragePrice),
		feesText(o.Fees), boolText(o.ReduceOnly), string(o.TriggerPrice),
		timeText(o.CreatedAt), timeText(o.UpdatedAt),
		string(o.Scope),
	}
}

// feesText keeps each amount as the text that was sent, in a JSON object by
// asset.
func feesText(fees map[string]exchange.Number) string {
	if fees == nil {
		return ""
	}
	text, err := json.Marshal(fees)
	if err != nil {
		return "" // a map of strings always encodes
	}
	return string(text)
}

func boolText(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
