package guard

import (
	"errors"
	"fmt"
	"strings"
)

// ErrStale: the code is not what the list says any more.
var ErrStale = errors.New("the list is stale")

// Remove takes the guard out of the source of its file.
func (g Guard) Remove(source string) (string, error) {
	for _, h := range g.Hunks {
		found := places(source, h.Old)
		if len(found) != 1 {
			first, _, _ := strings.Cut(h.Old, "\n")
			return "", fmt.Errorf("guard %s: %w: %s has the lines to be changed, from %q on, %d times instead of once",
				g.Name, ErrStale, g.File, strings.TrimSpace(first), len(found))
		}
		source = source[:found[0]] + h.New + source[found[0]+len(h.Old):]
	}
	return source, nil
}

// places are where whole lines stand in a source.
func places(source, lines string) []int {
	var found []int
	for at := 0; ; at++ {
		next := strings.Index(source[at:], lines)
		if next < 0 {
			return found
		}
		at += next
		if at == 0 || source[at-1] == '\n' {
			found = append(found, at)
		}
	}
}
