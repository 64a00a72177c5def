package monitoring

import (
	"fmt"
	"os"
	"strings"
)

// Metric is one line of docs/metrics.md.
type Metric struct {
	Name   string
	Kind   string // counter, gauge or histogram
	Labels []string
}

// Catalogue are the metrics of docs/metrics.md by their names. A test beside the
// binary holds that file against what is registered.
type Catalogue map[string]Metric

// ReadCatalogue reads the tables of docs/metrics.md.
func ReadCatalogue(path string) (Catalogue, error) {
	text, err := os.ReadFile(path) //nolint:gosec // a file of the repository
	if err != nil {
		return nil, fmt.Errorf("reading the list of metrics: %w", err)
	}
	metrics := Catalogue{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 5 || !strings.HasPrefix(cells[1], " `alphapulse_") {
			continue
		}
		m := Metric{Name: strings.Trim(cells[1], " `"), Kind: strings.TrimSpace(cells[2])}
		for label := range strings.SplitSeq(cells[3], ",") {
			if label = strings.TrimSpace(label); label != "" {
				m.Labels = append(m.Labels, label)
			}
		}
		metrics[m.Name] = m
	}
	return metrics, nil
}

// Find gives the metric that a series belongs to: a histogram's series carry its
// name and a suffix.
func (c Catalogue) Find(series string) (Metric, bool) {
	if m, ok := c[series]; ok && m.Kind != "histogram" {
		return m, true
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		base, ok := strings.CutSuffix(series, suffix)
		if m := c[base]; ok && m.Kind == "histogram" {
			return m, true
		}
	}
	return Metric{}, false
}
