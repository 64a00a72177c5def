package syncjob

import "time"

// MaxReleases is how often a job may be given back by workers that shut down
// before a release counts like a lost attempt.
const MaxReleases = 3

// MaxAttempts is how many attempts a job has. The lane alone decides: what must
// be fresh is given up early, since the next tick asks again. A window of a
// backfill that is given up is a hole, so it outlasts an exchange that is away
// for some minutes, and workers that are killed all the time.
func MaxAttempts(lane Lane, _ Trigger) int {
	if lane == Live {
		return 3
	}
	return 12
}

// Exhausted gives how a job ends whose attempts ran out: partial if a scope of
// it is stored; failed if the next tick will repeat it anyway; dead if nothing
// will.
func Exhausted(trigger Trigger, lane Lane, stored bool) Status {
	switch {
	case stored:
		return Partial
	case trigger == Schedule && lane == Live:
		return Failed
	default:
		return Dead
	}
}

// Backoff is the pause before the attempt after the given one, with full
// jitter: random, in [0,1), spreads it over the whole span so that jobs that
// failed together do not come back together.
func Backoff(lane Lane, attempt int, random float64) time.Duration {
	ceiling := 15 * time.Second
	if lane != Live {
		ceiling = 5 * time.Minute
	}
	span := time.Second << min(max(attempt, 1), 20)
	return time.Duration(random * float64(min(span, ceiling)))
}

// RunDeadline is how long a run of a trigger may take, from the moment its
// jobs may be published. For scheduled runs cadence is the longest of its
// types.
func RunDeadline(trigger Trigger, cadence time.Duration) time.Duration {
	switch trigger {
	case Schedule:
		return max(time.Minute, 2*cadence)
	case Manual:
		return 5 * time.Minute
	case TriggerProbe:
		return 30 * time.Second
	case TriggerBackfill:
		return 30 * time.Minute
	default:
		return 15 * time.Minute
	}
}

// JobTimeout bounds one attempt.
func JobTimeout(lane Lane) time.Duration {
	if lane == Live {
		return time.Minute
	}
	return 10 * time.Minute
}
