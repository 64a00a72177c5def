package exchangesim

import (
	"fmt"
	"strings"
	"time"
)

// History asks for a dense, exact history beside the snapshots: for every
// account and symbol exactly so many fills on every UTC day, with the orders
// and ledger rows that belong to them. Then nothing else ends or is filled by
// itself: every row of the histories is one of these, or the admin's. However
// dense it is, it costs nothing: each row is computed when it is asked for.
type History struct {
	// Symbols are names as in BTCUSDT (linear unless it is in another category
	// only) or spot:BTCUSDT. None: no dense history.
	Symbols []string
	// FillsPerDay per account and symbol (default 40).
	FillsPerDay int
	// From (required) and Until bound it, to the UTC day; the zero Until means
	// that it goes on as time does.
	From, Until time.Time
	// Funding adds the funding of the perpetuals among Symbols, every 8 hours.
	Funding bool
}

const (
	maxFillsPerDay = 1_000_000
	maxHistories   = 64
)

// farAway is when a history without an end ends.
func farAway() time.Time { return time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC) }

func (h History) withDefaults() History {
	h.FillsPerDay = orDefault(h.FillsPerDay, 40)
	h.From = h.From.UTC().Truncate(24 * time.Hour)
	if h.Until.IsZero() {
		h.Until = farAway()
	}
	h.Until = h.Until.UTC().Truncate(24 * time.Hour)
	return h
}

func (h History) validate(c Config) []error {
	if len(h.Symbols) == 0 {
		return nil
	}
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("history: "+format, args...))
		}
	}
	wrong(len(h.Symbols) > maxHistories, "at most %d symbols, not %d", maxHistories, len(h.Symbols))
	wrong(h.FillsPerDay < 1 || h.FillsPerDay > maxFillsPerDay, "fills per day must be 1 to %d, not %d", maxFillsPerDay, h.FillsPerDay)
	wrong(h.From.Before(c.Epoch.UTC().Truncate(24*time.Hour)), "it cannot begin before the epoch, %s", c.Epoch.Format(time.RFC3339))
	wrong(!h.From.Before(h.Until), "it must begin before it ends")
	m := newMarket(0, c.Rows, c.SettleCoins)
	seen := map[string]bool{}
	for _, name := range h.Symbols {
		s, ok := m.named(name)
		wrong(!ok, "no perpetual or spot pair %q on this exchange", name)
		wrong(ok && seen[s.category+s.name], "%q is named twice", name)
		seen[s.category+s.name] = true
	}
	return errs
}

// named finds a symbol that never expires by NAME or category:NAME.
func (m *market) named(name string) (symbol, bool) {
	if category, rest, ok := strings.Cut(name, ":"); ok {
		s, found := m.static[category][rest]
		return s, found
	}
	for _, category := range []string{linear, inverse, spot} {
		if s, ok := m.static[category][name]; ok {
			return s, true
		}
	}
	return symbol{}, false
}

func (h History) chronicles(m *market) []chronicle {
	var list []chronicle
	for i, name := range h.Symbols {
		s, _ := m.named(name) // checked by validate
		c := chronicle{slot: placedSlot - 1 - i, symbol: s, perDay: int64(h.FillsPerDay)}
		c.first = c.perDay * floorDiv(h.From.UnixMilli()-chronicleOrigin, day)
		c.past = c.perDay * floorDiv(h.Until.UnixMilli()-chronicleOrigin, day)
		list = append(list, c)
	}
	return list
}
