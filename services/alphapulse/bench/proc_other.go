//go:build !linux

package bench

import "syscall"

// pidSelf stands for this process.
const pidSelf = 0

// pidSpent knows of this process alone what the system counts, and of others
// nothing: their metrics say the rest.
func pidSpent(pid int) spent {
	var used syscall.Rusage
	if pid != pidSelf || syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return spent{}
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return spent{cpu: seconds(used.Utime) + seconds(used.Stime)}
}

// familySpent is not known here.
func familySpent(int) spent { return spent{} }
