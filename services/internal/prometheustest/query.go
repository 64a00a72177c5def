package prometheustest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/stretchr/testify/require"
)

// maxAnswer bounds an answer.
const maxAnswer = 16 << 20

// Sample is one series of an answer, as of now.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Alert is one that is pending or firing.
type Alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	State       string            `json:"state"`
}

// Query evaluates an expression as of now. An expression that is none fails the
// test.
func (s *Server) Query(expr string) []Sample {
	s.t.Helper()
	var found struct {
		Result []struct {
			Metric map[string]string `json:"metric"`
			Value  [2]any            `json:"value"`
		} `json:"result"`
	}
	require.NoError(s.t, s.get("/api/v1/query?query="+url.QueryEscape(expr), &found), expr)
	samples := make([]Sample, len(found.Result))
	for i, one := range found.Result {
		text, ok := one.Value[1].(string)
		require.True(s.t, ok, "%s: %v is no value", expr, one.Value)
		value, err := strconv.ParseFloat(text, 64)
		require.NoError(s.t, err, expr)
		samples[i] = Sample{Labels: one.Metric, Value: value}
	}
	return samples
}

// Alerts are those of a name that are pending or firing.
func (s *Server) Alerts(name string) []Alert {
	s.t.Helper()
	var found struct {
		Alerts []Alert `json:"alerts"`
	}
	require.NoError(s.t, s.get("/api/v1/alerts", &found))
	var named []Alert
	for _, one := range found.Alerts {
		if one.Labels["alertname"] == name {
			named = append(named, one)
		}
	}
	return named
}

// Firing reports whether an alert of a name fires.
func (s *Server) Firing(name string) bool {
	s.t.Helper()
	for _, one := range s.Alerts(name) {
		if one.State == "firing" {
			return true
		}
	}
	return false
}

// get asks for a path and decodes the data of the answer, if it is wanted.
func (s *Server) get(path string, into any) error {
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", path, response.Status, body)
	}
	if into == nil {
		return nil
	}
	answer := struct {
		Data any `json:"data"`
	}{into}
	return json.Unmarshal(body, &answer)
}
