package lag

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// record is a lane that was looked at once a second.
func record(samples ...Sample) *Lane {
	l := &Lane{}
	start := time.Now()
	for i, s := range samples {
		s.At = start.Add(time.Duration(i) * time.Second)
		l.add(s)
	}
	return l
}

func TestRatesAndTheTimeToDrain(t *testing.T) {
	t.Parallel()
	// 100 a second are settled, 40 come.
	var samples []Sample
	for i := range uint64(10) {
		samples = append(samples, Sample{Pending: 1000 - 60*i, InFlight: 20, Delivered: 20 + 100*i})
	}
	l := record(samples...)
	rates := l.rates()
	require.InDelta(t, 100, rates.Completion, 0.01)
	require.InDelta(t, 40, rates.Arrival, 0.01)
	require.Equal(t, 5*time.Second, rates.Window, "the shortest that saw enough")
	drain, ok := rates.Drain(460, 20)
	require.True(t, ok)
	require.Equal(t, 8*time.Second, drain)
	require.Equal(t, 200*time.Millisecond, l.work, "20 in flight, 100 a second")
}

func TestAQueueThatDoesNotShrinkHasNoTimeToDrain(t *testing.T) {
	t.Parallel()
	_, ok := record(Sample{Pending: 5}, Sample{Pending: 9}).rates().Drain(9, 0)
	require.False(t, ok, "it grows")
	_, ok = record(Sample{Pending: 5}, Sample{Pending: 5}).rates().Drain(5, 0)
	require.False(t, ok, "nobody works")
	_, ok = record(Sample{Pending: 5}).rates().Drain(5, 0)
	require.False(t, ok, "nothing is known yet")
	drain, ok := record(Sample{}).rates().Drain(0, 0)
	require.True(t, ok)
	require.Zero(t, drain, "empty is empty")
	drain, ok = Rates{Completion: 1e-300}.Drain(1<<62, 0)
	require.True(t, ok)
	require.Positive(t, drain, "no overflow")
}

// What was counted before the start of the workers does not slow the figure down.
func TestTheRateFollowsAChange(t *testing.T) {
	t.Parallel()
	var samples []Sample
	for range 60 {
		samples = append(samples, Sample{Pending: 10000})
	}
	for i := range uint64(6) {
		samples = append(samples, Sample{Pending: 10000 - 500*i, Delivered: 500 * i})
	}
	rates := record(samples...).rates()
	require.InDelta(t, 500, rates.Completion, 0.01)
	require.Zero(t, rates.Arrival)
}

// Nor does it while the window still holds that time.
func TestTheTimeBeforeTheWorkIsLeftOut(t *testing.T) {
	t.Parallel()
	var samples []Sample
	for range 60 {
		samples = append(samples, Sample{Pending: 10000})
	}
	samples = append(samples, Sample{Pending: 9900, InFlight: 20, Delivered: 100}) // they began just now
	_, known := record(samples...).rates().Drain(9900, 20)
	require.False(t, known, "they may have begun a second ago, or at this moment")
	for i := range uint64(2) {
		samples = append(samples, Sample{Pending: 9400 - 500*i, InFlight: 20, Delivered: 600 + 500*i})
	}
	rates := record(samples...).rates()
	require.Equal(t, 2*time.Second, rates.Window)
	require.InDelta(t, 500, rates.Completion, 0.01)
	require.Zero(t, rates.Arrival)
}

// While nobody works it is known how fast the queue grows.
func TestAQueueThatNobodyWorksOnGrows(t *testing.T) {
	t.Parallel()
	var samples []Sample
	for i := range uint64(6) {
		samples = append(samples, Sample{Pending: 10 + 7*i})
	}
	rates := record(samples...).rates()
	require.InDelta(t, 7, rates.Arrival, 0.01)
	require.Zero(t, rates.Completion)
}

// A redelivery is a delivery that settles nothing new: the difference of the
// rates does not change by it.
func TestRedeliveriesLeaveTheDifference(t *testing.T) {
	t.Parallel()
	var samples []Sample
	for i := range uint64(6) {
		samples = append(samples, Sample{Pending: 1000 - 100*i, InFlight: 10, Delivered: 130 * i})
	}
	rates := record(samples...).rates()
	require.InDelta(t, 100, rates.Completion-rates.Arrival, 0.01)
}

func TestAConsumerMadeAnewHasNoPast(t *testing.T) {
	t.Parallel()
	l := record(Sample{Pending: 100, Delivered: 5000}, Sample{Pending: 50, Delivered: 5050}, Sample{Pending: 70, Delivered: 3})
	require.Len(t, l.history(), 1)
	require.Equal(t, Rates{}, l.rates())
	require.Zero(t, l.work)
}

// Two looks at once are answered in any order.
func TestAnAnswerThatWasOvertakenSaysNothing(t *testing.T) {
	t.Parallel()
	l := record(Sample{Pending: 300, InFlight: 9, Delivered: 100}, Sample{Pending: 200, InFlight: 9, Delivered: 200})
	newest := l.samples[1]
	l.add(Sample{At: newest.At.Add(time.Millisecond), Pending: 201, InFlight: 9, Delivered: 199})
	l.add(Sample{At: newest.At.Add(-time.Millisecond), Pending: 199, InFlight: 9, Delivered: 201})
	require.Len(t, l.history(), 2)
	require.Equal(t, newest, l.samples[1])
	require.InDelta(t, 100, l.rates().Completion, 0.01)
}

func TestTheMemoryIsBounded(t *testing.T) {
	t.Parallel()
	l := &Lane{}
	start := time.Now()
	for i := range 10 * kept {
		l.add(Sample{At: start.Add(time.Duration(i) * period), Delivered: uint64(i)})
	}
	require.Len(t, l.samples, kept)
	l = &Lane{}
	for i := range 1000 { // a hundred callers a second
		l.add(Sample{At: start.Add(time.Duration(i) * period / 100)})
	}
	require.LessOrEqual(t, len(l.samples), 22, "callers do not shorten what is remembered")
}
