//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// Hit does what the point, or the point with one of the labels, is armed with.
func Hit(point Point, labels ...string) {
	dir := os.Getenv(Variable)
	if dir == "" {
		return
	}
	names := []string{string(point)}
	for _, label := range labels {
		names = append(names, string(point)+"@"+label)
	}
	for _, name := range names {
		if action, armed := take(filepath.Join(dir, name)); armed {
			act(point, action)
		}
	}
}

// take disarms a point, unless it strikes always, and gives its action. Of
// several processes that meet it at once the rename lets one win.
func take(path string) (Action, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	evidence := path + ".hit." + strconv.Itoa(os.Getpid())
	action, always := strings.CutPrefix(strings.TrimSpace(string(text)), "always ")
	if always {
		return Action(action), os.WriteFile(evidence, text, 0o600) == nil
	}
	return Action(action), os.Rename(path, evidence) == nil
}

func act(point Point, action Action) {
	if d, ok := action.jump(); ok {
		jump(d)
		return
	}
	switch action {
	case Kill:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal may take a moment, and nothing may happen in it
	case Stop:
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case Exit:
		os.Exit(3)
	case Panic:
		panic(fmt.Sprintf("failpoint %s", point))
	case Hang:
		select {}
	case Memory:
		exhaust()
	default:
		panic(fmt.Sprintf("failpoint %s: unknown action %q", point, action))
	}
}

// spare is what the process may still take before its memory is exhausted.
const spare = 256 << 20

// exhaust takes memory until the runtime ends the process, which no recover can
// prevent. A limit of its own comes first, so that the machine does not suffer.
func exhaust() {
	limit := syscall.Rlimit{Cur: addressSpace() + spare, Max: addressSpace() + spare}
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		panic(fmt.Sprintf("limiting the memory: %v", err))
	}
	var taken [][]byte
	for {
		block := make([]byte, 1<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		taken = append(taken, block)
		runtime.KeepAlive(taken)
	}
}

// addressSpace is how much of it the process uses now.
func addressSpace() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, err := strconv.ParseUint(strings.Fields(string(text))[0], 10, 64)
	if err != nil {
		panic(err)
	}
	return pages * uint64(os.Getpagesize())
}
