package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
)

func TestTheNotifierTestsItsTargets(t *testing.T) {
	t.Parallel()
	bodies := make(chan string, 4)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
		if r.URL.Path == "/broken-hidden" {
			http.Error(w, "no", http.StatusGone)
		}
	}))
	defer hook.Close()
	file := filepath.Join(t.TempDir(), "notify.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"targets": [
		{"name": "ops", "form": "slack", "url": "`+hook.URL+`/good-hidden"},
		{"name": "desk", "form": "webhook", "url": "`+hook.URL+`/broken-hidden", "secret": "a hidden secret, long enough"}]}`), 0o600))
	code, out, errs := invoke(t.Context(), []string{"ALPHAPULSE_NOTIFY_FILE=" + file}, "notifier", "--test")
	require.Equal(t, exitFailure, code, errs)
	require.Contains(t, out, "ops: delivered")
	require.Contains(t, out, "desk: NOT delivered: it answered 410 Gone")
	require.Contains(t, errs, "1 target did not take the test")
	require.NotContains(t, out+errs, "hidden")
	require.Contains(t, <-bodies+<-bodies, "this is a test")
}

func TestTheNotifierNamesEveryMistake(t *testing.T) {
	t.Parallel()
	code, _, errs := invoke(t.Context(), nil, "notifier")
	require.Equal(t, exitUsage, code)
	for _, words := range []string{"ALPHAPULSE_NOTIFY is not set", "DATABASE_URL", "NATS_URL"} {
		require.Contains(t, errs, words)
	}
	code, _, errs = invoke(t.Context(), []string{`ALPHAPULSE_NOTIFY={"targets": [{"name": "a", "form": "fax", "url": "hidden"}]}`}, "up")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "webhook or slack")
	require.NotContains(t, errs, "hidden")
	_, _, errs = invoke(t.Context(), []string{"ALPHAPULSE_NOTIFY_FILE=/x"}, "aggregator")
	require.NotContains(t, errs, "ALPHAPULSE_NOTIFY", "another part's")
}

func TestNotices(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	sh := newShell(t, s)
	require.Contains(t, sh.ok(t, "notices", "list").stdout, "no such notices")
	s.Exec(t, `INSERT INTO alphapulse.conditions (kind, subject, message, since) VALUES ('data_stale', 'main', 'orders', '2026-01-05Z')`)
	s.Exec(t, `INSERT INTO alphapulse.notices (kind, subject, state, level, message, since) VALUES
('data_stale', 'main', 'firing', 0, 'orders', '2026-01-05Z'), ('run_failed', 'main', 'firing', 0, 'one', '2026-01-04Z'),
('run_failed', 'main', 'recovered', 0, 'one', '2026-01-04Z')`)
	s.Exec(t, `INSERT INTO alphapulse.notice_deliveries (notice_id, target, status, attempts, last_error) VALUES
(1, 'ops', 'delivered', 1, ''), (2, 'ops', 'dead', 12, 'it answered 410 Gone'), (2, 'desk', 'pending', 1, '')`)
	out := sh.ok(t, "notices", "list").stdout
	require.Contains(t, out, "ops dead (it answered 410 Gone)")
	require.Contains(t, out, "ops delivered")
	require.Contains(t, out, "nobody to tell")
	type answer struct {
		Notices []noticeView `json:"notices"`
	}
	require.EqualValues(t, 1, decode[answer](t, sh.ok(t, "notices", "list", "--firing", "--json")).Notices[0].ID)
	dead := decode[answer](t, sh.ok(t, "notices", "list", "--dead", "--json")).Notices
	require.Len(t, dead, 1)
	require.EqualValues(t, 2, dead[0].ID)
	require.Len(t, dead[0].Deliveries, 2)
	require.Len(t, decode[answer](t, sh.ok(t, "notices", "list", "--before", "3", "--limit", "1", "--json")).Notices, 1)

	require.Contains(t, sh.ok(t, "notices", "retry", "1").stdout, "0 sent again")
	require.Contains(t, sh.ok(t, "notices", "retry", "--all").stdout, "1 sent again")
	require.Empty(t, decode[answer](t, sh.ok(t, "notices", "list", "--dead", "--json")).Notices)
	for _, wrong := range [][]string{
		{"notices", "retry"}, {"notices", "retry", "--all", "1"}, {"notices", "retry", "x"}, {"notices", "list", "--limit", "0"},
	} {
		require.Equal(t, exitUsage, sh.run(t, wrong...).code, wrong)
	}
}
