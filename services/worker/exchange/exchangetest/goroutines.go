package exchangetest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// traceLabel marks goroutines; those that they start inherit it.
const traceLabel = "exchangetest"

// trace gives a function that runs another one, and one that reports which of
// the goroutines that it started are still there. Other goroutines, of tests
// that run beside, do not count.
func trace(within time.Duration) (traced func(run func()), left func() error) {
	id := new(int)
	mark := fmt.Sprintf("%p-%s", id, strconv.FormatInt(time.Now().UnixNano(), 36))
	traced = func(run func()) {
		// The call's own context must stay as it is, labels apart.
		pprof.Do(context.Background(), pprof.Labels(traceLabel, mark), func(context.Context) { run() })
	}
	left = func() error {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for end := time.After(within); ; {
			stacks := marked(mark)
			if stacks == "" {
				return nil
			}
			select {
			case <-ticker.C:
			case <-end:
				return fmt.Errorf("goroutines of the call are still there:\n%s", stacks)
			}
		}
	}
	return traced, left
}

// marked gives the stacks of the goroutines that carry a mark.
func marked(mark string) string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return err.Error()
	}
	var found []string
	for _, stack := range strings.Split(profile.String(), "\n\n") {
		if strings.Contains(stack, mark) {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
