package worker

import (
	"context"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/services/worker/snapshot"
)

// The ledger is a history of each of the exchange's books: the transaction log
// (both legs of a spot trade are rows of their own), the contract log of older
// accounts, the FUND wallet's, deposits, withdrawals and transfers between
// wallets. Columns by field are given with exchange.LedgerEntry and the
// adapter's decoders; entry_id is theirs too.
//
// A deposit or a withdrawal changes its status until it is done, and such a row
// changes only to what is not older by its own update time.
func ledgerTable() snapshot.Table {
	return snapshot.Table{
		Name: "ledger", Subject: "account_id", Scope: "scope", NoHistory: true,
		Key: []snapshot.Column{{Name: "source", Type: "text"}, {Name: "entry_id", Type: "text"}},
		Compared: []snapshot.Column{
			{Name: "exchange_id", Type: "text"},
			{Name: "wallet", Type: "text"},
			{Name: "asset", Type: "text"},
			{Name: "entry_type", Type: "text"},
			{Name: "category", Type: "text"},
			{Name: "symbol", Type: "text"},
			{Name: "side", Type: "text"},
			{Name: "quantity", Type: "numeric"},
			{Name: "position_size", Type: "numeric"},
			{Name: "price", Type: "numeric"},
			{Name: "cash_flow", Type: "numeric"},
			{Name: "funding", Type: "numeric"},
			{Name: "fee", Type: "numeric"},
			{Name: "fee_rate", Type: "numeric"},
			{Name: "bonus_change", Type: "numeric"},
			{Name: "change", Type: "numeric"},
			{Name: "balance", Type: "numeric"},
			{Name: "order_id", Type: "text"},
			{Name: "client_order_id", Type: "text"},
			{Name: "trade_id", Type: "text"},
			{Name: "status", Type: "text"},
			{Name: "from_wallet", Type: "text"},
			{Name: "to_wallet", Type: "text"},
			{Name: "network", Type: "text"},
			{Name: "transaction_hash", Type: "text"},
			{Name: "description", Type: "text"},
			{Name: "occurred_at", Type: "timestamptz"},
			{Name: "updated_at", Type: "timestamptz"},
		},
		// Most entries have no time of their last change: there the later reading is
		// right.
		Guard: `CASE WHEN t.updated_at IS NULL OR i.updated_at IS NULL THEN i.s_as_of >= t.as_of
		             ELSE i.updated_at >= t.updated_at END`,
		Moved: `i.updated_at > ` + snapshot.LastRead,
		Times: []string{"occurred_at"},
	}
}

func ledgerValues(e exchange.LedgerEntry) []string {
	return []string{
		e.Source, e.EntryID,
		e.ExchangeID, e.Wallet, e.Asset, e.EntryType, e.Category, e.Symbol, e.Side,
		string(e.Quantity), string(e.PositionSize), string(e.Price), string(e.CashFlow), string(e.Funding),
		string(e.Fee), string(e.FeeRate), string(e.BonusChange), string(e.Change), string(e.Balance),
		e.OrderID, e.ClientOrderID, e.TradeID, e.Status, e.FromWallet, e.ToWallet, e.Network, e.TransactionHash,
		e.Description, timeText(e.OccurredAt), timeText(e.UpdatedAt),
	}
}

type ledgerReader struct{ past[exchange.LedgerEntry] }

func newLedgerReader() reader { return &ledgerReader{past: newPast(ledgerTable(), "", ledgerValues)} }

func (r *ledgerReader) read(ctx context.Context, a *attempt) reading {
	source, fault := serve[exchange.LedgerReader](a)
	if fault != nil {
		return reading{fault: fault}
	}
	histories := source.LedgerHistories()
	got := r.walk(ctx, a, histories, source.LedgerEntries)
	got.whole = &whole{}
	for _, h := range histories {
		got.whole.scopes = append(got.whole.scopes, string(h.Scope))
	}
	return got
}
