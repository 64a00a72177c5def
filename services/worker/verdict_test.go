package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/worker/exchange"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	now := time.Now()
	good := part{scope: "a", asOf: now, stores: true}
	bad := func(class exchange.Class) part {
		return part{scope: "b", fault: &exchange.Error{Class: class, Message: "why"}}
	}
	fault := func(class exchange.Class) *exchange.Error { return &exchange.Error{Class: class, Message: "why"} }
	first := &ledger.Claimed{Attempt: 1, MaxAttempts: 3, Lane: syncjob.Live, Trigger: syncjob.Schedule}
	last := &ledger.Claimed{Attempt: 3, MaxAttempts: 3, Lane: syncjob.Live, Trigger: syncjob.Schedule}
	asked := &ledger.Claimed{Attempt: 3, MaxAttempts: 3, Lane: syncjob.Live, Trigger: syncjob.Manual}
	cases := []struct {
		name    string
		job     *ledger.Claimed
		reading reading
		status  syncjob.Status
		class   syncjob.Class
		store   bool
		counted bool
	}{
		{"all read", first, reading{parts: []part{good}}, syncjob.Succeeded, "", true, false},
		{"a scope without permission", first, reading{parts: []part{good, bad(exchange.Permission)}}, syncjob.Partial, syncjob.Permission, true, false},
		{"no scope with permission", first, reading{parts: []part{bad(exchange.Permission)}}, syncjob.Failed, syncjob.Permission, true, false},
		{"transient, attempts left", first, reading{parts: []part{good, bad(exchange.Transient)}, fault: fault(exchange.Transient)}, syncjob.Waiting, syncjob.Transient, false, true},
		{"transient, last attempt, something read", last, reading{parts: []part{good, bad(exchange.Transient)}, fault: fault(exchange.Transient)}, syncjob.Partial, syncjob.Transient, true, false},
		{"transient, last attempt, nothing read", last, reading{parts: []part{bad(exchange.Transient)}, fault: fault(exchange.Transient)}, syncjob.Failed, syncjob.Transient, false, false},
		{"the same, asked for", asked, reading{parts: []part{bad(exchange.Transient)}, fault: fault(exchange.Transient)}, syncjob.Dead, syncjob.Transient, false, false},
		{"rate limited on the last attempt", last, reading{parts: []part{good}, fault: fault(exchange.RateLimited)}, syncjob.Waiting, syncjob.RateLimited, false, false},
		{"banned", first, reading{fault: fault(exchange.Banned)}, syncjob.Waiting, syncjob.Banned, false, false},
		{"maintenance", first, reading{fault: fault(exchange.Maintenance)}, syncjob.Waiting, syncjob.Maintenance, false, false},
		{"auth", first, reading{parts: []part{good}, fault: fault(exchange.Auth)}, syncjob.Failed, syncjob.Auth, false, false},
		{"a defect of ours, attempts left", first, reading{fault: fault(classInternal)}, syncjob.Waiting, syncjob.Internal, false, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := judge(c.job, c.reading, now)
			require.Equal(t, c.status, v.outcome.Status)
			require.Equal(t, c.class, v.outcome.Class)
			require.Equal(t, c.store, v.store)
			require.Equal(t, c.counted, v.outcome.Counted)
			if c.class != "" {
				require.Contains(t, v.outcome.Message, "why")
			}
		})
	}
}

func TestAWaitLastsUntilTheTimeThatTheExchangeNames(t *testing.T) {
	t.Parallel()
	now := time.Now()
	job := &ledger.Claimed{Attempt: 1, MaxAttempts: 3, Lane: syncjob.Live}
	v := judge(job, reading{fault: &exchange.Error{Class: exchange.RateLimited, RetryAt: now.Add(7 * time.Second)}}, now)
	require.Equal(t, 7*time.Second, v.outcome.After)
	v = judge(job, reading{fault: &exchange.Error{Class: exchange.RateLimited}}, now)
	require.Equal(t, time.Second, v.outcome.After)
}

func TestDatesOutsideTheAttemptAreClockSkew(t *testing.T) {
	t.Parallel()
	now := time.Now()
	a := &attempt{job: &ledger.Claimed{ClaimedAt: now}, clock: exchange.NewClock(), claimedAt: now}
	dated := func(at time.Time) *reading { return &reading{parts: []part{{scope: "a", asOf: at}}} }
	require.Nil(t, a.checkDates(dated(now)))
	require.Nil(t, a.checkDates(&reading{parts: []part{{scope: "unread"}}}))
	for _, wrong := range []time.Duration{24 * time.Hour, 6 * time.Second, -6 * time.Second, -24 * time.Hour} {
		fault := a.checkDates(dated(now.Add(wrong)))
		require.NotNil(t, fault, wrong)
		require.Equal(t, exchange.ClockSkew, fault.Class)
	}
	far := &attempt{job: &ledger.Claimed{ClaimedAt: now.Add(-time.Hour)}, clock: exchange.NewClock(), claimedAt: now}
	require.NotNil(t, far.checkDates(dated(now)), "a clock that is an hour from the database's is not believed")
}

func TestScopesOfOneReasonAreNamedTogether(t *testing.T) {
	t.Parallel()
	down, refused := &exchange.Error{Message: "down"}, &exchange.Error{Message: "refused"}
	require.Equal(t, "a, c: down; b: refused", reasons([]part{
		{scope: "a", fault: down}, {scope: "b", fault: refused}, {scope: "c", fault: down},
	}))
}
