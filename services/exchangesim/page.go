package exchangesim

import "strconv"

// listing is a whole list; a page is cut out of it.
type listing struct {
	category string
	total    int
	row      func(i int) any
	// rows gives a run of rows [from, to) at once, in place of row.
	rows func(from, to int) []any
	// inRows: the page calls its list "rows" and names no category.
	inRows bool
	// trails: the last page has a cursor too, and an empty page follows.
	trails bool
}

// page is the result of a paged answer as the exchange sends it.
type page struct {
	List           []any  `json:"list"`
	NextPageCursor string `json:"nextPageCursor"`
	Category       string `json:"category,omitempty"`
}

// rowPage is the same of the asset endpoints that call it so.
type rowPage struct {
	Rows           []any  `json:"rows"`
	NextPageCursor string `json:"nextPageCursor"`
}

// answer is what is sent, before the faults that garble it.
type answer struct {
	result  any
	message string
	// recorded goes before both: it is sent as it is.
	recorded *recording
}

// limit reads the limit parameter.
func (c *call) limit(sizes pageSizes) (int, *refusal) {
	sent := c.query.Get("limit")
	if sent == "" {
		return sizes.usual, nil
	}
	n, err := strconv.Atoi(sent)
	if err != nil || n < 1 || n > sizes.most {
		return 0, badParam("limit must be in [1, %d]", sizes.most)
	}
	return n, nil
}

// answerPage cuts one page of a walk. Its rows are those of the walk's first
// instant; the envelope's time is the present.
func (x *Exchange) answerPage(c *call, ep endpoint) (answer, *refusal) {
	size, no := c.limit(ep.pages)
	if no != nil {
		return answer{}, no
	}
	cur, no := c.takeCursor()
	if no != nil {
		return answer{}, no
	}
	c.at = cur.at
	c.look(x)
	all, no := ep.list(x, c)
	if no != nil {
		return answer{}, no
	}
	return c.cut(all, cur, size)
}

func (c *call) cut(all *listing, cur cursor, size int) (answer, *refusal) {
	size = c.faultedSize(size)
	from := min(cur.offset, all.total)
	to := min(from+size, all.total)
	if no := c.pageFault(from > 0, to == all.total); no != nil {
		return answer{}, no
	}
	result := page{List: all.slice(max(0, from-c.faultedOverlap()), to), Category: all.category}
	next := cursor{offset: to, at: cur.at, check: cur.check}
	trailing := all.trails && to == all.total && cur.offset < max(1, all.total)
	if trailing {
		next.offset = max(1, all.total)
	}
	if to < all.total || trailing {
		result.NextPageCursor = next.String()
	}
	result.NextPageCursor = c.faultedCursor(cur, result.NextPageCursor)
	if all.inRows {
		return answer{result: rowPage{Rows: result.List, NextPageCursor: result.NextPageCursor}, message: "success"}, nil
	}
	return answer{result: result, message: "OK"}, nil
}

func (l *listing) slice(from, to int) []any {
	list := []any{}
	if l.rows != nil {
		return append(list, l.rows(from, to)...)
	}
	for i := from; i < to; i++ {
		list = append(list, l.row(i))
	}
	return list
}

// trails decides for a walk whether its last page has a cursor: one in three.
func (c *call) trails() bool {
	return seed(c.cursorCheck()).at(c.at).oneIn(3)
}
