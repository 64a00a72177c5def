package matrix

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/faults"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

const (
	// strikeWithin is how long a fault may take to strike.
	strikeWithin = time.Minute
	// healWithin is how long it may take to be healed: a job whose attempts all hang
	// ends with its run's deadline.
	healWithin = 6 * time.Minute
	// giveUpAfter is how long a recovery is waited for beyond its bound.
	giveUpAfter = time.Minute
)

// injection is one fault that was injected.
type injection struct {
	fault     *faults.Fault
	topology  world.Topology
	inFlight  int
	recovered time.Duration
	note      string
	err       error // what the fleet or the fault did wrong
}

// one injects a fault, waits for the recovery and reports both.
func (k *walk) one(ctx context.Context, f *faults.Fault) {
	began := time.Now()
	done := k.strike(ctx, f)
	done.fault, done.topology = f, k.leg.topology
	k.report.add(done)
	word := fmt.Sprintf("recovered in %s", done.recovered.Round(10*time.Millisecond))
	if done.err != nil {
		word = "FAILED: " + done.err.Error()
	}
	fmt.Fprintf(k.cfg.Out, "  %-32s %3d in flight  %s (%s) %s\n", f.Name, done.inFlight, word,
		time.Since(began).Round(100*time.Millisecond), done.note)
}

func (k *walk) strike(ctx context.Context, f *faults.Fault) injection {
	if _, err := k.world.AwaitInFlight(ctx, ""); err != nil {
		return injection{err: err}
	}
	striking, cancel := context.WithTimeout(ctx, strikeWithin)
	defer cancel()
	strike, err := f.Inject(striking, k.world, k.leg.random)
	if err != nil {
		return injection{err: err}
	}
	done := injection{inFlight: len(strike.Jobs), note: strike.Note}
	at := strike.At
	if strike.Heal != nil {
		healing, cancel := context.WithTimeout(ctx, healWithin)
		defer cancel()
		if done.err = strike.Heal(healing); done.err != nil {
			return done
		}
		at = time.Now()
	}
	done.recovered, done.err = k.recover(ctx, f, strike, at)
	if done.err == nil && strike.Verify != nil {
		done.err = strike.Verify(ctx)
	}
	return done
}

// recover waits until the fleet works again and the jobs that were in flight have
// ended, and measures what the fault is measured by.
func (k *walk) recover(ctx context.Context, f *faults.Fault, strike *faults.Strike, at time.Time) (time.Duration, error) {
	bound := f.Within * time.Duration(k.cfg.Lenient)
	ctx, cancel := context.WithTimeout(ctx, bound+giveUpAfter)
	defer cancel()
	var back, settled time.Duration
	err := world.Poll(ctx, "the fleet to recover", func() (bool, error) {
		if back == 0 && k.working(ctx, at) {
			back = time.Since(at)
		}
		if settled == 0 && k.world.Settled(ctx, strike.Jobs) {
			settled = time.Since(at)
		}
		return back > 0 && settled > 0, nil
	})
	recovered := settled
	switch {
	case strike.Took > 0:
		recovered = strike.Took
	case f.BackToWork:
		recovered = back
	}
	switch {
	case err != nil:
		return time.Since(at), errors.Join(err, k.stuck(strike))
	case recovered > bound:
		return recovered, fmt.Errorf("it took %s to recover, and %s is allowed", recovered.Round(10*time.Millisecond), bound)
	default:
		return recovered, nil
	}
}

// working reports whether a job has ended well since then.
func (k *walk) working(ctx context.Context, since time.Time) bool {
	n, err := k.world.Count(ctx, `
SELECT count(*) FROM (SELECT FROM alphapulse.sync_jobs WHERE finished_at > $1 AND status IN ($2, $3) LIMIT 1) x`,
		since, syncjob.Succeeded, syncjob.Partial)
	return err == nil && n > 0
}

// stuck says which jobs did not end.
func (k *walk) stuck(strike *faults.Strike) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ids := make([]string, len(strike.Jobs))
	for i, job := range strike.Jobs {
		ids[i] = job.JobID
	}
	var words string
	err := k.world.DB.QueryRow(ctx, `
SELECT coalesce(string_agg(concat_ws(' ', id, data_type, lane, status, 'attempt', attempt, 'owner', owner, 'lease', lease_until,
       'next', next_at, 'publishes', publishes, 'seq', stream_seq, error_message), '; '), 'all have ended')
FROM alphapulse.sync_jobs WHERE id = ANY ($1::uuid[]) AND finished_at IS NULL`, ids).Scan(&words)
	if err != nil {
		return err
	}
	return errors.New("jobs that were in flight: " + words)
}
