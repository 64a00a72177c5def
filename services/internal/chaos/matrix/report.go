package matrix

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/alphapulse/alphapulse/services/internal/chaos/audit"
	"github.com/alphapulse/alphapulse/services/internal/chaos/faults"
	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

// Report is what came of a run.
type Report struct {
	Seed       int64         `json:"seed"`
	Duration   string        `json:"duration"`
	Began      time.Time     `json:"began"`
	Ended      time.Time     `json:"ended"`
	Faults     []FaultReport `json:"faults"`
	Invariants []Invariant   `json:"invariants"`

	mu sync.Mutex
}

// FaultReport is one cell of the matrix.
type FaultReport struct {
	Name     string `json:"name"`
	Does     string `json:"does"`
	Injected int    `json:"injected"` // with a job in flight
	InFlight int    `json:"in_flight"`
	// Recovered is the longest recovery; nil if there was none.
	Recovered *float64 `json:"recovered_seconds"`
	Within    float64  `json:"within_seconds"`
	Topology  []string `json:"topologies"`
	NotRun    string   `json:"not_run,omitempty"` // why this machine cannot do it
	Failures  []string `json:"failures,omitempty"`
}

// Invariant is one invariant on one topology.
type Invariant struct {
	Topology world.Topology `json:"topology"`
	audit.Invariant
}

func newReport(cfg Config) *Report {
	r := &Report{Seed: cfg.Seed, Duration: cfg.Duration.String(), Began: time.Now().UTC()}
	for _, f := range cfg.Faults {
		r.Faults = append(r.Faults, FaultReport{
			Name: f.Name, Does: f.Does, Within: (f.Within * time.Duration(cfg.Lenient)).Seconds(), Topology: []string{},
		})
	}
	return r
}

// line gives a fault's, which a replacement may not have yet.
func (r *Report) line(f *faults.Fault) *FaultReport {
	for i := range r.Faults {
		if r.Faults[i].Name == f.Name {
			return &r.Faults[i]
		}
	}
	r.Faults = append(r.Faults, FaultReport{Name: f.Name, Does: f.Does, Within: f.Within.Seconds()})
	return &r.Faults[len(r.Faults)-1]
}

func (r *Report) notRun(f *faults.Fault, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line(f).NotRun = why.Error()
}

func (r *Report) add(i injection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := r.line(i.fault)
	if i.inFlight > 0 {
		line.Injected++
		line.InFlight += i.inFlight
		if len(line.Topology) == 0 || line.Topology[len(line.Topology)-1] != string(i.topology) {
			line.Topology = append(line.Topology, string(i.topology))
		}
	}
	if i.err != nil {
		line.Failures = append(line.Failures, i.err.Error())
		return
	}
	if seconds := i.recovered.Seconds(); line.Recovered == nil || seconds > *line.Recovered {
		line.Recovered = &seconds
	}
}

func (r *Report) addInvariants(topology world.Topology, all []audit.Invariant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, inv := range all {
		r.Invariants = append(r.Invariants, Invariant{topology, inv})
	}
}

// Failed reports whether something was wrong: an invariant, a recovery or, if
// strict, a fault that was not run.
func (r *Report) Failed(strict bool) bool {
	for _, f := range r.Faults {
		if len(f.Failures) > 0 || (strict && f.NotRun != "") {
			return true
		}
	}
	for _, inv := range r.Invariants {
		if !inv.Held {
			return true
		}
	}
	return false
}

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteTable writes the report for people.
func (r *Report) WriteTable(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FAULT\tINJECTED\tIN FLIGHT\tRECOVERED\tALLOWED\tRESULT")
	for _, f := range r.Faults {
		recovered := "-"
		if f.Recovered != nil {
			recovered = fmt.Sprintf("%.2f s", *f.Recovered)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%.0f s\t%s\n", f.Name, f.Injected, f.InFlight, recovered, f.Within, f.result())
	}
	fmt.Fprintln(t, "\nINVARIANT\tTOPOLOGY\tCHECKED\tRESULT")
	for _, inv := range r.Invariants {
		result := "held"
		if !inv.Held {
			result = "BROKEN"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\n", inv.Name, inv.Topology, inv.Checked, result)
		for _, d := range inv.Details {
			fmt.Fprintf(t, "  %s\n", d)
		}
	}
	return t.Flush()
}

func (f FaultReport) result() string {
	switch {
	case len(f.Failures) > 0:
		return "FAILED: " + f.Failures[0]
	case f.NotRun != "":
		return "not run: " + f.NotRun
	case f.Injected == 0:
		return "not reached in the time given"
	default:
		return "held"
	}
}
