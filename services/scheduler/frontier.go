package scheduler

import "time"

const (
	// lookOver is how often at most a loop looks for what is due from the very beginning.
	lookOver = 2 * time.Second
	// lookOverShare bounds what of a loop's time that may take, while a vacuum is late
	// and much lies at the beginning.
	lookOverShare = 20
)

// frontier is where a loop begins to look for what is due: a little before the first
// thing that its last step saw, and at the very beginning now and then. What is due
// before the frontier, because somebody had it locked for seconds, is found then. The
// zero frontier begins at the beginning.
type frontier struct {
	first time.Time // that was due the last time, by the server's clock
	began time.Time // the step at hand
	over  bool      // it looks from the very beginning
	next  time.Time // time to do so
}

// from is where the step that begins now looks.
func (f *frontier) from() time.Time {
	f.began = time.Now()
	f.over = !f.began.Before(f.next)
	if f.over {
		return time.Time{}
	}
	return f.first
}

// saw is told by a step that has looked what was the first thing due. One that failed
// tells nothing, and looks again where it did.
func (f *frontier) saw(first time.Time) {
	f.first = first
	if f.over {
		f.next = f.began.Add(max(lookOver, lookOverShare*time.Since(f.began)))
	}
}

// rest bounds the pause after a step that found nothing: it may have overlooked what is
// due before the frontier.
func (f *frontier) rest(wait time.Duration) time.Duration {
	if f.over {
		return wait
	}
	return min(wait, max(time.Until(f.next), 0))
}
