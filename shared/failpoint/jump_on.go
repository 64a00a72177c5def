//go:build failpoints && clockjump

package failpoint

import "time"

// jump moves this process's wall clock by d; its monotonic clock goes on. The
// standard library has no such function: the tag comes with an overlay of package
// time that does (services/internal/chaos/world).
func jump(d time.Duration) { time.Jump(d) }
