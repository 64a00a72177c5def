package exchangetest

import (
	"context"
	"time"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// plain is the number of rows that no check of numbers is about.
const plain = "1.5"

// bench is where one reader is tried.
type bench struct {
	exchange Exchange
	reader   reader
	rows     Rows
	step     time.Duration
	// window is one that the reader's history allows at its longest, its bounds
	// whole steps. For a snapshot it only dates the rows.
	window exchange.Window
}

func newBench(x Exchange, r reader) bench {
	rows, _ := x.rows(r.reading)
	b := bench{exchange: x, reader: r, rows: rows, step: x.step(rows, r.scope)}
	end := time.Now().UTC().Add(-b.step).Truncate(b.step)
	span := time.Hour
	if r.history != nil {
		end = end.Add(-2 * r.history.Lag).Truncate(b.step)
		span = r.history.Window.Truncate(b.step)
	}
	b.window = exchange.Window{From: end.Add(-span), To: end}
	return b
}

// row places the n-th row.
func (b bench) row(n int, at time.Time, number string) placed {
	return placed{at: at, Sample: b.rows.Sample(Wish{Scope: b.reader.scope, N: n, At: at, Number: number})}
}

// some places n rows, one each step from the window's beginning; none of a
// reading that has none.
func (b bench) some(n int) []placed {
	if b.reader.rowless() {
		return nil
	}
	rows := make([]placed, n)
	for i := range rows {
		rows[i] = b.row(i, b.window.From.Add(time.Duration(i)*b.step), plain)
	}
	return rows
}

// at places a row at each of the times.
func (b bench) at(times ...time.Time) []placed {
	rows := make([]placed, len(times))
	for i, at := range times {
		rows[i] = b.row(i, at, plain)
	}
	return rows
}

// reads opens a scene, reads it once and hands both to judge.
func (b bench) reads(ctx context.Context, rows []placed, set func(*stage), judge func(*scene, result) error) error {
	s, err := b.scene(rows, set)
	if err != nil {
		return err
	}
	defer s.Close()
	got := s.read(ctx, b.window)
	if err := s.welcome(); err != nil {
		return err
	}
	return judge(s, got)
}
