package notifier

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/vault"
)

func TestTargetsNameEveryMistakeAndNoSecret(t *testing.T) {
	t.Parallel()
	targets, err := ParseTargets(`{"targets": [
		{"name": "ops", "form": "slack", "url": "https://hooks.example.com/T0/B0/hidden", "kinds": ["run_failed"]},
		{"name": "desk", "form": "webhook", "url": "http://10.0.0.1/x", "secret": "sixteen characters"}]}`)
	require.NoError(t, err)
	require.Len(t, targets, 2)
	require.True(t, targets[0].wants(RunFailed))
	require.False(t, targets[0].wants(DataStale))
	require.True(t, targets[1].wants(DataStale))

	_, err = ParseTargets(`{"targets": [
		{"name": "A b", "form": "fax", "url": "hidden-one", "kinds": ["gossip"]},
		{"name": "x", "form": "webhook", "url": "https://example.com", "secret": "hidden-two"},
		{"name": "x", "form": "slack", "url": "ftp://hidden-three"}]}`)
	for _, words := range []string{
		"a name has 1 to 64", "webhook or slack", "https://", "gossip", "run_failed", "at least 16 characters", "two of the name",
	} {
		require.ErrorContains(t, err, words)
	}
	require.NotContains(t, err.Error(), "hidden")

	for _, wrong := range []string{
		``, `[]`, `{"targets": []}`, `{"targets": [{"name": "a", "urls": "hidden"}]}`, `{"targets": [{"name": 5}]}`,
		`{"targets": [{"url": {"hidden": 1}}]}`, `{"targets": [{"name":"a","form":"slack","url":"https://hidden"}]} {}`, `"hidden`,
	} {
		_, err := ParseTargets(wrong)
		require.Error(t, err, wrong)
		require.NotContains(t, err.Error(), "hidden", wrong)
	}
}

// Errors of HTTP repeat the URL, which may be as good as a password.
func TestAnErrorDoesNotNameTheURL(t *testing.T) {
	t.Parallel()
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no such hook: "+r.URL.Path+" of http://"+r.Host+r.URL.String(), http.StatusNotFound)
	}))
	defer echo.Close()
	away := httptest.NewServer(nil)
	away.Close()
	loop := httptest.NewServer(http.RedirectHandler("https://elsewhere.example.com", http.StatusFound))
	defer loop.Close()
	for _, server := range []*httptest.Server{echo, away, loop} {
		err := newSender(sendTimeout).send(t.Context(), Target{Name: "ops", Form: formSlack, URL: vault.NewSecret(server.URL + "/T0/hidden")}, Notice{})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hidden")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, Test(ctx, Target{Form: formSlack, URL: vault.NewSecret(echo.URL)}))
}

func TestRetriesWaitLongerAndLonger(t *testing.T) {
	t.Parallel()
	for attempt, most := range map[int]time.Duration{1: 5 * time.Second, 4: 40 * time.Second, 11: time.Hour, 1000: time.Hour} {
		for range 100 {
			wait := retryAfter(attempt)
			require.LessOrEqual(t, wait, most)
			require.GreaterOrEqual(t, wait, most/2)
		}
	}
}
