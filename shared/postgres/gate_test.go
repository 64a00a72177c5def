package postgres_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
)

// runGate runs a gate until the test ends.
func runGate(t *testing.T, gate *postgres.Gate) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		gate.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// passes reports whether the gate lets anybody through now.
func passes(t *testing.T, gate *postgres.Gate) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, done, err := gate.Pass(ctx)
	if err != nil {
		return false
	}
	done()
	return true
}

func TestAGateIsOpenWhileEveryPoolIsHealthy(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, nil)
	log, book := newLog()
	claims := server.DB().Open(t, func(c *postgres.Config) { c.Name = "claims" })
	writes := server.DB().Open(t, func(c *postgres.Config) { c.Name = "writes" })
	gate := postgres.NewGate(log, claims, writes)
	var opened atomic.Int32
	gate.OnOpen(func() { opened.Add(1) })
	require.False(t, passes(t, gate), "shut until it runs")
	runGate(t, gate)

	taking, done, err := gate.Pass(t.Context())
	require.NoError(t, err)
	defer done()
	require.Zero(t, book.count("database"), "a start is no outage")
	require.EqualValues(t, 1, opened.Load())

	server.Stop()
	<-taking.Done()
	require.ErrorIs(t, context.Cause(taking), postgres.ErrGateShut)
	require.False(t, passes(t, gate))
	waiting := make(chan error, 3)
	for range cap(waiting) {
		go func() {
			_, done, err := gate.Pass(t.Context())
			if err == nil {
				done()
			}
			waiting <- err
		}()
	}
	require.Eventually(t, func() bool { return writes.Health().Failures > 1 && claims.Health().Failures > 1 },
		20*time.Second, time.Millisecond)
	require.Empty(t, waiting)

	server.Start()
	back := time.Now()
	for range cap(waiting) {
		require.NoError(t, <-waiting)
	}
	t.Logf("open %s after the return of the server", time.Since(back).Round(time.Millisecond))
	require.Less(t, time.Since(back), 5*time.Second)
	require.EqualValues(t, 2, opened.Load())
	require.Equal(t, 1, book.count("no more work is taken", `"level":"warning"`))
	require.Equal(t, 1, book.count("work is taken again", "shut_for"))
}

// The pools of a gate fail each for itself: that claims can be made is no reason to
// take work whose outcome cannot be written.
func TestAGateShutsForAnyOfItsPools(t *testing.T) {
	t.Parallel()
	for _, failing := range []string{"claims", "writes"} {
		t.Run(failing, func(t *testing.T) {
			t.Parallel()
			server := pgtest.NewServer(t, nil)
			log, _ := newLog()
			open := func(name string) *postgres.DB {
				place := pgtest.New(t)
				if name == failing {
					place = server.DB()
				}
				return place.Open(t, func(c *postgres.Config) { c.Name = name })
			}
			gate := postgres.NewGate(log, open("claims"), open("writes"))
			runGate(t, gate)
			require.Eventually(t, gate.IsOpen, 20*time.Second, time.Millisecond)
			server.Stop()
			require.Eventually(t, func() bool { return !gate.IsOpen() }, 20*time.Second, time.Millisecond)
			server.Start()
			require.Eventually(t, gate.IsOpen, 20*time.Second, time.Millisecond)
		})
	}
}

func TestAGateLetsNobodyWaitForEver(t *testing.T) {
	t.Parallel()
	log, _ := newLog()
	gate := postgres.NewGate(log, (&pgtest.DB{URL: "postgres://u@127.0.0.1:1/x"}).Open(t))
	runGate(t, gate)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, _, err := gate.Pass(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
