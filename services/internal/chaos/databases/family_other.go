//go:build !linux

package databases

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// look asks ps for one process.
func look(pid int) (m member, s state, parent int) {
	m = member{pid: pid}
	out, err := exec.Command("ps", "-o", "ppid=,state=,lstart=", "-p", strconv.Itoa(pid)).Output()
	fields := strings.Fields(string(out))
	if err != nil || len(fields) < 3 {
		return m, 0, 0
	}
	parent, _ = strconv.Atoi(fields[0]) // ps writes a number
	m.since = strings.Join(fields[2:], " ")
	return m, state(fields[1][0]), parent
}

// childrenOf lists the living children of a process.
func childrenOf(pid int) (family, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var f family
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) != 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		child, _ := strconv.Atoi(fields[0]) // ps writes a number
		if m, s, _ := look(child); !gone(s) {
			f = append(f, m)
		}
	}
	return f, nil
}
