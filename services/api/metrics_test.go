package api_test

import (
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/metrics/metricstest"
)

func TestMetricsOfCalls(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	value := func(name string, labels ...string) int {
		return metricstest.Count(t, registry, "alphapulse_api_"+name, labels...)
	}
	s := apitest.New(t, func(_ *api.Config, d *api.Deps) { d.Metrics = registry })
	c := newClient(s.URL)
	_, err := c.ListAccounts(t.Context(), &controlv1.ListAccountsRequest{})
	require.NoError(t, err)
	require.Equal(t, 1, value("requests_total", "procedure=AccountService/ListAccounts", "code=ok"))
	require.Equal(t, 1, value("request_seconds", "procedure=AccountService/ListAccounts"))
	_, err = c.StartSync(t.Context(), &controlv1.StartSyncRequest{Account: "nobody"})
	require.Error(t, err)
	require.Equal(t, 1, value("requests_total", "procedure=RunService/StartSync", "code=not_found"))
	require.Zero(t, value("watches"))

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/livez", nil)
	require.NoError(t, err)
	request.Header.Set("Origin", "https://example.com")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 1, value("refused_total", "status=403"))
	status, _ := get(t, s.URL+"/alphapulse.control.v1.RunService/Nothing")
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, 2, value("requests_total"), "what does not exist has no series")
	metricstest.Lint(t, metricstest.Gather(t, registry))
}
