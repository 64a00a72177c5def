package databases

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Fields of /proc/<pid>/stat behind the program's name (proc(5)).
const (
	fieldState  = 0
	fieldParent = 1
	fieldStart  = 19
)

// look reads one process.
func look(pid int) (m member, s state, parent int) {
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return member{pid: pid}, 0, 0
	}
	// The name is in parentheses and may contain anything.
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	if len(fields) <= fieldStart {
		return member{pid: pid}, 0, 0
	}
	parent, _ = strconv.Atoi(fields[fieldParent]) // the kernel writes a number
	return member{pid: pid, since: fields[fieldStart]}, state(fields[fieldState][0]), parent
}

// childrenOf lists the living children of a process.
func childrenOf(pid int) (family, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var f family
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue // not a process
		}
		if m, s, parent := look(child); parent == pid && !gone(s) {
			f = append(f, m)
		}
	}
	return f, nil
}
