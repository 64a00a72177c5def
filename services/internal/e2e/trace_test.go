package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/syncjob"
	"github.com/alphapulse/alphapulse/shared/tracing"
)

// span is what a collector was sent of one span.
type span struct {
	service, process string
	name             string
	id, parent       string
	links            int
	attributes       map[string]string
}

// spans is a collector: it takes OTLP over HTTP.
type spans struct {
	mu      sync.Mutex
	byTrace map[string][]span
}

func collect(t *testing.T) (*spans, string) {
	t.Helper()
	s := &spans{byTrace: map[string][]span{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
			http.Error(w, "no spans", http.StatusBadRequest)
			return
		}
		s.add(&request)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	return s, server.URL
}

func (s *spans) add(request *collector.ExportTraceServiceRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, process := range request.GetResourceSpans() {
		resource := map[string]string{}
		for _, a := range process.GetResource().GetAttributes() {
			resource[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, scope := range process.GetScopeSpans() {
			for _, sent := range scope.GetSpans() {
				one := span{
					service: resource["service.name"], process: resource["service.instance.id"], name: sent.GetName(),
					id: string(sent.GetSpanId()), parent: string(sent.GetParentSpanId()), links: len(sent.GetLinks()),
					attributes: map[string]string{},
				}
				for _, a := range sent.GetAttributes() {
					one.attributes[a.GetKey()] = a.GetValue().GetStringValue()
				}
				trace := string(sent.GetTraceId())
				s.byTrace[trace] = append(s.byTrace[trace], one)
			}
		}
	}
}

func (s *spans) of(runID string) []span {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := tracing.TraceID(runID)
	return slices.Clone(s.byTrace[string(id[:])])
}

// has reports whether a process sent a span of that name whose parent has that name;
// "" for none. Spans come in any order: a process sends what has ended, and a parent
// ends last.
func (s *spans) has(runID, process, name, below string) bool {
	all := s.of(runID)
	parents := map[string]string{}
	for _, one := range all {
		parents[one.id] = one.name
	}
	return slices.ContainsFunc(all, func(one span) bool {
		return one.process == process && one.name == name && parents[one.parent] == below && (below != "" || one.parent == "")
	})
}

// One trace shows a job from the schedule's tick to the fold: planned and published
// by the scheduler, taken by a worker that has to stop, finished by another one,
// folded by the aggregator. Four processes, which share nothing but the broker and
// the database.
func TestOneTraceFromTheTickToTheFold(t *testing.T) {
	t.Parallel()
	f := fleettest.New(t, exchangesim.Config{})
	received, url := collect(t)
	address := queuetest.FreeAddress(t)
	fleettest.Start(t, "broker", []string{brokerListen + "=" + address, brokerDir + "=" + t.TempDir()}, os.Args[0])
	start := f.Processes("nats://"+address, "OTEL_EXPORTER_OTLP_ENDPOINT="+url, "OTEL_BSP_SCHEDULE_DELAY=100")
	scheduler := start("scheduler", "scheduler", "--name", "s-1")
	aggregator := start("aggregator", "aggregator", "--name", "a-1")
	stopping := start("worker-1", "worker", "--name", "w-1")
	account := f.Active(0)
	f.Idle()
	hold, err := f.Sim.Hold(exchangesim.Hold{Endpoint: "/v5/account/wallet-balance"})
	require.NoError(t, err)
	_, err = f.Pool.Exec(t.Context(), `
UPDATE alphapulse.schedules SET enabled = true, next_at = clock_timestamp() WHERE subject_id = $1 AND data_type = 'balances'`, account.ID)
	require.NoError(t, err)
	require.NoError(t, f.Sim.AwaitHeld(t.Context(), hold, 1))
	f.Quiet()
	stopping.Signal(syscall.SIGTERM)
	require.Zero(t, stopping.Wait())
	f.Sim.Release(hold)
	finishing := start("worker-2", "worker", "--name", "w-2")
	var runID string
	require.NoError(t, f.Pool.QueryRow(t.Context(), `
SELECT run_id FROM alphapulse.sync_jobs WHERE subject_id = $1 AND trigger = 'schedule' AND data_type = 'balances' AND finished_at IS NULL
   OR subject_id = $1 AND owner = 'w-2' ORDER BY queued_at DESC LIMIT 1`, account.ID).Scan(&runID))
	run, _ := f.AwaitRun(runID)
	require.Equal(t, syncjob.RunSucceeded, run.Status)
	for _, step := range []struct{ process, name, below string }{
		{"a-1", "run schedule", ""},
		{"s-1", "plan balances", "run schedule"},
		{"s-1", "publish balances", "run schedule"},
		{"w-1", "process balances", "publish balances"},
		{"w-1", "claim", "process balances"},
		{"w-1", "fetch", "process balances"},
		{"w-2", "process balances", "publish balances"},
		{"w-2", "fetch", "process balances"},
		{"w-2", "GET /v5/account/wallet-balance", "fetch"},
		{"w-2", "commit", "process balances"},
		{"w-2", "report", "process balances"},
		{"a-1", "fold", "report"},
	} {
		f.Eventually(step.name+" of "+step.process+" below "+step.below, func() bool {
			return received.has(runID, step.process, step.name, step.below)
		})
	}

	all := received.of(runID)
	byID := map[string]span{}
	processes := map[string]string{}
	for _, one := range all {
		byID[one.id] = one
		processes[one.process] = one.service
	}
	require.Equal(t, map[string]string{
		"s-1": "alphapulse-scheduler", "w-1": "alphapulse-worker", "w-2": "alphapulse-worker", "a-1": "alphapulse-aggregator",
	}, processes)
	roots := 0
	for _, one := range all {
		require.Zero(t, one.links, one.name)
		if one.parent != "" {
			require.Contains(t, byID, one.parent, "%s of %s has its parent in the trace", one.name, one.process)
		} else {
			require.Equal(t, "run schedule", one.name)
			roots++
		}
	}
	require.Equal(t, 1, roots)
	require.NotContains(t, names(all), "w-1 commit")
	for _, process := range []*fleettest.Process{scheduler, aggregator, stopping, finishing} {
		requireTraceInLog(t, process, runID)
	}
}

func names(all []span) []string {
	found := map[string]bool{}
	for _, one := range all {
		found[one.process+" "+one.name] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// requireTraceInLog demands that every line of a run carries its trace.
func requireTraceInLog(t *testing.T, process *fleettest.Process, runID string) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader([]byte(process.Output())))
	lines.Buffer(nil, 1<<20)
	seen := 0
	for lines.Scan() {
		if !strings.Contains(lines.Text(), runID) {
			continue
		}
		var line struct {
			RunID   string `json:"run_id"`
			TraceID string `json:"trace_id"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.RunID == runID {
			require.Equal(t, tracing.TraceID(runID).String(), line.TraceID, lines.Text())
			seen++
		}
	}
	require.NoError(t, lines.Err())
	require.NotZero(t, seen, "lines of the run")
}
