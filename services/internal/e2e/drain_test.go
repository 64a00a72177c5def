package e2e

import (
	"context"
	"encoding/json"
	"math"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

// guess is how long a lane said it would take, in seconds, when it said so, and
// how many jobs were left.
type guess struct {
	at    time.Time
	drain float64
	left  int
}

// watchDrain collects what `lag --watch` says of the balances until they are done,
// and gives the time at which they were.
func watchDrain(f *fleettest.Fleet, address string) (done time.Time, guesses []guess) {
	f.T.Helper()
	ctx, cancel := context.WithTimeout(f.T.Context(), fleettest.Patience)
	defer cancel()
	watch := exec.CommandContext(ctx, fleettest.Binary(f.T), "lag", "--watch", "--interval", "500ms",
		"--api", address, "--lane", "live", "--freshness", "0", "--json")
	out, err := watch.StdoutPipe()
	require.NoError(f.T, err)
	require.NoError(f.T, watch.Start())
	defer func() {
		cancel()
		_ = watch.Wait() // it was killed
	}()
	for documents := json.NewDecoder(out); ; {
		var now lagAnswer
		require.NoError(f.T, documents.Decode(&now), "the queue is not drained")
		lane := laneOf(f.T, now, syncjob.Balances)
		left := lane.Pending + lane.InFlight
		if left == 0 {
			return now.ReadAt, guesses
		}
		if lane.Drain != nil {
			guesses = append(guesses, guess{at: now.ReadAt, drain: *lane.Drain, left: left})
		}
	}
}

// errorsOf are the relative errors of the guesses while a tenth to nine tenths of
// the jobs were done, in order: at the start nothing is known of the workers, and
// at the end a moment is much.
func errorsOf(t *testing.T, guesses []guess, done time.Time, jobs int) []float64 {
	t.Helper()
	var off []float64
	for _, g := range guesses {
		truth := done.Sub(g.at).Seconds()
		wrong := (g.drain - truth) / truth
		t.Logf("%5d jobs left, for %5.1f s: it said %5.1f s, off by %+.0f %%", g.left, truth, g.drain, 100*wrong)
		if g.left <= jobs*9/10 && g.left >= jobs/10 {
			off = append(off, math.Abs(wrong))
		}
	}
	slices.Sort(off)
	return off
}
