package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/daemon"
)

var errBroken = errors.New("broken")

// obedient ends when take does.
func obedient(name string) daemon.Component {
	return daemon.Component{Name: name, Run: func(take, _ context.Context) error {
		<-take.Done()

		return take.Err()
	}}
}

// busy has work in hand for as long as it may.
func busy(name string) daemon.Component {
	return daemon.Component{Name: name, Run: func(_, work context.Context) error {
		<-work.Done()

		return context.Cause(work)
	}}
}

func failing(name string, err error) daemon.Component {
	return daemon.Component{Name: name, Run: func(_, _ context.Context) error { return err }}
}

// stuck ignores both contexts until the test ends.
func stuck(t *testing.T, name string) daemon.Component {
	t.Helper()

	end := make(chan struct{})
	t.Cleanup(func() { close(end) })

	return daemon.Component{Name: name, Run: func(_, _ context.Context) error {
		<-end

		return nil
	}}
}

func quiet(components ...daemon.Component) daemon.Daemon {
	return daemon.Daemon{Components: components, Signals: make(chan os.Signal)}
}

func TestRunWithoutComponentsFails(t *testing.T) {
	t.Parallel()

	require.Error(t, daemon.Daemon{}.Run(t.Context()))
}

func TestFirstToReturnEndsAll(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		first daemon.Component
		says  string
	}{
		"with an error":    {failing("first", errBroken), "first: broken"},
		"without an error": {failing("first", nil), ""},
		"with a panic":     {daemon.Component{Name: "first", Run: func(_, _ context.Context) error { panic("oh") }}, "first: panic: oh"},
		"with runtime.Goexit": {
			daemon.Component{Name: "first", Run: func(_, _ context.Context) error {
				runtime.Goexit()

				return nil
			}},
			"first: goroutine ended by runtime.Goexit",
		},
		// Nobody asked for a stop, so this is no way to end in order.
		"with a context's error": {failing("first", context.Canceled), "first: context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			synctest.Test(t, func(t *testing.T) {
				started := time.Now()
				err := quiet(obedient("second"), test.first, obedient("third")).Run(t.Context())

				require.Zero(t, time.Since(started), "no timer was waited for")

				if test.says == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, test.says)
				}
			})
		})
	}
}

func TestRunWaitsForAll(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		finished := false
		slow := daemon.Component{Name: "slow", Run: func(take, _ context.Context) error {
			<-take.Done()
			time.Sleep(time.Second)

			finished = true

			return nil
		}}

		err := quiet(failing("first", errBroken), slow).Run(t.Context())
		require.ErrorIs(t, err, errBroken)
		require.True(t, finished)
	})
}

func TestErrorsAreJoined(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		late := daemon.Component{Name: "late", Run: func(take, _ context.Context) error {
			<-take.Done()

			var ended *daemon.EndedError
			if !errors.As(context.Cause(take), &ended) || ended.Component != "first" {
				return errors.New("wrong cause")
			}

			return io.ErrUnexpectedEOF
		}}

		err := quiet(failing("first", errBroken), late).Run(t.Context())
		require.EqualError(t, err, "first: broken\nlate: unexpected EOF")
	})
}

func TestStopTakesThenWorks(t *testing.T) {
	t.Parallel()

	for name, ask := range map[string]func(cancel func(), signals chan<- os.Signal){
		"by a signal":  func(_ func(), signals chan<- os.Signal) { signals <- syscall.SIGTERM },
		"by a context": func(cancel func(), _ chan<- os.Signal) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				signals := make(chan os.Signal, 1)
				started := time.Now()

				var takeEnded, workEnded time.Duration

				watch := daemon.Component{Name: "watch", Run: func(take, work context.Context) error {
					<-take.Done()
					takeEnded = time.Since(started)
					<-work.Done()
					workEnded = time.Since(started)

					require.ErrorIs(t, context.Cause(work), daemon.ErrGraceOver)

					return work.Err()
				}}

				time.AfterFunc(time.Minute, func() { ask(cancel, signals) })

				err := daemon.Daemon{
					Components: []daemon.Component{watch}, Signals: signals, Grace: 7 * time.Second,
				}.Run(ctx)
				require.NoError(t, err)
				require.Equal(t, time.Minute, takeEnded)
				require.Equal(t, time.Minute+7*time.Second, workEnded)
			})
		})
	}
}

// Work does not wait for the end of the grace period when only components in
// the background are left.
func TestBackgroundEndsWithTheForeground(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		var cause error

		background := daemon.Component{Name: "health", Background: true, Run: func(_, work context.Context) error {
			<-work.Done()
			cause = context.Cause(work)

			return cause
		}}

		signals := make(chan os.Signal, 1)
		signals <- os.Interrupt

		started := time.Now()
		err := daemon.Daemon{
			Components: []daemon.Component{background, obedient("worker")}, Signals: signals, Grace: time.Hour,
		}.Run(t.Context())
		require.NoError(t, err)
		require.ErrorIs(t, cause, daemon.ErrAllEnded)
		require.Zero(t, time.Since(started))
	})
}

func TestOnlyBackgroundStopsAtOnce(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		background := busy("health")
		background.Background = true

		ctx, cancel := context.WithCancel(t.Context())
		cancel()

		started := time.Now()

		require.NoError(t, quiet(background).Run(ctx))
		require.Zero(t, time.Since(started))
	})
}

func TestStuckComponentsAreAbandoned(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()

		d := quiet(obedient("good"), stuck(t, "one"), stuck(t, "two"))
		started := time.Now()
		err := d.Run(ctx)

		var left *daemon.StuckError
		require.ErrorAs(t, err, &left)
		require.Equal(t, []string{"one", "two"}, left.Components)
		require.Equal(t, daemon.DefaultGrace+daemon.DefaultAbandon, time.Since(started))
		require.Less(t, time.Since(started), 5*time.Second)
		require.Equal(t, 1, daemon.ExitCode(err))
	})
}

func TestSecondSignalExitsAtOnce(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		signal os.Signal
		code   int
	}{
		"SIGINT":  {syscall.SIGINT, 130},
		"SIGTERM": {syscall.SIGTERM, 143},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 2)
				signals <- os.Interrupt

				time.AfterFunc(time.Second, func() { signals <- test.signal })

				code := 0
				started := time.Now()
				err := daemon.Daemon{
					Components: []daemon.Component{stuck(t, "stuck")}, Signals: signals,
					Exit: func(with int) { code = with },
				}.Run(t.Context())

				require.Equal(t, test.code, code)
				require.Equal(t, test.code, daemon.ExitCode(err))
				require.Equal(t, time.Second, time.Since(started))
			})
		})
	}
}

func TestValuesOfTheCallerReachComponents(t *testing.T) {
	t.Parallel()

	type key struct{}

	component := daemon.Component{Name: "c", Run: func(take, work context.Context) error {
		require.Equal(t, "v", take.Value(key{}))
		require.Equal(t, "v", work.Value(key{}))

		return nil
	}}
	require.NoError(t, quiet(component).Run(context.WithValue(t.Context(), key{}, "v")))
}

func TestPanicIsLoggedWithItsStack(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer

	log, err := daemon.Logger("test", "", "debug", "json", &out)
	require.NoError(t, err)

	d := quiet(daemon.Component{Name: "p", Run: func(_, _ context.Context) error { panic(errBroken) }})
	d.Log = log
	err = d.Run(t.Context())

	require.ErrorIs(t, err, errBroken, "the panic's value can be asked for")

	var panicked *daemon.PanicError
	require.ErrorAs(t, err, &panicked)
	require.Contains(t, out.String(), "daemon_test.go")
	require.Contains(t, out.String(), `"stack"`)
	require.NotContains(t, err.Error(), "daemon_test.go")
}

func TestExitCode(t *testing.T) {
	t.Parallel()

	require.Equal(t, 0, daemon.ExitCode(nil))
	require.Equal(t, 1, daemon.ExitCode(errBroken))
	require.Equal(t, 2, daemon.ExitCode(errors.Join(errBroken, &daemon.SettingsError{})))
	require.Equal(t, 130, daemon.ExitCode(&daemon.SignalError{Signal: syscall.SIGINT}))
}
