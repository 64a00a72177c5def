package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// scrape reads the metrics of a process: the sum of each metric's series by its name,
// and of a histogram's buckets by name and bound, as in
// "alphapulse_slot_lateness_seconds_bucket le=1".
func scrape(ctx context.Context, address string) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the metrics at %s answer %s", address, resp.Status)
	}
	return readMetrics(resp.Body)
}

func readMetrics(page io.Reader) (map[string]float64, error) {
	values := map[string]float64{}
	lines := bufio.NewScanner(page)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		if at < 0 {
			continue
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q is no number", line)
		}
		values[metricName(line[:at])] += value
	}
	return values, lines.Err()
}

// metricName is the name of a series without its labels, but for a bucket's bound.
func metricName(series string) string {
	name, labels, _ := strings.Cut(series, "{")
	if !strings.HasSuffix(name, "_bucket") {
		return name
	}
	_, bound, _ := strings.Cut(labels, `le="`)
	bound, _, _ = strings.Cut(bound, `"`)
	return name + " le=" + bound
}
