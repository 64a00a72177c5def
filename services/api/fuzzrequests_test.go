package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
)

// fuzzedProcedures are the calls that answer at once, each with a request that
// is understood.
func fuzzedProcedures() [][2]string {
	const unknown = `"00000009-0000-4000-8000-000000000001"`
	return [][2]string{
		{"AccountService/AddAccount", `{"name":"fuzz","exchange":"bybit","environment":"testnet","baseUrl":"","apiKey":"KEY","apiSecret":"SECRET"}`},
		{"AccountService/GetAccount", `{"name":"known"}`},
		{"AccountService/PauseAccount", `{"name":"known","reason":"why"}`},
		{"AccountService/ResumeAccount", `{"name":"known"}`},
		{"AccountService/SetCadence", `{"name":"known","dataType":"balances","every":"60s"}`},
		{"AccountService/SetKey", `{"name":"known","apiKey":"KEY","apiSecret":"SECRET"}`},
		{"CandleService/AddCandleSeries", `{"market":{"account":"known"},"category":"spot","symbol":"BTCUSDT","interval":"60","since":"2026-01-01T00:00:00Z"}`},
		{"CandleService/ListCandleSeries", `{"account":"known"}`},
		{"CandleService/RemoveCandleSeries", `{"market":{"exchange":"bybit","environment":"testnet"},"category":"spot","symbol":"BTCUSDT","interval":"60"}`},
		{"DeadService/ListDead", `{"account":"known","dataType":"orders","errorClass":"transient","since":"2026-01-01T00:00:00Z","pageSize":10,"pageToken":""}`},
		{"DeadService/GetDead", `{"jobId":` + unknown + `}`},
		{"DeadService/RequeueDead", `{"selection":{"jobIds":[` + unknown + `]},"dryRun":true,"note":"known"}`},
		{"DeadService/DiscardDead", `{"selection":{"account":"known","since":"2026-01-01T00:00:00Z"},"note":"known"}`},
		{"DeadService/CheckDead", `{"announce":true}`},
		{"ControlService/CreatePause", `{"scope":{"account":"known","types":["orders"],"lane":"live"},"note":"why","by":"me","until":"2026-01-01T00:00:00Z","dryRun":true}`},
		{"ControlService/EndPause", `{"id":` + unknown + `}`},
		{"ControlService/EndPause", `{"scope":{"exchange":"bybit","account":"known"},"by":"me"}`},
		{"ControlService/ListPauses", `{}`},
		{"ControlService/ListSchedules", `{"account":"known"}`},
		{"ControlService/SetSchedule", `{"account":"known","types":["balances"],"every":"60s","enabled":true}`},
		{"ControlService/SetSchedule", `{"exchange":"bybit","environment":"testnet","types":["prices"],"enabled":false}`},
		{"ControlService/ListWorkerSettings", `{}`},
		{"ControlService/SetWorkerSettings", `{"types":["orders"],"worker":"known","slots":4,"lanes":["live"],"paused":false,"by":"me"}`},
		{"HistoryService/GetCoverage", `{"account":"known"}`},
		{"HistoryService/StartBackfill", `{"account":"known","types":["fills"],"since":"2026-01-01T00:00:00Z","until":"2026-01-02T00:00:00Z","dryRun":true}`},
		{"HistoryService/StartVerify", `{"account":"known","types":["orders"],"since":"2026-01-01T00:00:00Z"}`},
		{"HistoryService/GetVerification", `{"runId":` + unknown + `}`},
		{"HistoryService/StartRepair", `{"runId":` + unknown + `}`},
		{"QuarantineService/ListQuarantine", `{"account":"known","dataType":"orders","limit":10}`},
		{"QuarantineService/GetQuarantined", `{"id":"1"}`},
		{"QuarantineService/RetryQuarantine", `{"account":"known","ids":["1"]}`},
		{"QuarantineService/DropQuarantine", `{"account":"known","ids":["1"]}`},
		{"ReplayService/StartReplay", `{"filter":{"since":"2026-01-01T00:00:00Z","account":"known","types":["orders"],"status":"any","exchange":"bybit"},"dryRun":true,"note":"known"}`},
		{"ReplayService/StartReplay", `{"filter":{"runId":` + unknown + `},"rate":10}`},
		{"ReplayService/GetReplay", `{"id":` + unknown + `,"groups":true}`},
		{"ReplayService/ListReplays", `{"pageSize":10}`},
		{"ReplayService/CancelReplay", `{"id":` + unknown + `}`},
		{"RunService/StartSync", `{"account":"known","types":["balances"],"dryRun":true}`},
		{"RunService/GetRun", `{"id":` + unknown + `}`},
		{"RunService/CancelRun", `{"id":` + unknown + `}`},
		{"RunService/ListRuns", `{"account":"known","status":"failed","trigger":"manual","pageSize":10,"pageToken":""}`},
		{"StatusService/GetStatus", `{"account":"known"}`},
		{"TokenService/CreateToken", `{"name":"known","scopes":["read"],"expiresIn":"3600s"}`},
		{"AuditService/ListAudit", `{"account":"known","actor":"known","since":"2026-01-01T00:00:00Z","pageSize":10,"pageToken":"1"}`},
		{"TokenService/ListTokens", `{"all":true}`},
		{"TokenService/RevokeToken", `{"name":"known"}`},
	}
}

// Whatever is sent to the API, it answers: with what was asked for or with a
// problem that has a class, and never with its own failure.
func FuzzRequests(f *testing.F) {
	s := apitest.New(f)
	_, err := newClient(s.URL).AddAccount(f.Context(), addRequest("known"))
	require.NoError(f, err)
	procedures := fuzzedProcedures()
	for i, one := range procedures {
		f.Add(uint8(i), one[1])
		f.Add(uint8(i), strings.ReplaceAll(one[1], "known", `\u0000`))
		f.Add(uint8(i), strings.ReplaceAll(one[1], "00000009-0000-4000-8000-000000000001", "x"))
		f.Add(uint8(i), strings.ReplaceAll(one[1], "2026-01-01", "0001-01-01"))
		f.Add(uint8(i), strings.ReplaceAll(one[1], "BTCUSDT", `\u0000`))
		f.Add(uint8(i), strings.ReplaceAll(one[1], `"1"`, `"9223372036854775807"`))
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		path := "/alphapulse.control.v1." + procedures[int(which)%len(procedures)][0]
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		if response.StatusCode == http.StatusOK {
			require.True(t, json.Valid(answer))
			return
		}
		var told struct{ Code, Message string }
		require.NoError(t, json.Unmarshal(answer, &told), "%s", answer)
		require.NotEmpty(t, told.Code)
		require.NotContains(t, []string{"internal", "unknown", "data_loss"}, told.Code, "%s %s: %s", path, body, answer)
	})
}
