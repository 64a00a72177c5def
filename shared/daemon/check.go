package daemon

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// DefaultCheckTimeout bounds a check that names no timeout of its own.
const DefaultCheckTimeout = 2 * time.Second

// Check is one named question about a process's health.
type Check struct {
	Name string

	// Timeout bounds one call of Probe; DefaultCheckTimeout when zero.
	Timeout time.Duration

	// Probe returns nil when all is well. Its error is shown to whoever asks,
	// without a token: it must not hold a secret. A panic is a failure. A
	// probe that ignores its context is reported as timed out, and is not
	// called again before it has returned.
	Probe func(ctx context.Context) error

	// Note, if set, is asked after a Probe that passed for what is worth knowing
	// although all is well. It is shown like an error of Probe, and fails nothing:
	// an error of its own, or no answer within a quarter of Timeout, is the note.
	Note func(ctx context.Context) (string, error)
}

// Result is the answer of one check.
type Result struct {
	Name    string  `json:"name"`
	OK      bool    `json:"ok"`
	Error   string  `json:"error,omitempty"`
	Note    string  `json:"note,omitempty"`
	Seconds float64 `json:"seconds"`
}

// Report is what /livez and /readyz answer.
type Report struct {
	OK     bool     `json:"ok"`
	Checks []Result `json:"checks"`
}

func (r *Report) add(result Result) {
	r.OK = r.OK && result.OK
	r.Checks = append(r.Checks, result)
}

// checks runs a fixed list of checks, each at most once at a time, however
// many callers ask.
type checks []*flight

func newChecks(list []Check) checks {
	flights := make(checks, len(list))
	for index, check := range list {
		if check.Timeout <= 0 {
			check.Timeout = DefaultCheckTimeout
		}

		flights[index] = &flight{check: check}
	}

	return flights
}

// report asks all checks at the same time and answers in their order.
func (c checks) report(ctx context.Context) Report {
	results := make([]Result, len(c))

	var waiting sync.WaitGroup
	for index, one := range c {
		waiting.Go(func() { results[index] = one.ask(ctx) })
	}

	waiting.Wait()

	report := Report{OK: true, Checks: []Result{}}
	for _, result := range results {
		report.add(result)
	}

	return report
}

// flight is a check and the call of it that is under way, if any. Callers
// that come meanwhile share its answer.
type flight struct {
	check Check

	mu      sync.Mutex
	current *call
}

type call struct {
	done    chan struct{}
	started time.Time
	err     error
	note    string
}

func (f *flight) ask(ctx context.Context) Result {
	call := f.join(ctx)

	timer := time.NewTimer(time.Until(call.started.Add(f.check.Timeout)))
	defer timer.Stop()

	result := Result{Name: f.check.Name}

	select {
	case <-call.done:
		result.OK, result.Note = call.err == nil, call.note
		if call.err != nil {
			result.Error = call.err.Error()
		}
	case <-timer.C:
		result.Error = fmt.Sprintf("no answer within %s", f.check.Timeout)
	case <-ctx.Done():
		result.Error = "the request was given up"
	}

	result.Seconds = time.Since(call.started).Seconds()

	return result
}

// join returns the call under way, or starts one. It does not end with the
// request that started it, since others may wait for it too.
func (f *flight) join(ctx context.Context) *call {
	f.mu.Lock()
	defer f.mu.Unlock()

	if f.current != nil {
		return f.current
	}

	started := &call{done: make(chan struct{}), started: time.Now()}
	f.current = started

	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.check.Timeout)
		defer cancel()

		started.err = Guard(func() error { return f.check.Probe(ctx) })
		if started.err == nil && f.check.Note != nil {
			started.note = f.check.note(ctx)
		}

		f.mu.Lock()
		f.current = nil
		f.mu.Unlock()
		close(started.done)
	}()

	return started
}

// note asks for the note without waiting for it long.
func (c Check) note(ctx context.Context) string {
	const share = 4

	ctx, cancel := context.WithTimeout(ctx, c.Timeout/share)
	defer cancel()

	answered := make(chan string, 1)

	go func() {
		var note string

		err := Guard(func() (err error) {
			note, err = c.Note(ctx)

			return err
		})
		if err != nil {
			note = "not known: " + err.Error()
		}
		answered <- note
	}()

	select {
	case note := <-answered:
		return note
	case <-ctx.Done():
		return "not known: no answer in time"
	}
}
