package bench

import (
	"os"
	"strconv"
	"strings"
)

// pidSelf stands for this process.
const pidSelf = 0

// clockTicks of /proc are hundredths of a second on every Linux that there is.
const clockTicks = 100

// procFile is a file of /proc about a process; empty if that is gone.
func procFile(pid int, name string) string {
	who := "self"
	if pid != pidSelf {
		who = strconv.Itoa(pid)
	}
	text, err := os.ReadFile("/proc/" + who + "/" + name)
	if err != nil {
		return ""
	}
	return string(text)
}

// procStat is a process's parent, its own processor time, and that of its children
// that have ended.
func procStat(pid int) (parent int, own, ended float64) {
	text := procFile(pid, "stat")
	at := strings.LastIndexByte(text, ')') // the name may hold anything
	if at < 0 {
		return 0, 0, 0
	}
	fields := strings.Fields(text[at+1:])
	if len(fields) < 15 {
		return 0, 0, 0
	}
	number := func(i int) float64 {
		n, _ := strconv.ParseFloat(fields[i], 64) // the kernel writes numbers
		return n
	}
	return int(number(1)), (number(11) + number(12)) / clockTicks, (number(13) + number(14)) / clockTicks
}

// pidSpent is what one process has used, as the kernel counts.
func pidSpent(pid int) spent {
	_, own, _ := procStat(pid)
	s := spent{cpu: own}
	for line := range strings.Lines(procFile(pid, "status")) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch name {
		case "VmHWM":
			s.peak = kilobytes * 1024
		case "VmRSS":
			s.resident = kilobytes * 1024
		}
	}
	return s
}

// familySpent is the processor time of a process and its children, those that have
// ended among them. Their memory is shared and says nothing.
func familySpent(pid int) spent {
	_, own, ended := procStat(pid)
	s := spent{cpu: own + ended}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return s
	}
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if parent, own, ended := procStat(child); parent == pid {
			s.cpu += own + ended
		}
	}
	return s
}
