package main

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func TestSimServesADenseHistory(t *testing.T) {
	t.Parallel()
	address := queuetest.FreeAddress(t)
	_, _, uid := exchangesim.Credentials(1, 0)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan int, 1)
	go func() {
		code, _, _ := invoke(ctx, nil, "sim", "--http", address, "--history-symbols", "BTCUSDT, spot:ETHUSDT", "--fills-per-day", "40",
			"--history-days", "365", "--quiet-days", "10", "--egress", "forwarded", "--modes", "5,3,1", "--settle-coins", "EUR",
			"--indexing-delay", "0s", "--demo-rules", "--history-funding")
		stopped <- code
	}()
	var answer struct {
		Total int `json:"total"`
	}
	require.Eventually(t, func() bool {
		code, body := get(t, "http://"+address+"/admin/truth/history?type=fills&category=spot&limit=0&uid="+uid)
		return code == http.StatusOK && json.Unmarshal([]byte(body), &answer) == nil
	}, upPatience, 20*time.Millisecond)
	require.Equal(t, 355*40, answer.Total)
	_, body := get(t, "http://"+address+"/admin/truth/history?type=fills&category=linear&limit=0&uid="+uid)
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	require.Equal(t, 355*(40+3), answer.Total, "with its funding")
	stop()
	require.Zero(t, <-stopped)
}

func TestSimNamesWrongHistorySettings(t *testing.T) {
	t.Parallel()
	code, _, errs := invoke(t.Context(), nil, "sim", "--modes", "a,b", "--indexing-delay", "-3s")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "1,3,5")
	require.Contains(t, errs, "1s, or 0s")
	code, _, errs = invoke(t.Context(), nil, "sim", "--history-symbols", "NOPE", "--modes", "2", "--egress", "x")
	require.Equal(t, exitUsage, code)
	for _, part := range []string{"NOPE", "unifiedMarginStatus", "egress"} {
		require.Contains(t, errs, part)
	}
}
