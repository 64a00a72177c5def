package bench

import (
	"maps"
	"slices"
)

// Names of samples that several scenarios have.
const (
	jobsSample  = "jobs_per_second"
	plainSample = "plain_loop_jobs_per_second"
	ratioSample = "ratio_to_plain_loop"
)

// tally collects the samples of a scenario, round by round, and what each process
// used.
type tally struct {
	names     []string // in the order in which they came
	samples   map[string]Samples
	units     map[string]string
	processes map[string]map[string]Samples // by process, then by figure
}

func newTally() *tally {
	return &tally{samples: map[string]Samples{}, units: map[string]string{}, processes: map[string]map[string]Samples{}}
}

// add notes one round's value of a figure.
func (t *tally) add(name, unit string, value float64) {
	if _, known := t.samples[name]; !known {
		t.names = append(t.names, name)
	}
	t.samples[name], t.units[name] = append(t.samples[name], value), unit
}

// ratio notes one round's ratio of two rates; of nothing there is none.
func (t *tally) ratio(name string, value, of float64) {
	if of > 0 {
		t.add(name, "", value/of)
	}
}

func (t *tally) addProcess(process, name string, value float64) {
	if t.processes[process] == nil {
		t.processes[process] = map[string]Samples{}
	}
	t.processes[process][name] = append(t.processes[process][name], value)
}

// used notes what a pass cost: for each job, and for each process.
func (t *tally) used(jobs int, processors float64, written logged, took float64, used map[string]spent) {
	perJob := func(total float64) float64 { return total / float64(max(jobs, 1)) }
	cpu := 0.0
	for name, s := range used {
		cpu += s.cpu
		t.addProcess(name, "cpu_seconds_per_1000_jobs", 1000*perJob(s.cpu))
		if s.allocated > 0 {
			t.addProcess(name, "allocated_bytes_per_job", perJob(s.allocated))
		}
		if s.peak > 0 {
			t.addProcess(name, "peak_memory_bytes", s.peak)
		}
	}
	t.add("cpu_seconds_per_1000_jobs", "s", 1000*perJob(cpu))
	if took > 0 {
		t.add("processors_in_use", "share", cpu/took/processors)
	}
	t.add("wal_bytes_per_job", "B", perJob(written.bytes-written.images))
	t.add("wal_image_bytes_per_job", "B", perJob(written.images))
	t.add("wal_syncs_per_job", "", perJob(written.syncs))
}

// result makes the report of a scenario. judge gives the goal of a figure, or nil.
func (t *tally) result(judge func(name, process string, value float64) *Goal) Result {
	r := Result{Rounds: t.samples, JobsPerSecond: t.samples[jobsSample].median()}
	r.PlainLoop, r.Ratio = t.optional(plainSample), t.optional(ratioSample)
	for _, name := range t.names {
		value := t.samples[name].median()
		r.Figures = append(r.Figures, Figure{Name: name, Value: value, Unit: t.units[name], Goal: judge(name, "", value)})
	}
	for _, process := range slices.Sorted(maps.Keys(t.processes)) {
		for _, name := range slices.Sorted(maps.Keys(t.processes[process])) {
			value := t.processes[process][name].median()
			r.Figures = append(r.Figures, Figure{
				Name: name, Process: process, Value: value, Unit: unitOf(name), Goal: judge(name, process, value),
			})
		}
	}
	return r
}

func (t *tally) optional(name string) *float64 {
	samples, ok := t.samples[name]
	if !ok {
		return nil
	}
	value := samples.median()
	return &value
}

func unitOf(name string) string {
	if name == "cpu_seconds_per_1000_jobs" {
		return "s"
	}
	return "B"
}
