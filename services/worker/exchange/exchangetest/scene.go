package exchangetest

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
)

// actUID is the UID of the account on every stage.
const actUID = "20304050"

// scene is a stage with an adapter's result before it.
type scene struct {
	*stage
	account exchange.Prober
	market  exchange.PriceReader
	budget  *budget
}

// scene opens a stage for the bench's reader with these rows. The caller closes
// it.
func (b bench) scene(rows []placed, set func(*stage)) (*scene, error) {
	s := &scene{stage: &stage{exchange: b.exchange, reader: b.reader, rows: rows}, budget: &budget{}}
	if set != nil {
		set(s.stage)
	}
	s.open()
	if err := s.enter(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the requests that are still held, which would keep it waiting.
func (s *scene) Close() {
	s.CloseClientConnections()
	s.Server.Close()
}

// enter makes the adapter and its results anew.
func (s *scene) enter() error {
	adapter, err := s.adapter()
	if err != nil {
		return err
	}
	target := s.exchange.Target
	target.BaseURL, target.UID = s.URL, actUID
	if s.account, err = adapter.Account(target, s.exchange.Credentials); err != nil {
		return fmt.Errorf("making an account: %w", err)
	}
	if s.market, err = adapter.Market(target); err != nil {
		return fmt.Errorf("making a market: %w", err)
	}
	return nil
}

func (s *scene) adapter() (exchange.Adapter, error) {
	policies := exchange.DefaultPolicies()
	policies.RetryDelay, policies.RetryMaxDelay = time.Millisecond, 5*time.Millisecond
	log := logrus.New()
	log.SetOutput(io.Discard)
	hosts, err := exchange.NewHosts(policies, s.budget, logrus.NewEntry(log))
	if err != nil {
		return nil, err
	}
	adapter, err := s.exchange.New(hosts)
	if err != nil {
		return nil, fmt.Errorf("making the adapter: %w", err)
	}
	return adapter, nil
}

// from is what the reader reads from.
func (s *scene) from() any {
	if s.reader.public {
		return s.market
	}
	return s.account
}

func (s *scene) read(ctx context.Context, window exchange.Window) result {
	return s.reader.read(ctx, s.from(), s.reader.scope, window)
}

// reparser is the result that the reader's rows are read again by.
func (s *scene) reparse(payload []byte) (exchange.Keyed, *exchange.RowFault, error) {
	parser, ok := s.from().(exchange.Reparser)
	if !ok {
		return nil, nil, fmt.Errorf("%T does not implement exchange.Reparser", s.from())
	}
	row, fault := parser.Reparse(s.reader.reading.dataType(), s.reader.scope, payload)
	return row, fault, nil
}
