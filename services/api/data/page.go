package data

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	defaultPage = 100
	maxPage     = 1000
	maxToken    = 2048
)

// ErrPage is a page that nobody gave.
var ErrPage = errors.New("the page token is not one that this API gave")

// Page is a part of a list, the newest row first. A row is in exactly one page
// however the list grows meanwhile, because a page begins behind a row and not
// at a number.
type Page struct {
	size int
	last *place
}

// place is a row's place in the order: its time, and its key among those of the
// same time. Rows without a time come first.
type place struct {
	At  *time.Time `json:"at"`
	Key [2]string  `json:"key"`
}

// ParsePage reads what a caller asks for.
func ParsePage(size int32, token string) (Page, error) {
	p := Page{size: int(size)}
	switch {
	case size == 0:
		p.size = defaultPage
	case size < 0 || size > maxPage:
		return p, fmt.Errorf("a page has 1 to %d rows", maxPage)
	}
	if token == "" {
		return p, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(token) > maxToken {
		return p, ErrPage
	}
	p.last = &place{}
	if json.Unmarshal(text, p.last) != nil || p.last.Key[1] == "" {
		return p, ErrPage
	}
	return p, nil
}

// args are those of behind, and how many rows are to be read: one more than the
// page has, so that it is known whether there are more.
func (p Page) args() []any {
	if p.last == nil {
		return []any{nil, nil, nil, p.size + 1}
	}
	return []any{p.last.At, p.last.Key[0], p.last.Key[1], p.size + 1}
}

// behind is the condition that a row comes after the last page, in the order of
// ordered. $n to $n+2 are the first of args.
func behind(at, key0, key1 string, n int) string {
	return fmt.Sprintf(`($%[5]d::text IS NULL OR
       CASE WHEN $%[4]d::timestamptz IS NULL THEN %[1]s IS NOT NULL OR (%[2]s, %[3]s) > ($%[5]d, $%[6]d)
            ELSE %[1]s < $%[4]d OR (%[1]s = $%[4]d AND (%[2]s, %[3]s) > ($%[5]d, $%[6]d)) END)`,
		at, key0, key1, n, n+1, n+2)
}

func ordered(at, key0, key1 string, n int) string {
	return fmt.Sprintf("ORDER BY %s DESC NULLS FIRST, %s, %s LIMIT $%d", at, key0, key1, n+3)
}

// cut takes the row too many off and gives the token of the next page.
func cut[M any](p Page, list []*M, placeOf func(*M) place) ([]*M, string) {
	if len(list) <= p.size {
		return list, ""
	}
	list = list[:p.size]
	text, err := json.Marshal(placeOf(list[p.size-1]))
	if err != nil {
		return list, "" // two texts and a time always have a form in JSON
	}
	return list, base64.RawURLEncoding.EncodeToString(text)
}
