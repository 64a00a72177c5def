package main

import (
	"fmt"
	"strconv"
	"strings"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// orNone shows what the exchange did not send as a dash.
func orNone(text *string) string {
	if text == nil {
		return "-"
	}
	return orDash(*text)
}

// printState says how far the rows above can be trusted.
func (p *program) printState(s *controlv1.DataState) {
	switch {
	case s.GetAt() != nil:
		p.say("As it was at %s.", moment(s.GetAt()))
		return
	case s.GetAsOf() == nil:
		p.say("Never read to its end: an absent row says nothing.")
	default:
		p.say("As of %s, %s ago.", moment(s.GetAsOf()), span(max(s.GetAge().AsDuration(), 0)))
	}
	if s.GetStale() {
		p.say("STALE: it is older than its cadence allows, or its account is not being synchronized; see `alphapulse status`.")
	}
	if !s.GetComplete() {
		p.say("INCOMPLETE: not everything could be read.")
	}
	for _, u := range s.GetUnreadScopes() {
		p.say("  %s: not read (%s)", plain(u.GetScope()),
			plain(orDash(strings.TrimSuffix(u.GetErrorClass()+": "+u.GetErrorMessage(), ": "))))
	}
}

func (p *program) printPortfolio(res *controlv1.GetPortfolioResponse) error {
	if len(res.GetAccounts()) == 0 {
		p.say("There are no accounts yet.")
		return nil
	}
	for _, a := range res.GetAccounts() {
		trust := "complete"
		if !a.GetComplete() {
			trust = "INCOMPLETE"
		}
		if a.GetStale() {
			trust += ", STALE"
		}
		p.say("%s: %s USDT net, %s held, as of %s, %s", plain(a.GetAccount()), orNone(a.NetValueUsdt), orNone(a.ValueUsdt),
			moment(a.GetAsOf()), trust)
		t := newTable(p.stdout, "  WALLET", "ASSET", "TOTAL", "PRICE", "USDT", "NET USDT", "PRICED BY")
		for _, h := range a.GetHoldings() {
			t.row("  "+h.GetWallet(), h.GetAsset(), orNone(h.Total), orNone(h.Price), orNone(h.ValueUsdt), orNone(h.NetValueUsdt),
				priced(h))
		}
		if err := t.end(); err != nil {
			return err
		}
		if len(a.GetUnpriced()) > 0 {
			p.say("  not in the sums: %s", plain(strings.Join(a.GetUnpriced(), ", ")))
		}
	}
	return nil
}

func priced(h *controlv1.Holding) string {
	if h.GetUnpricedReason() != "" {
		return h.GetUnpricedReason()
	}
	return orDash(h.GetPriceSource())
}

func (p *program) printBalances(res *controlv1.ListBalancesResponse) error {
	t := newTable(p.stdout, "WALLET", "ASSET", "TOTAL", "AVAILABLE", "LOCKED", "BORROWED", "EQUITY", "USD")
	for _, b := range res.GetBalances() {
		t.row(b.GetWallet(), b.GetAsset(), orNone(b.Total), orNone(b.Available), orNone(b.Locked), orNone(b.Borrowed),
			orNone(b.Equity), orNone(b.UsdValue))
	}
	defer p.printState(res.GetState())
	return t.end()
}

func (p *program) printPositions(res *controlv1.ListPositionsResponse) error {
	t := newTable(p.stdout, "CATEGORY", "SYMBOL", "IDX", "SIDE", "SIZE", "ENTRY", "MARK", "LIQUIDATION", "UNREALIZED", "LEVERAGE")
	for _, q := range res.GetPositions() {
		t.row(q.GetCategory(), q.GetSymbol(), strconv.Itoa(int(q.GetPositionIdx())), q.GetSide(), orNone(q.Size),
			orNone(q.EntryPrice), orNone(q.MarkPrice), orNone(q.LiquidationPrice), orNone(q.UnrealizedPnl), orNone(q.Leverage))
	}
	defer p.printState(res.GetState())
	return t.end()
}

func (p *program) printOrders(res *controlv1.ListOrdersResponse) error {
	t := newTable(p.stdout, "CREATED", "CATEGORY", "SYMBOL", "SIDE", "TYPE", "STATUS", "PRICE", "QUANTITY", "FILLED", "ORDER")
	for _, o := range res.GetOrders() {
		t.row(moment(o.GetCreatedAt()), o.GetCategory(), o.GetSymbol(), o.GetSide(), orDash(o.GetOrderType()), o.GetStatus(),
			orNone(o.Price), orNone(o.Quantity), orNone(o.FilledQuantity), o.GetOrderId())
	}
	defer p.printMore(res.GetState(), res.GetNextPageToken())
	return t.end()
}

func (p *program) printFills(res *controlv1.ListFillsResponse) error {
	t := newTable(p.stdout, "EXECUTED", "CATEGORY", "SYMBOL", "SIDE", "TYPE", "PRICE", "QUANTITY", "FEE", "ORDER")
	for _, f := range res.GetFills() {
		t.row(moment(f.GetExecutedAt()), f.GetCategory(), f.GetSymbol(), orDash(f.GetSide()), orDash(f.GetExecType()), orNone(f.Price),
			orNone(f.Quantity), strings.TrimSpace(fmt.Sprint(orNone(f.Fee), " ", f.GetFeeAsset())), orDash(f.GetOrderId()))
	}
	defer p.printMore(res.GetState(), res.GetNextPageToken())
	return t.end()
}

// printMore is printState of a list that may go on.
func (p *program) printMore(s *controlv1.DataState, next string) {
	p.printState(s)
	if next != "" {
		p.say("There are more: --page %s", next)
	}
}

func (p *program) printPrices(res *controlv1.ListPricesResponse) error {
	t := newTable(p.stdout, "CATEGORY", "SYMBOL", "LAST", "BID", "ASK", "MARK", "INDEX", "FUNDING")
	for _, q := range res.GetPrices() {
		t.row(q.GetCategory(), q.GetSymbol(), orNone(q.Last), orNone(q.Bid), orNone(q.Ask), orNone(q.Mark), orNone(q.Index),
			orNone(q.FundingRate))
	}
	defer p.printState(res.GetState())
	return t.end()
}
