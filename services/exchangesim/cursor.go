package exchangesim

import (
	"fmt"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// A cursor pins the instant of a walk's first page, so that all its pages show
// one world. It looks like the exchange's own: percent escapes inside, which a
// client must send back as it got them. Both ways that clients are known to do
// so are understood: the cursor escaped once more, or put into the query raw.
const (
	cursorHead = "page_token%3D"
	cursorTail = "%26"
)

type cursor struct {
	offset int
	at     int64
	check  uint64 // of the parameters it belongs to
}

func (c cursor) String() string {
	return fmt.Sprintf("%s%d%%3A%s%%3A%s%s", cursorHead, c.offset, strconv.FormatInt(c.at, 36), strconv.FormatUint(c.check, 36), cursorTail)
}

// parseCursor reads what String wrote, after the query's own decoding.
func parseCursor(s string) (cursor, bool) {
	if strings.Contains(s, "%") {
		decoded, err := url.QueryUnescape(s)
		if err != nil {
			return cursor{}, false
		}
		s = decoded
	}
	s, ok := strings.CutPrefix(s, "page_token=")
	if !ok {
		return cursor{}, false
	}
	parts := strings.Split(strings.TrimSuffix(s, "&"), ":")
	if len(parts) != 3 {
		return cursor{}, false
	}
	offset, err1 := strconv.Atoi(parts[0])
	at, err2 := strconv.ParseInt(parts[1], 36, 64)
	check, err3 := strconv.ParseUint(parts[2], 36, 64)
	return cursor{offset: offset, at: at, check: check}, err1 == nil && err2 == nil && err3 == nil && offset >= 0
}

// cursorCheck is a digest of all that must not change during a walk.
func (c *call) cursorCheck() uint64 {
	var names []string
	for name := range c.query {
		if name != "cursor" && name != "limit" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	digest := seed(0).named(c.path)
	if !c.alike {
		digest = digest.named(c.uid)
	}
	for _, name := range names {
		digest = digest.named(name).named(c.query.Get(name))
	}
	return uint64(digest)
}

// takeCursor reads the cursor parameter and pins the call to its instant.
func (c *call) takeCursor() (cursor, *refusal) {
	cur := cursor{at: c.now, check: c.cursorCheck()}
	sent := c.query.Get("cursor")
	if sent == "" {
		return cur, nil
	}
	got, ok := parseCursor(sent)
	if !ok || got.check != cur.check || got.at > c.now {
		return cursor{}, badParam("invalid cursor")
	}
	return got, nil
}
