package exchangesim

import (
	"sort"

	"github.com/shopspring/decimal"
)

// chronicle is the dense history of one symbol. Its fills are numbered from a
// fixed day on, so many a day, so that any of them, and its order, is found
// without those before it. Its fills come in blocks of ten that belong to four
// orders of one to four fills.
type chronicle struct {
	slot   int // of its orders' ids
	symbol symbol
	perDay int64
	first  int64 // numbers of its first fill, and of the one after its last
	past   int64
}

// chronicleOrigin is 2020-01-01, where numbers begin.
const chronicleOrigin = int64(1_577_836_800_000)

const (
	blockFills  = 10
	blockOrders = 4
)

func (h *chronicle) seed(v *view) seed {
	return v.acc.seed.named("chronicle").named(h.symbol.category).named(h.symbol.name)
}

// step is the time that a fill has to itself.
func (h *chronicle) step() int64 { return day / h.perDay }

// at dates a fill: each falls into the first quarter of its step, so none is
// before the one with the number before it.
func (h *chronicle) at(s seed, n int64) int64 {
	number, k := floorDiv(n, h.perDay), n-floorDiv(n, h.perDay)*h.perDay
	return chronicleOrigin + number*day + k*h.step() + s.at(n).below(h.step()/4+1)
}

// upTo gives the number after the last fill at or before an instant.
func (h *chronicle) upTo(s seed, at int64) int64 {
	return h.first + int64(sort.Search(int(h.past-h.first), func(i int) bool { return h.at(s, h.first+int64(i)) > at }))
}

// orderOf gives the order of a fill.
func (h *chronicle) orderOf(s seed, fill int64) int64 {
	block := floorDiv(fill, blockFills)
	for i := range int64(blockOrders) {
		if begin, size := blockShare(s, block, i); fill < begin+size {
			return block*blockOrders + i
		}
	}
	return block*blockOrders + blockOrders - 1
}

// of gives the numbers of an order's fills.
func (h *chronicle) of(s seed, order int64) (begin, end int64) {
	block := floorDiv(order, blockOrders)
	begin, size := blockShare(s, block, order-block*blockOrders)
	return max(begin, h.first), min(begin+size, h.past)
}

// blockShare gives the first fill and the number of fills of order i of a
// block: the sizes one to four, turned.
func blockShare(s seed, block, i int64) (begin, size int64) {
	turn := s.named("block").at(block).below(blockOrders)
	begin = block * blockFills
	for k := range i {
		begin += (turn+k)%blockOrders + 1
	}
	return begin, (turn+i)%blockOrders + 1
}

// orders gives the numbers of the first order and of the one after the last.
func (h *chronicle) orders(s seed) (first, past int64) {
	return h.orderOf(s, h.first), h.orderOf(s, h.past-1) + 1
}

// begins is the first instant of a history, before which it has not even an
// order; ends the instant after its last.
func (h *chronicle) begins() int64 { return chronicleOrigin + h.first/h.perDay*day }

func (h *chronicle) ends() int64 { return chronicleOrigin + h.past/h.perDay*day }

// life bounds an order: created in the step before its first fill, ended with
// its last fill or a little later.
func (h *chronicle) life(s seed, order int64) (created, final int64, f fate) {
	begin, end := h.of(s, order)
	own := s.named("order").at(order)
	f = fate{final: statusFilled, fills: true, market: own.named("market").oneIn(5)}
	created = max(h.begins(), h.at(s, begin)-1-own.named("created").below(h.step()/2))
	final = h.at(s, end-1)
	if !f.market && own.named("cancelled").oneIn(8) {
		f.final = cancelledStatus(h.symbol, 1)
		final += 1 + own.named("final").below(h.step()/8+1)
	}
	return created, final, f
}

// draft outlines an order.
func (h *chronicle) draft(v *view, order int64) draft {
	s := h.seed(v)
	d := draft{
		number: order, record: h, root: s, symbol: h.symbol, seed: s.named("order").at(order),
		id: v.orderID(h.symbol.scope(), h.slot, order),
	}
	d.created, d.final, d.fate = h.life(s, order)
	return d
}

// recorded finds the order of an id's slot and number.
func (v *view) recorded(slot int, order int64) (draft, bool) {
	for i := range v.histories {
		h := &v.histories[i]
		if h.slot != slot {
			continue
		}
		first, past := h.orders(h.seed(v))
		if order < first || order >= past {
			return draft{}, false
		}
		return h.draft(v, order), true
	}
	return draft{}, false
}

// touching gives the orders of a scope's dense histories whose life touches
// [from, to], as they stand now.
func (v *view) touching(scope string, from, to int64) []standing {
	var list []standing
	for i := range v.histories {
		h := &v.histories[i]
		if h.symbol.scope() != scope {
			continue
		}
		s := h.seed(v)
		first, past := h.orders(s)
		first = max(first, h.orderOf(s, h.upTo(s, from)-1))
		past = min(past, h.orderOf(s, h.upTo(s, to))+1)
		for n := first; n < past; n++ {
			d := h.draft(v, n)
			if p, ok := v.progressOf(d); ok && d.final >= from && d.created <= to {
				list = append(list, standing{draft: d, progress: p})
			}
		}
	}
	return list
}

// steps lists the life of an order: one for each fill, and its end.
func (h *chronicle) steps(d draft) []progress {
	begin, end := h.of(d.root, d.number)
	list := []progress{{status: statusNew, updated: d.created}}
	for n := begin; n < end; n++ {
		p := progress{status: statusPartiallyFilled, updated: h.at(d.root, n), filled: (n - begin + 1) * 90 / (end - begin)}
		if n == end-1 && d.fate.final == statusFilled {
			p.status, p.filled = statusFilled, 100
		}
		list = append(list, p)
	}
	if d.fate.final != statusFilled {
		list = append(list, progress{status: d.fate.final, updated: d.final, filled: 90})
	}
	return list
}

// fills works out the fills of an order so far.
func (h *chronicle) fills(v *view, o order) []fill {
	s := h.seed(v)
	begin, end := h.of(s, o.number)
	var list []fill
	left := o.qty
	for n := begin; n < end && h.at(s, n) <= o.updated; n++ {
		f := fill{at: h.at(s, n), seed: s.named("fill").at(n), seq: seqBase + 2*(n&(1<<40-1))}
		f.price, f.qty = h.trade(f.seed)
		if f.seed.named("seq").oneIn(8) {
			f.seq = seqBase
		}
		left = left.Sub(f.qty)
		f.leaves = left
		list = append(list, v.settled(o, f))
	}
	return list
}

// trade draws price and quantity of a fill. One in four has numbers that
// floats, or columns with a scale, would lose.
func (h *chronicle) trade(s seed) (price, qty decimal.Decimal) {
	c := h.symbol.coin
	price = decimal.New(c.base, -c.scale).Mul(decimal.New(s.named("price").between(9_000, 11_000), -4))
	qty = decimal.New(s.named("qty").between(1, 100_000), -h.symbol.qtyScale())
	switch s.named("extreme").below(12) {
	case 0:
		price = decimal.New(12_345, -12)
	case 1:
		qty = decimal.New(1_234_567_890_125, -1)
	case 2:
		price = price.Add(decimal.New(s.named("dust").between(1, 999_999_999_999_999_999), -18))
		qty = qty.Add(decimal.New(s.named("more dust").between(1, 999_999_999_999_999_999), -18))
	}
	return price, qty
}

// detail fills an order in: its quantity is that of its fills, and more if it
// is cancelled; its limit the worst price among them.
func (h *chronicle) detail(v *view, o *order) {
	s := h.seed(v)
	o.side = "Buy"
	if o.seed.named("side").oneIn(2) {
		o.side = "Sell"
	}
	begin, end := h.of(s, o.number)
	for n := begin; n < end; n++ {
		price, qty := h.trade(s.named("fill").at(n))
		o.qty = o.qty.Add(qty)
		worse := price.GreaterThan(o.price) == (o.side == "Buy")
		if n == begin || worse {
			o.price = price
		}
	}
	if o.fate.final != statusFilled {
		o.qty = o.qty.Add(decimal.New(o.seed.named("rest").between(1, 1_000), -h.symbol.qtyScale()))
	}
	if o.fate.market {
		o.price = decimal.Zero
	}
	if o.seed.named("link").oneIn(2) {
		o.link = linkID(o.id)
	}
}
