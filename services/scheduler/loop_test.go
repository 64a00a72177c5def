package scheduler

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"
)

// runFor runs a loop for a while of the bubble's own time.
func runFor(t *testing.T, d time.Duration, l *loop) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	l.run(ctx, ctx)
}

func TestLoopDoesNotSpinOnFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, hook := logrustest.NewNullLogger()
		steps := 0
		var l *loop
		l = newLoop("test", time.Second, logrus.NewEntry(log), func(context.Context) (time.Duration, error) {
			steps++
			l.kick() // whoever wakes it, it waits
			return 0, errors.New("no connection")
		})
		runFor(t, 100*time.Second, l)
		require.InDelta(t, 101, steps, 2, "a quarter, half and then one second apart")
		require.Len(t, messagesOf(hook, "step failed"), 4, "one line at once, then one each 30 s")
		require.Equal(t, "no connection", hook.AllEntries()[0].Data[logrus.ErrorKey].(error).Error()) //nolint:forcetypeassert // the test fails on a panic
	})
}

// The return of what a step needs ends its pause; a wake-up does not.
func TestLoopGoesOnWhenItsDatabaseIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, _ := logrustest.NewNullLogger()
		steps := 0
		l := newLoop("test", time.Hour, logrus.NewEntry(log), func(context.Context) (time.Duration, error) {
			steps++
			return time.Hour, errors.New("no connection")
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.run(ctx, ctx)
		}()
		<-time.After(20 * time.Minute)
		synctest.Wait()
		before := steps
		l.kick()
		synctest.Wait()
		require.Equal(t, before, steps)
		l.retry()
		synctest.Wait()
		require.Equal(t, before+1, steps)
		cancel()
		<-done
	})
}

func TestLoopSurvivesPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, hook := logrustest.NewNullLogger()
		steps := 0
		l := newLoop("test", time.Second, logrus.NewEntry(log), func(context.Context) (time.Duration, error) {
			if steps++; steps == 1 {
				panic("out of range")
			}
			return time.Minute, nil
		})
		runFor(t, 10*time.Second, l)
		require.Equal(t, 2, steps)
		require.Len(t, messagesOf(hook, "step failed"), 1)
		require.Contains(t, hook.AllEntries()[0].Data, "stack")
		require.Len(t, messagesOf(hook, "works again"), 1)
	})
}

func TestLoopIsWokenOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, _ := logrustest.NewNullLogger()
		steps := 0
		l := newLoop("test", time.Second, logrus.NewEntry(log), func(context.Context) (time.Duration, error) {
			steps++
			return time.Hour, nil
		})
		for range 100 {
			l.kick()
		}
		runFor(t, time.Minute, l)
		require.Equal(t, 2, steps, "a hundred hints are one reason to look")
	})
}

// Many kicks are few steps; the first one after a quiet time is served at once.
func TestLoopRestsBetweenKicks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, _ := logrustest.NewNullLogger()
		var at []time.Duration
		began := time.Now()
		l := newLoop("test", time.Second, logrus.NewEntry(log), func(context.Context) (time.Duration, error) {
			at = append(at, time.Since(began))
			return time.Hour, nil
		})
		l.rest = 10 * time.Millisecond
		kicks, stop := context.WithTimeout(t.Context(), 1025*time.Millisecond)
		defer stop()
		go func() {
			<-time.After(time.Second)
			for kicks.Err() == nil {
				l.kick()
				<-time.After(time.Millisecond)
			}
		}()
		runFor(t, 2*time.Second, l)
		require.Equal(t, []time.Duration{0, 1000 * time.Millisecond, 1010 * time.Millisecond, 1020 * time.Millisecond, 1030 * time.Millisecond}, at)
	})
}
