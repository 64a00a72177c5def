package exchange

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
)

// freeBudget grants everything and remembers what it was told.
type freeBudget struct {
	mu      sync.Mutex
	taken   int
	reports []Class
}

func (b *freeBudget) Take(context.Context, Use) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken++
	return nil
}

func (b *freeBudget) Report(_ Use, fault *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reports = append(b.reports, fault.Class)
}

func silent() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

func callerWith(t *testing.T, budget Budget, change func(*Policies)) *Caller {
	t.Helper()
	policies := DefaultPolicies()
	if change != nil {
		change(&policies)
	}
	hosts, err := NewHosts(policies, budget, silent())
	require.NoError(t, err)
	host, err := hosts.Get("exchange.test")
	require.NoError(t, err)
	return host.Caller
}

func TestCallerRetriesByClass(t *testing.T) {
	t.Parallel()
	soon := func() time.Time { return time.Now().Add(800 * time.Millisecond) }
	later := func() time.Time { return time.Now().Add(5 * time.Second) }
	never := func() time.Time { return time.Time{} }
	cases := map[string]struct {
		fault *Error
		at    func() time.Time
		tries int
	}{
		"transient: two retries":                       {&Error{Class: Transient}, never, 3},
		"transient with a near Retry-After":            {&Error{Class: Transient}, soon, 3},
		"transient with a far Retry-After: none":       {&Error{Class: Transient}, later, 1},
		"a code that nobody knows: one":                {&Error{Class: Transient, Unclassified: true}, never, 2},
		"rate limited, reset near: one":                {&Error{Class: RateLimited}, soon, 2},
		"rate limited, reset far: none":                {&Error{Class: RateLimited}, later, 1},
		"rate limited without a reset: none":           {&Error{Class: RateLimited}, never, 1},
		"clock skew: one":                              {&Error{Class: ClockSkew}, never, 2},
		"banned: none":                                 {&Error{Class: Banned}, never, 1},
		"auth: none":                                   {&Error{Class: Auth}, never, 1},
		"permission: none":                             {&Error{Class: Permission}, never, 1},
		"unsupported: none":                            {&Error{Class: Unsupported}, never, 1},
		"bad request: none":                            {&Error{Class: BadRequest}, never, 1},
		"decode: none":                                 {&Error{Class: Decode}, never, 1},
		"maintenance: none":                            {&Error{Class: Maintenance}, never, 1},
		"incomplete, which no attempt should be: none": {&Error{Class: Incomplete}, never, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				budget := &freeBudget{}
				caller := callerWith(t, budget, nil)
				tries := 0
				got := caller.Do(t.Context(), Call{}, func(context.Context) error {
					tries++
					fault := *c.fault
					fault.RetryAt = c.at()
					return &fault
				})
				require.Equal(t, c.fault.Class, got.Class)
				require.Equal(t, c.tries, tries)
				require.Equal(t, c.tries, budget.taken, "every try pays for itself")
			})
		})
	}
}

func TestCallerNeverRetriesBeforeTheNamedReset(t *testing.T) {
	t.Parallel()
	for range 20 { // the jitter is random
		synctest.Test(t, func(t *testing.T) {
			caller := callerWith(t, &freeBudget{}, nil)
			var reset time.Time
			require.Nil(t, caller.Do(t.Context(), Call{}, func(context.Context) error {
				if reset.IsZero() {
					reset = time.Now().Add(time.Second)
					return &Error{Class: RateLimited, RetryAt: reset}
				}
				require.False(t, time.Now().Before(reset), "retried %s early", time.Until(reset))
				return nil
			}))
		})
	}
}

// A page of a backfill's walk waits for limits longer than a live call, since the
// walk would begin anew; failures give up as soon.
func TestABackfillWaitsForLimitsLonger(t *testing.T) {
	t.Parallel()
	for class, tries := range map[Class]int{RateLimited: 6, Transient: 3} {
		synctest.Test(t, func(t *testing.T) {
			caller := callerWith(t, &freeBudget{}, nil)
			made := 0
			got := caller.Do(WithPriority(t.Context(), Backfill), Call{}, func(context.Context) error {
				made++
				return &Error{Class: class, RetryAt: time.Now().Add(time.Second)}
			})
			require.Equal(t, class, got.Class)
			require.Equal(t, tries, made, class)
		})
	}
}

func TestCallerReportsLimitsToTheBudget(t *testing.T) {
	t.Parallel()
	budget := &freeBudget{}
	caller := callerWith(t, budget, nil)
	for _, class := range []Class{RateLimited, Banned, Auth, Permission} {
		require.Error(t, caller.Do(t.Context(), Call{}, func(context.Context) error { return &Error{Class: class} }))
	}
	require.Equal(t, []Class{RateLimited, Banned}, budget.reports)
}

func TestCallerResyncsOnceAfterSkew(t *testing.T) {
	t.Parallel()
	var events []string
	call := Call{Resync: func(context.Context) error {
		events = append(events, "resync")
		return nil
	}}
	got := callerWith(t, &freeBudget{}, nil).Do(t.Context(), call, func(context.Context) error {
		events = append(events, "try")
		return &Error{Class: ClockSkew}
	})
	require.Equal(t, ClockSkew, got.Class)
	require.Equal(t, []string{"try", "resync", "try"}, events)
}

func TestCallerDoesNotRetryWhenTheClockCannotBeRead(t *testing.T) {
	t.Parallel()
	tries := 0
	call := Call{Resync: func(context.Context) error { return ErrClockUnread }}
	got := callerWith(t, &freeBudget{}, nil).Do(t.Context(), call, func(context.Context) error {
		tries++
		return &Error{Class: ClockSkew, Code: "10002"}
	})
	require.Equal(t, ClockSkew, got.Class)
	require.ErrorIs(t, got, ErrClockUnread)
	require.Equal(t, 1, tries)
}

func TestCallerBreakerOpensOnFaultsAndIsNotRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		caller := callerWith(t, &freeBudget{}, nil)
		tries := 0
		down := func(context.Context) error { tries++; return &Error{Class: Transient, Code: "http 502"} }
		for tries < 10 {
			require.Error(t, caller.Do(t.Context(), Call{}, down))
		}
		before := tries
		started := time.Now()
		got := caller.Do(t.Context(), Call{}, down)
		require.Equal(t, before, tries, "an open breaker lets nothing through")
		require.Zero(t, time.Since(started), "and is not waited for in a slot")
		require.Equal(t, Transient, got.Class)
		require.ErrorIs(t, got, circuitbreaker.ErrOpen)
		require.Contains(t, got.Message, "exchange.test")
		require.WithinRange(t, got.RetryAt, started.Add(time.Second), started.Add(13*time.Second))

		time.Sleep(time.Until(got.RetryAt))
		for range 2 {
			require.Nil(t, caller.Do(t.Context(), Call{}, func(context.Context) error { return nil }))
		}
		require.True(t, caller.breaker.IsClosed())
	})
}

func TestCallerBreakerCountsExchangeFaultsOnly(t *testing.T) {
	t.Parallel()
	for _, class := range []Class{RateLimited, Banned, ClockSkew, Auth, Permission, Unsupported, BadRequest, Decode, Maintenance} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			caller := callerWith(t, &freeBudget{}, nil)
			for range 30 {
				require.Error(t, caller.Do(t.Context(), Call{}, func(context.Context) error { return &Error{Class: class} }))
			}
			require.True(t, caller.breaker.IsClosed())
			require.Zero(t, caller.breaker.Metrics().Failures())
		})
	}
}

// Calls that hang fill the bulkhead, and the calls it refuses say nothing about
// the host: counted as successes they would keep the breaker closed.
func TestCallerBreakerOpensOnAHangingHostDespiteAFullBulkhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		caller := callerWith(t, &freeBudget{}, func(p *Policies) {
			p.MaxInFlight, p.QueueWait, p.BreakerMinimum, p.BreakerWindow = 2, 10*time.Millisecond, 4, time.Minute
		})
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		refused := 0
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { _ = caller.Do(t.Context(), Call{}, hang) })
		}
		synctest.Wait()
		for range 100 {
			if got := caller.Do(t.Context(), Call{}, hang); got.Code == "bulkhead" {
				refused++
				require.Equal(t, RateLimited, got.Class, "a full bulkhead costs the job no attempt")
			}
		}
		wg.Wait()
		require.Equal(t, 100, refused)
		require.True(t, caller.breaker.IsOpen())
	})
}

// Backfill that fills its places takes none of a live call.
func TestCallerKeepsPlacesForLiveCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		caller := callerWith(t, &freeBudget{}, func(p *Policies) { p.MaxInFlight, p.QueueWait = 2, 10*time.Millisecond })
		ctx, end := context.WithCancel(WithPriority(t.Context(), Backfill))
		var hanging sync.WaitGroup
		for range 2 {
			hanging.Go(func() { _ = caller.Do(ctx, Call{}, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }) })
		}
		synctest.Wait()
		ok := func(context.Context) error { return nil }
		got := caller.Do(ctx, Call{}, ok)
		require.NotNil(t, got)
		require.Equal(t, "bulkhead", got.Code)
		require.Nil(t, caller.Do(t.Context(), Call{}, ok))
		end()
		hanging.Wait()
	})
}

func TestCallerTrialThatProvesNothingDoesNotCloseTheBreaker(t *testing.T) {
	t.Parallel()
	caller := callerWith(t, &freeBudget{}, nil)
	caller.breaker.HalfOpen()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range trials {
		require.Error(t, caller.Do(ctx, Call{}, func(ctx context.Context) error { cancel(); return ctx.Err() }))
	}
	require.False(t, caller.breaker.IsClosed())
	caller.breaker.HalfOpen()
	for range 2 {
		require.Nil(t, caller.Do(t.Context(), Call{}, func(context.Context) error { return nil }), "the permits came back")
	}
	require.True(t, caller.breaker.IsClosed())
}

func TestCallerTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		caller := callerWith(t, &freeBudget{}, nil)
		started := time.Now()
		tries := 0
		got := caller.Do(t.Context(), Call{}, func(ctx context.Context) error {
			tries++
			<-ctx.Done()
			return ctx.Err()
		})
		require.Equal(t, Transient, got.Class)
		require.Contains(t, got.Message, "did not answer in time")
		require.Equal(t, 25*time.Second, time.Since(started), "the whole call is bounded")
		require.Equal(t, 3, tries, "and each try by itself")
	})
}

func TestCallerCancelEndsTheCallAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		caller := callerWith(t, &freeBudget{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		started := time.Now()
		tries := 0
		got := caller.Do(ctx, Call{}, func(ctx context.Context) error {
			tries++
			<-ctx.Done()
			return &Error{Class: Transient, Cause: ctx.Err()}
		})
		require.Equal(t, time.Second, time.Since(started))
		require.Equal(t, 1, tries)
		require.Equal(t, Transient, got.Class)
		require.ErrorIs(t, got, context.Canceled)
		require.Zero(t, caller.breaker.Metrics().Failures(), "our own leaving is not the exchange's fault")
	})
}

func TestCallerKeepsAnUnclassifiedCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("strange")
	got := callerWith(t, &freeBudget{}, func(p *Policies) { p.RetryDelay, p.RetryMaxDelay = time.Microsecond, time.Millisecond }).
		Do(t.Context(), Call{}, func(context.Context) error { return cause })
	require.Equal(t, Transient, got.Class)
	require.ErrorIs(t, got, cause)
}

func TestTallyCountsEveryTry(t *testing.T) {
	t.Parallel()
	ctx, tally := WithTally(t.Context())
	caller := callerWith(t, &freeBudget{}, func(p *Policies) { p.RetryDelay, p.RetryMaxDelay = time.Microsecond, time.Millisecond })
	require.NotNil(t, caller.Do(ctx, Call{}, func(context.Context) error { return &Error{Class: Transient} }))
	require.Nil(t, caller.Do(ctx, Call{}, func(context.Context) error { return nil }))
	require.EqualValues(t, 4, tally.Requests())
}

func TestHostsShareOneCallerPerHost(t *testing.T) {
	t.Parallel()
	hosts, err := NewHosts(DefaultPolicies(), &freeBudget{}, silent())
	require.NoError(t, err)
	first, err := hosts.Get("a.test")
	require.NoError(t, err)
	again, err := hosts.Get("a.test")
	require.NoError(t, err)
	other, err := hosts.Get("b.test")
	require.NoError(t, err)
	require.Same(t, first, again)
	require.NotSame(t, first.Caller, other.Caller)
}

func TestHostsAreBounded(t *testing.T) {
	t.Parallel()
	hosts, err := NewHosts(DefaultPolicies(), &freeBudget{}, silent())
	require.NoError(t, err)
	for i := range maxHosts {
		_, err := hosts.Get(string(rune('a' + i)))
		require.NoError(t, err)
	}
	_, err = hosts.Get("one too many")
	require.ErrorContains(t, err, "spread the accounts")
	_, err = hosts.Get("a")
	require.NoError(t, err, "those known go on")
}

func TestPoliciesNameEveryFault(t *testing.T) {
	t.Parallel()
	_, err := NewHosts(Policies{QueueWait: -1}, &freeBudget{}, silent())
	for _, part := range []string{"timeout of a call", "timeout of one try", "retry delay", "wait for a place", "in flight", "breaker needs"} {
		require.ErrorContains(t, err, part)
	}
}
