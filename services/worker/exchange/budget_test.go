package exchange

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func processBudget(t *testing.T, config BudgetConfig) *ProcessBudget {
	t.Helper()
	budget, err := NewProcessBudget(config)
	require.NoError(t, err)
	return budget
}

func TestBudgetPacesEachHostByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := processBudget(t, BudgetConfig{Rate: 10, Burst: 5, MaxWait: time.Minute})
		started := time.Now()
		for range 25 {
			require.NoError(t, budget.Take(t.Context(), Use{Host: "a"}))
		}
		require.Equal(t, 2*time.Second, time.Since(started).Round(time.Millisecond), "5 at once, 20 at 10 per second")
		for range 5 {
			require.NoError(t, budget.Take(t.Context(), Use{Host: "b"}))
		}
		require.Equal(t, 2*time.Second, time.Since(started).Round(time.Millisecond), "another host has its own")
	})
}

func TestBudgetRefusesWhatWouldTakeTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := processBudget(t, BudgetConfig{Rate: 1, Burst: 1, MaxWait: 500 * time.Millisecond})
		require.NoError(t, budget.Take(t.Context(), Use{Host: "a"}))
		err := budget.Take(t.Context(), Use{Host: "a"})
		require.Equal(t, RateLimited, ClassOf(err))
		var fault *Error
		require.ErrorAs(t, err, &fault)
		require.Equal(t, time.Second, time.Until(fault.RetryAt).Round(time.Millisecond))
		time.Sleep(time.Until(fault.RetryAt))
		require.NoError(t, budget.Take(t.Context(), Use{Host: "a"}), "the refused turn was not taken")
	})
}

func TestBudgetHalvesOnceASecondAndRegrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := processBudget(t, BudgetConfig{Rate: 100, Burst: 10, MaxWait: time.Second})
		use := Use{Host: "a"}
		limited := &Error{Class: RateLimited}
		for range 5 {
			budget.Report(use, limited)
		}
		require.InDelta(t, 50, budget.Rate("a"), 0.001, "a crowd of answers halves once")
		time.Sleep(time.Second)
		require.InDelta(t, 60, budget.Rate("a"), 0.001, "10 % of 100 a second")
		budget.Report(use, limited)
		require.InDelta(t, 30, budget.Rate("a"), 0.001)
		time.Sleep(7 * time.Second)
		require.InDelta(t, 100, budget.Rate("a"), 0.001)
		time.Sleep(time.Hour)
		require.InDelta(t, 100, budget.Rate("a"), 0.001, "never above what is configured")
		for range 100 {
			budget.Report(use, limited)
			time.Sleep(time.Second)
		}
		require.GreaterOrEqual(t, budget.Rate("a"), 100*lowestShare, "and never down to nothing")
	})
}

func TestBudgetStopsWhileBanned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := processBudget(t, BudgetConfig{Rate: 100, Burst: 10, MaxWait: time.Second})
		use := Use{Host: "a"}
		until := time.Now().Add(10 * time.Minute)
		budget.Report(use, &Error{Class: Banned, RetryAt: until})
		budget.Report(use, &Error{Class: Banned, RetryAt: until.Add(-5 * time.Minute)})
		err := budget.Take(t.Context(), use)
		var fault *Error
		require.ErrorAs(t, err, &fault)
		require.Equal(t, Banned, fault.Class)
		require.Equal(t, until, fault.RetryAt, "an earlier end does not shorten a ban")
		time.Sleep(time.Until(until))
		require.NoError(t, budget.Take(t.Context(), use))
	})
}

func TestBudgetBanReachesThoseWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := processBudget(t, BudgetConfig{Rate: 1, Burst: 1, MaxWait: time.Minute})
		require.NoError(t, budget.Take(t.Context(), Use{Host: "a"}))
		time.AfterFunc(time.Millisecond, func() {
			budget.Report(Use{Host: "a"}, &Error{Class: Banned, RetryAt: time.Now().Add(time.Minute)})
		})
		require.Equal(t, Banned, ClassOf(budget.Take(t.Context(), Use{Host: "a"})))
	})
}

func TestBudgetGivesBackTheTurnOfWhoLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := processBudget(t, BudgetConfig{Rate: 1, Burst: 1, MaxWait: time.Minute})
		require.NoError(t, budget.Take(t.Context(), Use{Host: "a"}))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, budget.Take(ctx, Use{Host: "a"}), context.DeadlineExceeded)
		started := time.Now()
		require.NoError(t, budget.Take(t.Context(), Use{Host: "a"}))
		require.Equal(t, 900*time.Millisecond, time.Since(started).Round(time.Millisecond))
	})
}

func TestBudgetSettingsAreChecked(t *testing.T) {
	t.Parallel()
	_, err := NewProcessBudget(BudgetConfig{MaxWait: -1})
	for _, part := range []string{"rate must", "burst must", "longest wait"} {
		require.ErrorContains(t, err, part)
	}
	_, err = NewProcessBudget(DefaultBudget())
	require.NoError(t, err)
}

func TestWindowSplit(t *testing.T) {
	t.Parallel()
	week := 7 * 24 * time.Hour
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		span time.Duration
		want int
	}{
		"less than one": {time.Hour, 1},
		"exactly one":   {week, 1},
		"a bit more":    {week + time.Millisecond, 2},
		"two years":     {730 * 24 * time.Hour, 105},
		"empty":         {0, 0},
		"backwards":     {-time.Hour, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := Window{From: from, To: from.Add(c.span)}
			at, count := whole.From, 0
			for w := range whole.Split(week) {
				require.Equal(t, at, w.From, "no gap and no overlap")
				require.LessOrEqual(t, w.To.Sub(w.From), week)
				at, count = w.To, count+1
			}
			require.Equal(t, c.want, count)
			if count > 0 {
				require.Equal(t, whole.To, at)
			}
		})
	}
	for range (Window{From: from, To: from.Add(week)}).Split(0) {
		t.Fatal("a length that is not positive gives no window")
	}
}

func TestCredentialsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	credentials := NewCredentials("KEY-1234", []byte("SECRET-5678"))
	hidden := struct{ inner Credentials }{credentials}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, value := range []any{credentials, &credentials, hidden, &hidden} {
			printed := fmt.Sprintf(verb, value)
			require.NotContains(t, printed, "1234")
			require.NotContains(t, printed, "5678")
			require.NotContains(t, printed, fmt.Sprintf(verb, []byte("SECRET-5678")))
		}
	}
	text, err := credentials.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "[redacted]", string(text))
	require.Equal(t, "KEY-1234", credentials.Key())
	require.Equal(t, "SECRET-5678", string(credentials.Secret()))
}

func TestCredentialsKeepTheirOwnCopy(t *testing.T) {
	t.Parallel()
	secret := []byte("secret")
	credentials := NewCredentials("key", secret)
	clear(secret)
	require.Equal(t, "secret", string(credentials.Secret()))
}
