package exchangetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// longest is how long one check may take: so long waits what never ends.
const longest = time.Minute

// check is one sentence of the contract, tried with one reader.
type check struct {
	name string
	// applies to a reader; nil: to all that give rows.
	applies func(b bench) bool
	run     func(ctx context.Context, b bench) error
}

// whole is one sentence of the contract about the adapter as a whole.
type whole struct {
	name string
	run  func(ctx context.Context, x Exchange) error
}

func wholes() []whole {
	return []whole{
		{"the author said all that is needed", declared},
		{"scopes and histories are sane and stable", capable},
		{"clock and reparser are there", implements},
		{"wrong settings are refused", refusesSettings},
		{"credentials are never printed", unprinted},
		{"all readers are used at once", crowd},
	}
}

func checks() []check {
	var all []check
	for _, group := range [][]check{readingChecks(), pagingChecks(), windowChecks(), numberChecks(), badRowChecks(), errorChecks(), cancelChecks()} {
		all = append(all, group...)
	}
	return all
}

// Run holds an adapter to the contract.
func Run(t *testing.T, x Exchange) {
	t.Helper()
	for _, w := range wholes() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, bounded(t.Context(), func(ctx context.Context) error { return w.run(ctx, x) }))
		})
	}
	readers, err := x.readers()
	require.NoError(t, err)
	for _, r := range readers {
		if x.Only != nil && !x.Only(r.reading, r.scope) {
			continue
		}
		t.Run(fmt.Sprintf("%s/%s", r.reading, r.scope), func(t *testing.T) {
			t.Parallel()
			runReader(t, newBench(x, r))
		})
	}
}

func runReader(t *testing.T, b bench) {
	t.Helper()
	require.True(t, b.reader.rowless() || b.rows.Sample != nil, "there are no Rows for %s", b.reader.reading)
	for _, c := range checks() {
		if !c.concerns(b) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, bounded(t.Context(), func(ctx context.Context) error { return c.run(ctx, b) }))
		})
	}
}

func (c check) concerns(b bench) bool {
	if c.applies != nil {
		return c.applies(b)
	}
	return !b.reader.rowless()
}

func bounded(ctx context.Context, run func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, longest, errors.New("the check took too long"))
	defer cancel()
	return run(ctx)
}

// readers are those of the adapter's results.
func (x Exchange) readers() ([]reader, error) {
	s, err := bench{exchange: x}.scene(nil, nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return readersOf(x, s.account, s.market)
}

func everything(bench) bool { return true }

func calls(b bench) bool { return b.reader.rowless() }

func private(b bench) bool { return !b.reader.rowless() && !b.reader.public }

func paged(b bench) bool { return !b.reader.rowless() && !b.rows.Single }

func historical(b bench) bool { return b.reader.history != nil }
