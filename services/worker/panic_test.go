package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/queue"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// readerFunc is a reader that does what a test wants.
type readerFunc func(context.Context, *attempt) reading

func (f readerFunc) read(ctx context.Context, a *attempt) reading { return f(ctx, a) }

// working gives a worker that reads with read, and an attempt at a market's job.
func working(t *testing.T, timeout time.Duration, read readerFunc) result {
	t.Helper()
	return workingAs(t, 1, timeout, read)
}

// workingAs is working with the number of the attempt, of three.
func workingAs(t *testing.T, number int, timeout time.Duration, read readerFunc) result {
	t.Helper()
	cfg, err := Config{Name: "w", Egress: "e"}.complete()
	require.NoError(t, err)
	log := queuetest.Discard()
	exchanges, _, err := adapters(cfg, Deps{Log: log}, 8)
	require.NoError(t, err)
	l := ledger.New(nil, ledger.Settings{})
	w := &Worker{
		held: newHeldRows(),
		cfg:  cfg, exchanges: exchanges, readers: map[syncjob.DataType]reader{syncjob.Prices: read},
		catalog: &catalog{listings: map[string]listing{"": {readAt: time.Now()}}},
		leases:  newLeases(l, func(string) {}, log), bans: newBans(l, "e", log),
		metrics: newMeasures(nil),
	}
	job := &ledger.Claimed{
		DataType: syncjob.Prices, Subject: syncjob.Subject{Kind: syncjob.Market}, Exchange: "bybit",
		Environment: "testnet", BaseURL: "http://127.0.0.1:1", Attempt: number, MaxAttempts: 3, Timeout: timeout,
		ClaimedAt: time.Now(), Lane: syncjob.Live,
	}
	ctx, held := w.leases.hold(t.Context(), job, queue.Delivery{}, time.Now(), log)
	return w.work(ctx, held, &attempt{
		job: job, log: log, claimedAt: time.Now(), metrics: w.metrics.of(queue.Consumer{}), held: w.held,
	})
}

func TestAPanicIsAnOutcomeOfClassInternal(t *testing.T) {
	t.Parallel()
	res := working(t, time.Minute, func(context.Context, *attempt) reading { panic("a defect, with a secret in it") })
	require.Equal(t, syncjob.Waiting, res.outcome.Status)
	require.Equal(t, syncjob.Internal, res.outcome.Class)
	require.True(t, res.outcome.Counted)
	require.NotContains(t, res.outcome.Message, "secret")
}

func TestAnAttemptThatRunsOutOfTimeEndsBeforeItsLease(t *testing.T) {
	t.Parallel()
	res := working(t, commitMargin+50*time.Millisecond, func(ctx context.Context, _ *attempt) reading {
		<-ctx.Done()
		return reading{}
	})
	require.NoError(t, res.cause)
	require.Equal(t, syncjob.Deadline, res.outcome.Class)
	require.Equal(t, syncjob.Waiting, res.outcome.Status)
}

// Nothing of a reading is stored that has a date which cannot be right, also where
// another fault and the last attempt would store what there is.
func TestRule24AWrongDateIsNotStoredBesideAnotherFault(t *testing.T) {
	t.Parallel()
	dated := func(at time.Time) result {
		return workingAs(t, 3, time.Minute, func(context.Context, *attempt) reading {
			return reading{
				parts: []part{{scope: "spot", asOf: at, stores: true}},
				fault: &exchange.Error{Class: exchange.Transient, Message: "the second scope did not answer"},
			}
		})
	}
	require.NotNil(t, dated(time.Now()).write, "what was read is stored")
	tomorrow := dated(time.Now().Add(24 * time.Hour))
	require.Nil(t, tomorrow.write)
	require.Equal(t, syncjob.Dead, tomorrow.outcome.Status)
}
