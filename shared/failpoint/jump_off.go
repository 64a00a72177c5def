//go:build failpoints && !clockjump

package failpoint

import "time"

func jump(d time.Duration) {
	panic("failpoint: this build cannot move its clock by " + d.String() + "; it lacks the tag clockjump")
}
