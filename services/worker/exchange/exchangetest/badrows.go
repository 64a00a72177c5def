package exchangetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

func badRowChecks() []check {
	return []check{
		{name: "a bad row with a key is a fault of that key", run: keyedFault},
		{name: "a bad row without a key is a fault without one", run: keylessFault},
		{name: "a row of another shape is a fault", run: misshapen},
		{name: "a bad row shows no secret", run: discreetRows, applies: private},
	}
}

// spoiled is some rows, the second of them with another payload.
func (b bench) spoiled(spoil func([]byte) []byte) (rows []placed, bad placed, good []placed) {
	rows = b.some(5)
	rows[1].Payload = spoil(rows[1].Payload)
	return rows, rows[1], append([]placed{rows[0]}, rows[2:]...)
}

func keyedFault(ctx context.Context, b bench) error {
	rows, bad, good := b.spoiled(b.rows.Spoil)
	if bad.Payload == nil {
		return nil // every number is part of the key
	}
	return b.reads(ctx, rows, b.cut(), func(s *scene, got result) error {
		fault, err := got.onlyFault()
		if err != nil {
			return err
		}
		if fault.Key != bad.Row.Key() {
			return fmt.Errorf("the fault's key is %q, not %q", fault.Key, bad.Row.Key())
		}
		return errors.Join(got.holds(good), s.keeps(*fault, bad))
	})
}

func keylessFault(ctx context.Context, b bench) error {
	rows, bad, good := b.spoiled(b.rows.Strip)
	return b.reads(ctx, rows, b.cut(), func(s *scene, got result) error {
		fault, err := got.onlyFault()
		if err != nil {
			return err
		}
		if fault.Key != "" {
			return fmt.Errorf("a row without a key has %q", fault.Key)
		}
		return errors.Join(got.holds(good), s.keeps(*fault, bad))
	})
}

// cut puts the bad row and its neighbours on the first of several pages.
func (b bench) cut() func(*stage) {
	if b.rows.Single {
		return nil
	}
	return func(s *stage) { s.sizes = []int{3} }
}

// onlyFault is the one that was planted, however often its row came. The walk
// goes on behind it.
func (g result) onlyFault() (*exchange.RowFault, error) {
	switch {
	case g.err != nil && g.err.Class != exchange.Incomplete:
		return nil, fmt.Errorf("one bad row ended the scope: %w", g.err)
	case len(g.faults) != 1:
		return nil, fmt.Errorf("one bad row is %d faults", len(g.faults))
	case g.faults[0].Reason == "":
		return nil, errors.New("the fault has no Reason")
	default:
		return &g.faults[0], nil
	}
}

// keeps compares the payload with the row as sent, and reads it again.
func (s *scene) keeps(fault exchange.RowFault, sent placed) error {
	if !bytes.Equal(compact(fault.Payload), compact(sent.Payload)) {
		return fmt.Errorf("the payload is not the row as sent: %s", fault.Payload)
	}
	row, again, err := s.reparse(fault.Payload)
	switch {
	case err != nil:
		return err
	case row != nil || again == nil:
		return errors.New("the bad row is none when it is read again")
	case again.Key != fault.Key:
		return fmt.Errorf("read again its key is %q, not %q", again.Key, fault.Key)
	default:
		return nil
	}
}

func compact(payload []byte) []byte {
	var out bytes.Buffer
	if err := json.Compact(&out, payload); err != nil {
		return payload
	}
	return out.Bytes()
}

func misshapen(ctx context.Context, b bench) error {
	var faults []error
	for _, shape := range []string{`7`, `"text"`, `true`, `null`, `{}`, `[]`, `[[]]`} {
		rows, _, good := b.spoiled(func([]byte) []byte { return []byte(shape) })
		err := b.reads(ctx, rows, nil, func(_ *scene, got result) error {
			fault, err := got.onlyFault()
			if err == nil && fault.Key != "" {
				err = fmt.Errorf("its key is %q", fault.Key)
			}
			return errors.Join(err, got.holds(good))
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("the row %s: %w", shape, err))
		}
	}
	return errors.Join(faults...)
}

// discreetRows: the exchange sends the credentials where a number should be.
func discreetRows(ctx context.Context, b bench) error {
	said := b.exchange.Credentials.Key() + " " + string(b.exchange.Credentials.Secret())
	rows := []placed{b.row(0, b.window.From, said)}
	return b.reads(ctx, rows, nil, func(s *scene, got result) error {
		if len(got.faults) != 1 {
			return fmt.Errorf("the row is %d faults", len(got.faults))
		}
		if len(got.faults[0].Payload) == 0 {
			return errors.New("the fault has no payload")
		}
		return s.discreet(got)
	})
}
