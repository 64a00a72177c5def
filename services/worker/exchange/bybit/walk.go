package bybit

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

const (
	// maxPages is the most pages of a walk that cannot be cut, maxWindowPages of
	// one window of a history: a longer one is read in pieces, and what of it was
	// read is lost.
	maxPages       = 1000
	maxWindowPages = 200
	// maxFaultPayloads bounds how much of a walk's faulty rows themselves is
	// kept, in bytes. The keys are kept for all: they protect what is stored.
	maxFaultPayloads = 8 << 20
)

var (
	errNoList = errors.New("there is no list")
	errNoTime = errors.New("neither the answer nor its Timenow header says when it was given")
)

// decode reads one row: into a value, a fault, or neither if the row is
// understood and is none of ours.
type decode[T exchange.Keyed] func(raw json.RawMessage) (*T, *exchange.RowFault)

// walk collects the rows of one scope over all pages of all its queries.
type walk[T exchange.Keyed] struct {
	session *session
	most    int // pages of a query
	// newer decides between two versions of a row that was seen twice, because
	// rows move between pages while they are read. Nil: the later page wins.
	newer func(candidate, kept T) bool

	at       time.Time
	rows     []T
	index    map[string]int
	faults   []exchange.RowFault
	payloads int                        // bytes
	met      map[[sha256.Size]byte]bool // faults, by key and payload
	dropped  bool                       // the payload of a fault was
}

func newWalk[T exchange.Keyed](s *session, newer func(candidate, kept T) bool) *walk[T] {
	return &walk[T]{session: s, most: maxPages, newer: newer, index: map[string]int{}, met: map[[sha256.Size]byte]bool{}}
}

// run reads pages until the cursor or the list is empty. Short pages and a
// cursor on the last page are both normal here. What it read before a fault
// stays.
func (w *walk[T]) run(ctx context.Context, ep endpoint, next fetch, read decode[T]) *exchange.Error {
	seen := map[string]bool{}
	cursor := ""
	for range w.most {
		page, fault := next(ctx, cursor)
		if fault != nil {
			return fault
		}
		if fault := w.stamp(page); fault != nil {
			return fault
		}
		w.add(page.rows, read)
		if page.cursor == "" || len(page.rows) == 0 {
			return nil
		}
		if seen[page.cursor] {
			return incomplete(ep, "the exchange's cursor led back to a page that was already read")
		}
		seen[page.cursor] = true
		cursor = page.cursor
	}
	fault := incomplete(ep, fmt.Sprintf("there are more than %d pages", w.most))
	fault.Code = exchange.TooManyPages
	return fault
}

// stamp takes the time of the first page for the whole walk.
func (w *walk[T]) stamp(p page) *exchange.Error {
	if !w.at.IsZero() {
		return nil
	}
	if p.at.IsZero() {
		return w.session.shapeFault(p.reply, errNoTime)
	}
	w.at = p.at
	return nil
}

func (w *walk[T]) add(rows []json.RawMessage, read decode[T]) {
	if left := cap(w.rows) - len(w.rows); left < len(rows) {
		// Twice as many: of rows this large, each copy is felt.
		w.rows = slices.Grow(w.rows, max(len(rows), len(w.rows)))
	}
	for _, raw := range rows {
		row, fault := read(raw)
		if fault != nil {
			w.fault(*fault)
		}
		if row != nil {
			w.keep(*row)
		}
	}
}

// fault keeps a row that was not understood, once: a row may come on several
// pages, or in several queries.
func (w *walk[T]) fault(fault exchange.RowFault) {
	id := sha256.Sum256([]byte(fault.Key + "\n" + string(fault.Payload)))
	if w.met[id] {
		return
	}
	w.met[id] = true
	if w.payloads += len(fault.Payload); w.payloads > maxFaultPayloads {
		fault.Payload, w.dropped = nil, true
	}
	w.faults = append(w.faults, fault)
}

func (w *walk[T]) keep(row T) {
	key := row.Key()
	at, seen := w.index[key]
	switch {
	case !seen:
		w.index[key] = len(w.rows)
		w.rows = append(w.rows, row)
	case w.newer == nil || w.newer(row, w.rows[at]):
		w.rows[at] = row
	}
}

// snapshot is what the walk found; fault is why it ended early, or nil.
func (w *walk[T]) snapshot(scope exchange.Scope, fault *exchange.Error) exchange.Snapshot[T] {
	return exchange.Snapshot[T]{
		Scope:    scope,
		AsOf:     w.at,
		Rows:     w.rows,
		Faults:   w.faults,
		Complete: fault == nil,
		Err:      fault,
	}
}

func incomplete(ep endpoint, message string) *exchange.Error {
	return during(ep, &exchange.Error{Class: exchange.Incomplete, Message: message})
}
