package soak

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alphapulse/alphapulse/services/internal/chaos/world"
)

// The figures that every process shows of itself.
const (
	goroutines = "go_goroutines_before_scrape"
	liveHeap   = "go_gc_heap_live_bytes"
	sessions   = "database connections"

	// How many fetches wait at the broker is chance: each is for the slots of a queue
	// that came free together, of which there are at most as many as slots. Each has
	// two goroutines, which are not compared.
	openFetches        = "alphapulse_slots_fetches"
	goroutinesPerFetch = 2
)

// samples are the readings of one figure of one process.
type samples struct {
	at     []time.Duration
	values []float64
}

type series struct {
	lasts    time.Duration
	readings map[[2]string]*samples // by process and figure
}

// sample reads every process's figures until the time is over.
func sample(ctx context.Context, w *world.World, lasts time.Duration) (*series, error) {
	s := &series{lasts: lasts, readings: map[[2]string]*samples{}}
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	began := time.Now()
	for time.Since(began) < lasts {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case err := <-w.Failed():
			return nil, err
		case <-tick.C:
		}
		if err := s.read(ctx, w, time.Since(began)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *series) read(ctx context.Context, w *world.World, at time.Duration) error {
	for _, m := range members(w) {
		figures, err := scrape(ctx, m.Health)
		if err != nil {
			return fmt.Errorf("reading the metrics of %s: %w", m.Name(), err)
		}
		s.add(m.Name(), liveHeap, at, figures[liveHeap])
	}
	return s.readSessions(ctx, w, at)
}

func (s *series) readSessions(ctx context.Context, w *world.World, at time.Duration) error {
	rows, err := w.DB.Query(ctx, `
SELECT split_part(application_name, '/', 3), count(*)::float8 FROM pg_stat_activity
WHERE application_name LIKE 'alphapulse/%/%/%' GROUP BY 1`)
	if err != nil {
		return err
	}
	var process string
	var n float64
	_, err = pgx.ForEachRow(rows, []any{&process, &n}, func() error {
		s.add(process, sessions, at, n)
		return nil
	})
	return err
}

func (s *series) add(process, figure string, at time.Duration, value float64) {
	key := [2]string{process, figure}
	if s.readings[key] == nil {
		s.readings[key] = &samples{}
	}
	s.readings[key].at = append(s.readings[key].at, at)
	s.readings[key].values = append(s.readings[key].values, value)
}

// scrape reads the figures of a process's metrics, each summed over its labels.
func scrape(ctx context.Context, address string) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Close = true // a connection that is kept has goroutines at the other end
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	figures := map[string]float64{}
	lines := bufio.NewScanner(io.LimitReader(response.Body, 1<<20))
	for lines.Scan() {
		line := lines.Text()
		cut := strings.LastIndexByte(line, ' ')
		if cut < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		name, _, _ := strings.Cut(line[:cut], "{")
		if value, err := strconv.ParseFloat(line[cut+1:], 64); err == nil {
			figures[name] += value
		}
	}
	for _, needed := range []string{goroutines, liveHeap} {
		if figures[needed] == 0 {
			return nil, fmt.Errorf("there is no %s", needed)
		}
	}
	return figures, lines.Err()
}

// compare sets the first stretch against the last: of connections the fewest, since
// what work in hand needs comes and goes, and of the heap the median. Goroutines are
// compared at rest.
func (s *series) compare() []Row {
	var rows []Row
	keys := slices.SortedFunc(maps.Keys(s.readings), func(a, b [2]string) int {
		return strings.Compare(a[1]+a[0], b[1]+b[0])
	})
	for _, key := range keys {
		r := s.readings[key]
		first, last := r.between(0, compared), r.between(s.lasts-compared, s.lasts)
		if len(first) == 0 || len(last) == 0 {
			continue
		}
		row := Row{Process: key[0], What: key[1]}
		if key[1] == liveHeap {
			row.First, row.Last = median(first), median(last)
			row.Held = row.Last <= row.First*(1+heapGrowth)+heapNoise
		} else {
			row.First, row.Last = slices.Min(first), slices.Min(last)
			row.Held = row.Last <= row.First
		}
		rows = append(rows, row)
	}
	return rows
}

func (r *samples) between(from, to time.Duration) []float64 {
	var values []float64
	for i, at := range r.at {
		if at >= from && at < to {
			values = append(values, r.values[i])
		}
	}
	return values
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// growth demands that streams are within the sizes that they were given, and that
// no table holds more than its retention lets it.
func growth(ctx context.Context, w *world.World) ([]Row, error) {
	js, closeConn, err := w.JetStream()
	if err != nil {
		return nil, err
	}
	defer closeConn()
	var rows []Row
	streams := js.ListStreams(ctx)
	for info := range streams.Info() {
		bytes, limit := float64(info.State.Bytes), float64(info.Config.MaxBytes)
		rows = append(rows, Row{
			Process: info.Config.Name, What: "bytes, and its limit", First: bytes, Last: limit, Held: limit > 0 && bytes <= limit,
		})
	}
	if err := streams.Err(); err != nil {
		return nil, err
	}
	late, err := w.Count(ctx, `SELECT count(*) FROM alphapulse.sync_runs WHERE finished_at < clock_timestamp() - interval '31 days'`)
	rows = append(rows, Row{Process: "sync_runs", What: "rows beyond their retention", Last: float64(late), Held: late == 0})
	return rows, err
}
