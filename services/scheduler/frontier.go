package scheduler

import "time"

// lookOver is how often a loop looks for what is due from the very beginning.
const lookOver = 10 * time.Second

// frontier is where a loop begins to look for what is due: a little before the first
// thing that its last step saw, and at the very beginning now and then. What is due
// before the frontier, because somebody had it locked for seconds, is found then. The
// zero frontier begins at the beginning.
type frontier struct {
	first  time.Time // that was due the last time, by the server's clock
	looked time.Time // at the very beginning, by our clock
}

// from is where the step that begins now looks.
func (f *frontier) from() time.Time {
	if now := time.Now(); now.Sub(f.looked) >= lookOver {
		f.looked = now
		return time.Time{}
	}
	return f.first
}

// saw is told what was the first thing due.
func (f *frontier) saw(first time.Time) { f.first = first }
