package fleettest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

// row is one row by column, as text; "" is NULL.
type row map[string]string

// rows are the rows of a scope by key.
type rows map[string]row

// Drift compares every stored row of an account and its market with the
// stand-in's truth at the row's scope's as_of, as exact decimals, and lists
// what differs. The mapping from wire to column is written here anew, from the
// documentation, so that a mistake in the worker's does not hide itself.
func (f *Fleet) Drift(account ledger.Account) []string {
	f.T.Helper()
	histories := map[string]bool{"fills": true, "ledger": true, "closed_pnl": true, "candles": true, "instruments": true}
	var drift []string
	for _, scope := range f.scopes(account) {
		if strings.HasPrefix(scope.name, "closed:") || histories[scope.dataType] {
			continue // RecordDrift compares those
		}
		truth, err := f.Sim.Truth(account.ExchangeUID, scope.asOf)
		require.NoError(f.T, err)
		want, got := expected(truth, scope), f.stored(account, scope)
		for _, d := range compare(want, got) {
			drift = append(drift, fmt.Sprintf("%s %s at %s: %s", scope.dataType, scope.name, scope.asOf.Format(time.RFC3339Nano), d))
		}
	}
	return drift
}

// scope is a scope that was stored, with its as_of.
type scope struct {
	dataType, name string
	asOf           time.Time
}

func (f *Fleet) scopes(account ledger.Account) []scope {
	f.T.Helper()
	found, err := f.Pool.Query(f.T.Context(), `
SELECT data_type, scope, as_of FROM alphapulse.sync_scopes
WHERE subject_id IN ($1, $2) AND as_of IS NOT NULL ORDER BY data_type, scope`, account.ID, account.MarketID)
	require.NoError(f.T, err)
	list, err := pgx.CollectRows(found, func(r pgx.CollectableRow) (s scope, err error) {
		err = r.Scan(&s.dataType, &s.name, &s.asOf)
		return s, err
	})
	require.NoError(f.T, err)
	require.NotEmpty(f.T, list, "nothing is stored")
	return list
}

func expected(truth *exchangesim.Truth, s scope) rows {
	want := rows{}
	category, base, _ := strings.Cut(s.name, ":")
	switch s.dataType {
	case "balances":
		want = expectedWallet(truth, s.name)
	case "positions":
		for _, p := range truth.Positions[s.name] {
			if p.Size != "0" {
				want[fmt.Sprintf("%s/%d", p.Symbol, p.PositionIdx)] = wirePosition(p)
			}
		}
	case "orders":
		for _, o := range truth.OpenOrders[s.name] {
			want[o.OrderID] = wireOrder(o)
		}
	case "prices":
		for _, ticker := range truth.Prices[category] {
			fields := wireFields(ticker)
			if base == "" || strings.HasPrefix(fields["symbol"], base+"-") {
				want[fields["symbol"]] = wirePrice(fields)
			}
		}
	}
	return want
}

// expectedWallet is what an account has in a wallet; the FUND wallet has an
// endpoint of its own, which lists coins of which there is nothing too.
func expectedWallet(truth *exchangesim.Truth, name string) rows {
	want := rows{}
	if name == "fund" {
		for _, c := range truth.Fund {
			if c.WalletBalance != "0" {
				want[c.Coin] = row{"total": c.WalletBalance, "available": c.TransferBalance, "locked": "", "borrowed": "", "equity": "", "usd_value": ""}
			}
		}
		return want
	}
	wallet := truth.Wallets[strings.ToUpper(name)]
	for _, c := range wallet.Coin {
		want[c.Coin] = wireBalance(c, wallet)
	}
	return want
}

func wireBalance(c exchangesim.CoinRow, wallet exchangesim.WalletRow) row {
	r := row{
		"total": c.WalletBalance, "locked": c.Locked, "borrowed": c.BorrowAmount, "equity": c.Equity,
		"usd_value": c.UsdValue, "available": "",
	}
	if wallet.TotalAvailableBalance == "" {
		r["available"] = sum(c.WalletBalance, c.TotalPositionIM, c.TotalOrderIM, c.Locked, c.Bonus)
	}
	return r
}

// sum is the first amount less the others; "" if one is missing.
func sum(amounts ...string) string {
	var total decimal.Decimal
	for i, a := range amounts {
		d, err := decimal.NewFromString(a)
		if err != nil {
			return ""
		}
		if i > 0 {
			d = d.Neg()
		}
		total = total.Add(d)
	}
	return total.String()
}

func wirePosition(p exchangesim.PositionRow) row {
	return row{
		"side": map[string]string{"Buy": "long", "Sell": "short"}[p.Side], "size": p.Size, "entry_price": p.AvgPrice,
		"leverage": p.Leverage, "liquidation_price": p.LiqPrice, "realized_pnl": p.CurRealisedPnl,
		"mark_price": p.MarkPrice, "unrealized_pnl": p.UnrealisedPnl, "initial_margin": p.PositionIM,
		"maintenance_margin": p.PositionMM,
	}
}

func wireOrder(o exchangesim.OrderRow) row {
	price := o.Price
	if o.OrderType == "Market" && price == "0" {
		price = ""
	}
	return row{
		"client_order_id": o.OrderLinkID, "symbol": o.Symbol, "side": strings.ToLower(o.Side),
		"order_type": o.OrderType, "exchange_status": o.OrderStatus, "price": price, "quantity": o.Qty,
		"filled_quantity": o.CumExecQty,
	}
}

func wirePrice(fields map[string]string) row {
	return row{
		"last": fields["lastPrice"], "bid": fields["bid1Price"], "ask": fields["ask1Price"], "mark": fields["markPrice"],
		"index": fields["indexPrice"], "volume_24h": fields["volume24h"], "funding_rate": fields["fundingRate"],
	}
}

// wireFields are a ticker's fields as they are on the wire.
func wireFields(ticker any) map[string]string {
	encoded, err := json.Marshal(ticker)
	if err != nil {
		panic(err)
	}
	fields := map[string]string{}
	if err := json.Unmarshal(encoded, &fields); err != nil {
		panic(err)
	}
	return fields
}

// stored reads the rows of a scope as text.
func (f *Fleet) stored(account ledger.Account, s scope) rows {
	f.T.Helper()
	queries := map[string]string{
		"balances":  `SELECT asset, to_jsonb(t) FROM alphapulse.balances t WHERE account_id = $1 AND wallet = $2`,
		"positions": `SELECT symbol || '/' || position_idx, to_jsonb(t) FROM alphapulse.positions t WHERE account_id = $1 AND scope = $2`,
		"orders": `SELECT order_id, to_jsonb(t) FROM alphapulse.orders t WHERE account_id = $1 AND scope = $2
		           AND status IN ('untriggered', 'open', 'partially_filled')`,
		"prices": `SELECT symbol, to_jsonb(t) FROM alphapulse.prices t WHERE market_id = $1 AND scope = $2`,
	}
	subject := account.ID
	if s.dataType == "prices" {
		subject = account.MarketID
	}
	found, err := f.Pool.Query(f.T.Context(), queries[s.dataType], subject, s.name)
	require.NoError(f.T, err)
	got := rows{}
	var key string
	var encoded []byte
	_, err = pgx.ForEachRow(found, []any{&key, &encoded}, func() error {
		got[key] = textRow(encoded)
		return nil
	})
	require.NoError(f.T, err)
	return got
}

func textRow(encoded []byte) row {
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	decoder.UseNumber()
	var values map[string]any
	if err := decoder.Decode(&values); err != nil {
		panic(err)
	}
	r := row{}
	for column, value := range values {
		switch v := value.(type) {
		case nil:
			r[column] = ""
		default:
			r[column] = fmt.Sprint(v)
		}
	}
	return r
}

func compare(want, got rows) []string {
	var differences []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		stored, ok := got[key]
		if !ok {
			differences = append(differences, key+" is missing")
			continue
		}
		for _, column := range slices.Sorted(maps.Keys(want[key])) {
			if !sameValue(want[key][column], stored[column]) {
				differences = append(differences, fmt.Sprintf("%s.%s is %q, not %q", key, column, stored[column], want[key][column]))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			differences = append(differences, key+" should not be there")
		}
	}
	return differences
}

// sameValue compares as exact decimals where both are, else as text.
func sameValue(a, b string) bool {
	x, errX := decimal.NewFromString(a)
	y, errY := decimal.NewFromString(b)
	if errX == nil && errY == nil {
		return x.Equal(y)
	}
	return a == b
}

// Count reads one number.
func (f *Fleet) Count(query string, args ...any) int {
	f.T.Helper()
	var n int
	require.NoError(f.T, f.Pool.QueryRow(f.T.Context(), query, args...).Scan(&n))
	return n
}

// Texts reads the rows of a query of one text column.
func (f *Fleet) Texts(query string, args ...any) []string {
	f.T.Helper()
	found, err := f.Pool.Query(f.T.Context(), query, args...)
	require.NoError(f.T, err)
	list, err := pgx.CollectRows(found, pgx.RowTo[string])
	require.NoError(f.T, err)
	return list
}
