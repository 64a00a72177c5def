package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func TestSimServesRecordings(t *testing.T) {
	t.Parallel()
	folder, address := t.TempDir(), queuetest.FreeAddress(t)
	body := `{"retCode":0,"retMsg":"OK","result":{"category":"linear","list":[]},"time":1767225600000}`
	require.NoError(t, os.WriteFile(filepath.Join(folder, "v5-market-tickers.category=linear.json"), []byte(body), 0o600))
	_, public := exchangesimtest.NewRSAKey(t)
	key := filepath.Join(t.TempDir(), "public.pem")
	require.NoError(t, os.WriteFile(key, []byte(public), 0o600))
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan int, 1)
	go func() {
		code, _, _ := invoke(ctx, nil, "sim", "--http", address, "--replay", folder, "--replay-time", "recorded", "--sub-accounts", "3", "--rsa-key", "0="+key)
		stopped <- code
	}()
	require.Eventually(t, func() bool {
		code, got := get(t, "http://"+address+"/v5/market/tickers?category=linear")
		return code == http.StatusOK && got == body
	}, upPatience, 20*time.Millisecond)
	stop()
	require.Zero(t, <-stopped)
}

func TestSimNamesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "v5-nothing.json")
	require.NoError(t, os.WriteFile(file, []byte("{}"), 0o600))
	code, _, errs := invoke(t.Context(), nil, "sim", "--replay", folder)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "v5-nothing.json")
	code, _, errs = invoke(t.Context(), nil, "sim", "--replay", file, "--rsa-key", "public.pem")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "want a folder")
	require.Contains(t, errs, "INDEX=FILE")
	code, _, errs = invoke(t.Context(), nil, "sim", "--sub-accounts", "10")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "sub-accounts must be 0 to 9")
	_, out, _ := invoke(t.Context(), nil, "sim", "--help")
	require.Contains(t, out, "v5-position-list.category=linear.settleCoin=USDT.p1.json")
}
