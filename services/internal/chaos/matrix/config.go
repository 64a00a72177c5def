package matrix

import (
	"io"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/faults"
)

// Config is one run of the matrix.
type Config struct {
	Seed     int64
	Duration time.Duration // of the faults; making the worlds and the final audits come on top
	Faults   []*faults.Fault
	// Dir is where everything is written; Binary is alphapulse with failpoints.
	Dir, Binary string
	// Out is told what happens while it happens.
	Out io.Writer
	// Lenient multiplies the times within which the fleet must recover: a machine
	// that does much else beside is slower. 1 if zero.
	Lenient int
	// Accounts of each world; its own default if zero.
	Accounts int
}
