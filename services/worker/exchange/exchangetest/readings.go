package exchangetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

func readingChecks() []check {
	return []check{
		{name: "rows come as they are", run: faithful},
		{name: "no rows are a complete nothing", run: empty},
		{name: "every request is paid for", run: paying, applies: everything},
		{name: "a scope that is not served is unsupported", run: unserved},
		{name: "a row is read again from its payload", run: reparsed},
		{name: "many read at once", run: many},
		{name: "a call that finds nothing is no error", run: answered, applies: calls},
	}
}

func faithful(ctx context.Context, b bench) error {
	rows := b.some(5)
	return b.reads(ctx, rows, nil, func(s *scene, got result) error {
		if got.scope != b.reader.scope {
			return fmt.Errorf("Scope is %q, not %q", got.scope, b.reader.scope)
		}
		return errors.Join(got.whole(), got.holds(rows), s.dated(got))
	})
}

func empty(ctx context.Context, b bench) error {
	return b.reads(ctx, nil, nil, func(s *scene, got result) error {
		return errors.Join(got.whole(), got.holds(nil), s.dated(got))
	})
}

// answered: an order that the exchange does not know is not found, a list may be
// empty, and a key is described.
func answered(ctx context.Context, b bench) error {
	return b.reads(ctx, nil, nil, func(_ *scene, got result) error {
		return errors.Join(got.whole(), got.holds(nil))
	})
}

// paying: one grant of the budget for each request, in the name of the host that
// it went to, and of the account for what needs a key.
func paying(ctx context.Context, b bench) error {
	return b.reads(ctx, nil, nil, func(s *scene, _ result) error {
		asked := len(s.questions())
		if asked == 0 {
			return errors.New("nothing was asked")
		}
		paid := 0
		for _, use := range s.budget.uses() {
			if "http://"+use.Host != s.URL || use.Endpoint == "" {
				return fmt.Errorf("the budget was asked for endpoint %q of host %q, and the requests went to %s", use.Endpoint, use.Host, s.URL)
			}
			if (use.UID == "") == b.reader.public {
				paid++
			}
		}
		if paid < asked {
			return fmt.Errorf("%d requests went out, and the budget granted %d with the right UID", asked, paid)
		}
		return nil
	})
}

func unserved(ctx context.Context, b bench) error {
	s, err := b.scene(nil, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	got := b.reader.read(ctx, s.from(), "no such scope", b.window)
	class := exchange.Unsupported
	if b.reader.reading == Candles && got.err != nil && got.err.Class == exchange.BadRequest {
		class = exchange.BadRequest // an interval is a parameter
	}
	return errors.Join(got.ended(class), got.holds(nil), s.unasked())
}

// unasked reports requests for rows.
func (s *stage) unasked() error {
	if n := len(s.questions()); n > 0 {
		return fmt.Errorf("the exchange was asked %d times all the same", n)
	}
	return nil
}

func reparsed(_ context.Context, b bench) error {
	s, err := b.scene(nil, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	want := b.some(1)[0]
	row, fault, err := s.reparse(want.Payload)
	switch {
	case err != nil:
		return err
	case fault != nil:
		return fmt.Errorf("a good row is a fault: %s", fault.Reason)
	case row == nil:
		return errors.New("a good row is neither row nor fault")
	default:
		return differ(row, want.Row)
	}
}
