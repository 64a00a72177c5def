package exchange

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeExchange answers with a clock that is ahead of ours.
type fakeExchange struct {
	ahead time.Duration
	ways  []time.Duration // there and back, for each reading
	err   error
	reads int
}

func (e *fakeExchange) read(ctx context.Context) (Reading, error) {
	e.reads++
	if e.err != nil {
		return Reading{}, e.err
	}
	there, back := 5*time.Millisecond, 5*time.Millisecond
	if len(e.ways) >= 2 {
		there, back, e.ways = e.ways[0], e.ways[1], e.ways[2:]
	}
	reading := Reading{Sent: time.Now()}
	if err := pause(ctx, there); err != nil {
		return Reading{}, err
	}
	reading.Server = time.Now().Add(e.ahead)
	err := pause(ctx, back)
	reading.Received = time.Now()
	return reading, err
}

func TestClockTakesTheShortestRoundTrip(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock()
		ms := time.Millisecond
		exchange := &fakeExchange{ahead: 3 * time.Second, ways: []time.Duration{400 * ms, 10 * ms, 6 * ms, 4 * ms, 10 * ms, 300 * ms}}
		clock.Refresh(t.Context(), exchange.read)
		offset, ok := clock.Offset()
		require.True(t, ok)
		require.InDelta(t, (3 * time.Second).Milliseconds(), offset.Milliseconds(), 1)
		require.Equal(t, offset, time.Until(clock.Now()))
		require.Equal(t, time.Now(), clock.Local(clock.Now()))
	})
}

func TestClockIsMeasuredEveryFiveMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock, exchange := NewClock(), &fakeExchange{ahead: time.Second}
		clock.Refresh(t.Context(), exchange.read)
		clock.Refresh(t.Context(), exchange.read)
		require.Equal(t, clockSamples, exchange.reads)
		exchange.ahead = 2 * time.Second
		time.Sleep(5 * time.Minute)
		clock.Refresh(t.Context(), exchange.read)
		offset, _ := clock.Offset()
		require.Equal(t, 2*time.Second, offset)
	})
}

func TestClockUnreadKeepsTheOffsetAndIsNotAskedAgainAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock, exchange := NewClock(), &fakeExchange{err: errors.New("down")}
		clock.Refresh(t.Context(), exchange.read)
		clock.Refresh(t.Context(), exchange.read)
		require.Equal(t, 1, exchange.reads)
		_, ok := clock.Offset()
		require.False(t, ok)
		require.ErrorIs(t, clock.Sync(t.Context(), time.Now(), exchange.read), ErrClockUnread)
		exchange.err = nil
		time.Sleep(clockRetry)
		clock.Refresh(t.Context(), exchange.read)
		_, ok = clock.Offset()
		require.True(t, ok)
	})
}

func TestClockGivesUpOnAnExchangeThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		clock := NewClock()
		clock.Refresh(t.Context(), func(ctx context.Context) (Reading, error) {
			<-ctx.Done()
			return Reading{}, ctx.Err()
		})
		require.Equal(t, clockPatience, time.Since(started))
	})
}

func TestClockDoubtsAnOffsetThatAnAnswerContradicts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock, exchange := NewClock(), &fakeExchange{ahead: time.Second}
		clock.Refresh(t.Context(), exchange.read)
		time.Sleep(time.Minute)

		now := time.Now()
		clock.Observe(now.Add(time.Second), now.Add(-50*time.Millisecond), now.Add(50*time.Millisecond))
		require.False(t, clock.Doubted())
		clock.Refresh(t.Context(), exchange.read)
		require.Equal(t, clockSamples, exchange.reads, "an answer that fits changes nothing")

		exchange.ahead = -4 * time.Second
		now = time.Now()
		clock.Observe(now.Add(-4*time.Second), now.Add(-50*time.Millisecond), now.Add(50*time.Millisecond))
		require.True(t, clock.Doubted())
		clock.Refresh(t.Context(), exchange.read)
		offset, _ := clock.Offset()
		require.Equal(t, -4*time.Second, offset)
		require.False(t, clock.Doubted())
	})
}

func TestClockSyncMeasuresOnceForACrowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock, exchange := NewClock(), &fakeExchange{ahead: time.Second}
		found := time.Now()
		time.Sleep(time.Millisecond)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { require.NoError(t, clock.Sync(t.Context(), found, exchange.read)) })
		}
		wg.Wait()
		require.Equal(t, clockSamples, exchange.reads)
		require.NoError(t, clock.Sync(t.Context(), time.Now(), exchange.read))
		require.Equal(t, 2*clockSamples, exchange.reads, "a later find measures anew")
	})
}

func TestClockLeavingCallerBlamesNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock, exchange := NewClock(), &fakeExchange{}
		ctx, cancel := context.WithCancel(t.Context())
		clock.Refresh(ctx, func(ctx context.Context) (Reading, error) {
			cancel()
			return exchange.read(ctx)
		})
		clock.Refresh(t.Context(), exchange.read)
		_, ok := clock.Offset()
		require.True(t, ok)
	})
}
