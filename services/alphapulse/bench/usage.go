package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// usage is what the machine has used up to a moment.
type usage struct {
	at        time.Time
	log       logMark
	processes map[string]spent // by name as shown; those of workers are summed up
	cpu       float64          // of all processes, in seconds
}

// spent is what a process has used up to a moment.
type spent struct {
	cpu       float64 // seconds
	allocated float64 // bytes, in all its life
	resident  float64 // bytes, now
	peak      float64 // bytes, at most so far
}

func (s spent) add(other spent) spent {
	return spent{
		cpu: s.cpu + other.cpu, allocated: s.allocated + other.allocated,
		resident: max(s.resident, other.resident), peak: max(s.peak, other.peak),
	}
}

// Names of processes that are not started by a pass.
const (
	postgresProcess = "postgres"
	standInProcess  = "sim"
	ownProcess      = "bench" // with the broker in it, and the loops
)

// usage reads what has been used by a pass's processes and by what it stands on.
func (m *machine) usage(ctx context.Context, children []*process) (usage, error) {
	u := usage{at: time.Now(), processes: map[string]spent{}}
	if m.exchange.process != nil {
		children = append(children[:len(children):len(children)], m.exchange.process)
	}
	for _, c := range children {
		s, err := c.spent(ctx)
		if err != nil {
			return u, fmt.Errorf("reading what %s has used: %w", c.name, err)
		}
		u.processes[processName(c.name)] = u.processes[processName(c.name)].add(s)
	}
	if m.server != nil {
		u.processes[postgresProcess] = familySpent(m.server.Pid())
	}
	u.processes[ownProcess] = ownSpent()
	for _, s := range u.processes {
		u.cpu += s.cpu
	}
	mark, err := m.mark(ctx)
	u.log = mark
	return u, err
}

// ownSpent is what this process has used.
func ownSpent() spent {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	s := pidSpent(pidSelf)
	s.allocated = float64(memory.TotalAlloc)
	return s
}

// spent reads a process's metrics.
func (p *process) spent(ctx context.Context) (spent, error) {
	values, err := scrape(ctx, p.health)
	if err != nil {
		return spent{}, err
	}
	s := spent{
		cpu: values["process_cpu_seconds_total"], allocated: values["go_memstats_alloc_bytes_total"],
		resident: values["process_resident_memory_bytes"],
	}
	s.peak = max(s.resident, pidSpent(p.PID()).peak)
	return s, nil
}

// between is what was used between two moments.
func between(before, after usage) map[string]spent {
	used := map[string]spent{}
	for name, s := range after.processes {
		s.cpu -= before.processes[name].cpu
		s.allocated -= before.processes[name].allocated
		used[name] = s
	}
	return used
}
