package exchangesim

import (
	"fmt"
	"strconv"
	"strings"
)

// An order's id holds its lane and number, veiled, so that a lookup by id needs
// no search: 4 bits of scope, 12 of slot, 32 of number. Derivatives have UUIDs,
// spot has numbers, as on the real exchange.
const (
	idBits     = 48
	idMask     = uint64(1)<<idBits - 1
	spotIDBase = uint64(1_000_000_000_000_000_000)
	spotCheck  = 12
	linkPrefix = "sim-"
	// placedSlot is the slot of the orders that the admin placed; no lane has it.
	placedSlot = 1<<12 - 1
)

func (v *view) orderID(scope string, slot int, n int64) string {
	for i, name := range v.market.orderScopes() {
		if name == scope {
			return v.encodeID(uint64(i)<<44 | uint64(slot)<<32 | uint64(uint32(n)))
		}
	}
	return ""
}

func (v *view) encodeID(payload uint64) string {
	veil := v.acc.seed.named("order id")
	check := uint64(veil.at(int64(payload)))
	tail := payload ^ uint64(veil)&idMask
	if payload>>44 == 0 {
		return strconv.FormatUint(spotIDBase+tail<<spotCheck|check&(1<<spotCheck-1), 10)
	}
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x",
		uint32(check), uint16(check>>32), check>>48&0xfff, 0x8000|uint16(check>>50)&0x3fff, tail)
}

// lookup finds the order of an id among all that the account ever had.
func (v *view) lookup(category, id string) (draft, bool) {
	for _, c := range v.past.orders {
		if c.act == orderPlaced && c.at <= v.at && c.id == id && c.placed.symbol.category == category {
			return c.placed.draft(), true
		}
	}
	payload, ok := v.decodeID(id)
	if !ok {
		return draft{}, false
	}
	scope, slot := payload>>44, int(payload>>32&0xfff)
	if d, ok := v.recorded(slot, int64(uint32(payload))); ok {
		return d, d.id == id && d.symbol.category == category
	}
	if int(scope) >= len(v.market.orderScopes()) || slot >= v.lanes() {
		return draft{}, false
	}
	name := v.market.orderScopes()[scope]
	d, ok := v.draft(v.lane(name, slot), int64(uint32(payload)))
	return d, ok && d.id == id && categoryOf(name) == category
}

func (v *view) decodeID(id string) (uint64, bool) {
	veil := uint64(v.acc.seed.named("order id"))
	if n, err := strconv.ParseUint(id, 10, 64); err == nil && n >= spotIDBase {
		return ((n-spotIDBase)>>spotCheck ^ veil) & idMask, true
	}
	tail, err := strconv.ParseUint(id[strings.LastIndex(id, "-")+1:], 16, 64)
	if len(id) != 36 || err != nil {
		return 0, false
	}
	return (tail ^ veil) & idMask, true
}

// linkID is the orderLinkId of the orders that have one.
func linkID(id string) string { return linkPrefix + strings.ReplaceAll(id, "-", "") }

// lookupLink finds an order by its orderLinkId.
func (v *view) lookupLink(category, link string) (draft, bool) {
	for _, c := range v.past.orders {
		if c.act == orderPlaced && c.at <= v.at && c.placed.link == link && c.placed.symbol.category == category {
			return c.placed.draft(), true
		}
	}
	id, found := strings.CutPrefix(link, linkPrefix)
	if !found {
		return draft{}, false
	}
	if len(id) == 32 {
		id = id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
	}
	d, ok := v.lookup(category, id)
	return d, ok && d.placed == nil && v.linked(d)
}

func (v *view) linked(d draft) bool { return d.seed.named("link").oneIn(2) }
