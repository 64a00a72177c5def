package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/alphapulse/dependency"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	environ := []string{
		"ALPHAPULSE_SLOTS=many", "ALPHAPULSE_GRACE=-1s", "ALPHAPULSE_TYPES=balances,bananas", "ALPHAPULSE_SLOT=3",
		"ALPHAPULSE_VAULT_KEY_FILE=/nowhere", "ALPHAPULSE_LOG_LEVEL=loud",
	}
	code, _, errs := invoke(t.Context(), environ, "worker", "--lanes", "slow", "--claim-conns", "0")
	require.Equal(t, exitUsage, code)
	for _, mistake := range []string{
		"DATABASE_URL", "NATS_URL", "ALPHAPULSE_SLOTS", "ALPHAPULSE_GRACE", "bananas", "ALPHAPULSE_SLOT is", "/nowhere",
		"loud", "--lanes", "--claim-conns",
	} {
		require.Contains(t, errs, mistake)
	}
}

func TestFlagWinsOverEnvironment(t *testing.T) {
	t.Parallel()
	code, _, errs := invoke(t.Context(), []string{"ALPHAPULSE_SLOTS=many"}, "worker", "--slots", "7")
	require.Equal(t, exitUsage, code)
	require.NotContains(t, errs, "SLOTS")
}

// TestSettingsOfOthersAreKnown: the parts of a compose file share one environment.
func TestSettingsOfOthersAreKnown(t *testing.T) {
	t.Parallel()
	environ := []string{
		"ALPHAPULSE_TOKEN_FILE=/x", "ALPHAPULSE_SLOTS=8", "ALPHAPULSE_SIM_SEED=1", "ALPHAPULSE_BUDGET=1",
		"ALPHAPULSE_API=http://x", "ALPHAPULSE_DATA_DIR=/x", "ALPHAPULSE_VAULT_PUBLIC_KEY=x",
	}
	_, _, errs := invoke(t.Context(), environ, "aggregator")
	require.NotContains(t, errs, "ALPHAPULSE_")
}

func TestPartsTakeNoArguments(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"up", "scheduler", "worker", "aggregator", "api", "sim", "migrate"} {
		code, _, errs := invoke(t.Context(), nil, part, "balances")
		require.Equal(t, exitUsage, code, part)
		require.Contains(t, errs, part)
	}
}

// TestOldSchemaIsRefused, naming the command that helps, which then helps.
func TestOldSchemaIsRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	environ := []string{"DATABASE_URL=" + db.URL, "NATS_URL=" + queuetest.New(t).URL()}
	code, _, errs := invoke(t.Context(), environ, "scheduler")
	require.Equal(t, exitFailure, code)
	require.Contains(t, errs, "alphapulse migrate")

	code, out, errs := invoke(t.Context(), environ, "migrate")
	require.Zero(t, code, errs)
	require.Contains(t, out, "is at version")

	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan int, 1)
	stderr := &screen{}
	go func() {
		p := program{environ: environ, stdin: strings.NewReader(""), stdout: io.Discard, stderr: stderr, args: []string{"scheduler"}}
		stopped <- p.run(ctx)
	}()
	require.Eventually(t, func() bool { return strings.Contains(stderr.String(), `"started"`) }, upPatience, 20*time.Millisecond)
	stop()
	require.Zero(t, <-stopped)
}

// TestPartsWaitAndShowIt: a database and a broker that are not there yet are
// waited for; meanwhile the process lives and is not ready.
func TestPartsWaitAndShowIt(t *testing.T) {
	t.Parallel()
	nobody, health := queuetest.FreeAddress(t), queuetest.FreeAddress(t)
	environ := []string{"DATABASE_URL=postgres://u:hidden-word@" + nobody + "/alphapulse", "NATS_URL=nats://" + nobody}
	ctx, stop := context.WithCancel(t.Context())
	stderr := &screen{}
	stopped := make(chan int, 1)
	go func() {
		p := program{
			environ: environ, stdin: strings.NewReader(""), stdout: io.Discard, stderr: stderr,
			args: []string{"aggregator", "--health", health},
		}
		stopped <- p.run(ctx)
	}()
	require.Eventually(t, func() bool {
		return strings.Contains(stderr.String(), "waiting for Postgres at "+nobody+"/alphapulse")
	}, upPatience, 20*time.Millisecond)
	code, _, _ := invoke(t.Context(), nil, "healthcheck", "http://"+health+"/livez")
	require.Zero(t, code)
	code, out, _ := invoke(t.Context(), nil, "healthcheck", "http://"+health+"/readyz")
	require.Equal(t, exitFailure, code)
	var report struct {
		OK     bool
		Checks []struct{ Name string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.False(t, report.OK)
	require.Len(t, report.Checks, 3)
	code, out, _ = invoke(t.Context(), nil, "healthcheck", "http://"+health+"/metrics")
	require.Zero(t, code)
	require.Contains(t, out, "go_goroutines")
	stop()
	select {
	case code := <-stopped:
		require.Zero(t, code)
	case <-time.After(stopTime):
		require.Fail(t, "it does not stop while it waits")
	}
	require.NotContains(t, stderr.String(), "hidden-word")
}

func TestHealthcheckOfNobody(t *testing.T) {
	t.Parallel()
	code, _, errs := invoke(t.Context(), nil, "healthcheck", "http://"+queuetest.FreeAddress(t)+"/readyz")
	require.Equal(t, exitFailure, code)
	require.Contains(t, errs, "refused")
	code, _, _ = invoke(t.Context(), nil, "healthcheck")
	require.Equal(t, exitUsage, code)
}

// TestKeygen: the command that the vault's errors name exists, and refuses to
// overwrite.
func TestKeygen(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	words := strings.Fields(vault.GenerateCommand)
	require.Equal(t, "alphapulse", words[0])
	require.Equal(t, "DIR", words[len(words)-1])
	code, out, errs := invoke(t.Context(), nil, append(words[1:len(words)-1], dir)...)
	require.Zero(t, code, errs)
	require.Contains(t, out, filepath.Join(dir, vault.PrivateKeyFile))
	_, err := vault.ReadOpener(filepath.Join(dir, vault.PrivateKeyFile))
	require.NoError(t, err)
	key, err := os.ReadFile(filepath.Join(dir, vault.PrivateKeyFile))
	require.NoError(t, err)
	require.NotContains(t, out, strings.TrimSpace(string(key)))

	code, _, errs = invoke(t.Context(), nil, "vault", "keygen", dir)
	require.Equal(t, exitFailure, code)
	require.Contains(t, errs, "exists already")
}

func TestVersion(t *testing.T) {
	t.Parallel()
	code, out, _ := invoke(t.Context(), nil, "version", "--json")
	require.Zero(t, code)
	var said map[string]string
	require.NoError(t, json.Unmarshal([]byte(out), &said))
	require.Equal(t, version, said["version"])
}

func TestSimServesAndStops(t *testing.T) {
	t.Parallel()
	address := queuetest.FreeAddress(t)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan int, 1)
	go func() {
		code, _, _ := invoke(ctx, []string{"ALPHAPULSE_SIM_FAULT=kind=status,value=500,endpoint=/v5/market/time"}, "sim", "--http", address)
		stopped <- code
	}()
	require.Eventually(t, func() bool {
		code, _ := get(t, "http://"+address+"/v5/market/time")
		return code == http.StatusInternalServerError
	}, upPatience, 20*time.Millisecond)
	stop()
	require.Zero(t, <-stopped)
}

func TestTakenAddressIsNamed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	code, _, errs := invoke(t.Context(), nil, "sim", "--http", server.Listener.Addr().String())
	require.Equal(t, exitFailure, code)
	require.Contains(t, errs, "--http")
	require.Contains(t, errs, "taken")
}

// TestParentGone: a worker ends when the process that started it does, whatever
// the kernel does about it.
func TestParentGone(t *testing.T) {
	t.Parallel()
	ours, parents := net.Pipe()
	watch := watchParent(ours)
	ended := make(chan error, 1)
	go func() { ended <- watch.Run(t.Context(), t.Context()) }()
	require.NoError(t, parents.Close())
	require.ErrorIs(t, <-ended, errParentGone)

	ours, parents = net.Pipe()
	defer parents.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { ended <- watchParent(ours).Run(ctx, ctx) }()
	cancel(errors.New("stop"))
	require.NoError(t, <-ended)
}

func TestTheAddressOfSeveralServersNamesEach(t *testing.T) {
	t.Parallel()
	require.Equal(t, "one:5432,two:5433/x", dependency.PostgresAddress(
		"postgres://u:hidden-word@one:5432,two:5433/x?target_session_attrs=read-write"))
	require.Equal(t, "one:5432/x", dependency.PostgresAddress("postgres://u@one/x?sslmode=prefer"))
}
