package data

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// OrderFilter selects orders; what is empty matches everything.
type OrderFilter struct {
	Category, Symbol string
	Statuses         []string
	Since, Until     time.Time // of their creation
}

// Orders reads a page of orders and the token of the next one.
func (r Reader) Orders(ctx context.Context, f OrderFilter, p Page) (list []*controlv1.Order, next string, err error) {
	from, args := r.from("orders")
	args = append(args, f.Category, f.Symbol, orEmpty(f.Statuses), orNull(f.Since), orNull(f.Until))
	const page = 8
	sql := `
SELECT category, order_id, coalesce(client_order_id, ''), symbol, side, coalesce(order_type, ''),
       coalesce(time_in_force, ''), status, coalesce(exchange_status, ''), price::text, quantity::text,
       filled_quantity::text, average_price::text, coalesce(fees::text, ''), reduce_only, trigger_price::text,
       created_at, updated_at, as_of
FROM ` + from + `
WHERE ($3 = '' OR category = $3) AND ($4 = '' OR symbol = $4) AND (cardinality($5::text[]) = 0 OR status = ANY ($5))
  AND ($6::timestamptz IS NULL OR created_at >= $6) AND ($7::timestamptz IS NULL OR created_at < $7)
  AND ` + behind("created_at", "category", "order_id", page) + `
` + ordered("created_at", "category", "order_id", page)
	list, err = collect(ctx, r.DB, "orders", sql, append(args, p.args()...), scanOrder)
	if err != nil {
		return nil, "", err
	}
	list, next = cut(p, list, func(o *controlv1.Order) place {
		return place{At: timeOf(o.GetCreatedAt()), Key: [2]string{o.GetCategory(), o.GetOrderId()}}
	})
	return list, next, nil
}

func scanOrder(row pgx.CollectableRow, o *controlv1.Order) error {
	return row.Scan(&o.Category, &o.OrderId, &o.ClientOrderId, &o.Symbol, &o.Side, &o.OrderType, &o.TimeInForce, &o.Status,
		&o.ExchangeStatus, &o.Price, &o.Quantity, &o.FilledQuantity, &o.AveragePrice, &o.Fees, &o.ReduceOnly, &o.TriggerPrice,
		moment{&o.CreatedAt}, moment{&o.UpdatedAt}, moment{&o.AsOf})
}

// FillFilter selects fills; what is empty matches everything.
type FillFilter struct {
	Category, Symbol, OrderID string
	Since, Until              time.Time // of their execution
}

// Fills reads a page of fills and the token of the next one.
func (r Reader) Fills(ctx context.Context, f FillFilter, p Page) (list []*controlv1.Fill, next string, err error) {
	const page = 7
	sql := `
SELECT category, exec_id, coalesce(order_id, ''), symbol, coalesce(side, ''), coalesce(exec_type, ''), price::text,
       quantity::text, value::text, fee::text, coalesce(fee_asset, ''), fee_rate::text, is_maker, executed_at
FROM alphapulse.fills
WHERE account_id = $1 AND ($2 = '' OR category = $2) AND ($3 = '' OR symbol = $3) AND ($4 = '' OR order_id = $4)
  AND ($5::timestamptz IS NULL OR executed_at >= $5) AND ($6::timestamptz IS NULL OR executed_at < $6)
  AND ` + behind("executed_at", "category", "exec_id", page) + `
` + ordered("executed_at", "category", "exec_id", page)
	args := []any{r.AccountID, f.Category, f.Symbol, f.OrderID, orNull(f.Since), orNull(f.Until)}
	list, err = collect(ctx, r.DB, "fills", sql, append(args, p.args()...),
		func(row pgx.CollectableRow, e *controlv1.Fill) error {
			return row.Scan(&e.Category, &e.ExecId, &e.OrderId, &e.Symbol, &e.Side, &e.ExecType, &e.Price, &e.Quantity, &e.Value,
				&e.Fee, &e.FeeAsset, &e.FeeRate, &e.IsMaker, moment{&e.ExecutedAt})
		})
	if err != nil {
		return nil, "", err
	}
	list, next = cut(p, list, func(e *controlv1.Fill) place {
		return place{At: timeOf(e.GetExecutedAt()), Key: [2]string{e.GetCategory(), e.GetExecId()}}
	})
	return list, next, nil
}

func orNull(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func timeOf(at *timestamppb.Timestamp) *time.Time {
	if at == nil {
		return nil
	}
	t := at.AsTime()
	return &t
}
