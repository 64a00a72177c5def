package composecheck_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// patience bounds the start of a process and its answer to a signal.
const patience = 30 * time.Second

// Commands, flags and variables of the file are those of the binary: each
// process starts with them, database and broker being out of reach, and says
// that it lives.
func TestTheBinaryTakesWhatTheFileSays(t *testing.T) {
	t.Parallel()

	binary := filepath.Join(t.TempDir(), "alphapulse")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./alphapulse")
	build.Dir = filepath.Join(root, "services")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	secrets := t.TempDir()
	out, err = exec.CommandContext(t.Context(), binary, "keygen", secrets).CombinedOutput()
	require.NoError(t, err, "make-secrets.sh calls this command: %s", out)
	write(t, filepath.Join(secrets, "database_url"), "postgres://alphapulse:x@127.0.0.1:1/alphapulse?sslmode=disable")
	write(t, filepath.Join(secrets, "api_token"), "a-token-that-is-long-enough-to-be-one")
	write(t, filepath.Join(secrets, "notify.json"), `{"targets": [{"name": "ops", "form": "slack", "url": "https://hooks.example.com/x"}]}`)

	project := load(t, nil, profiles...)
	for name, service := range project.Services {
		if service.Build == nil || name == "migrate" { // migrate ends at once, without a database
			continue
		}

		t.Run(name, func(t *testing.T) {
			t.Parallel()

			start(t, binary, secrets, project, service)
		})
	}
}

// start runs a service's process until it answers what compose's own health
// check would ask, or /livez where that needs the database.
func start(t *testing.T, binary, secrets string, project *types.Project, service types.ServiceConfig) {
	t.Helper()

	health, serving := freeAddress(t), freeAddress(t)
	args := make([]string, len(service.Command))

	for index, arg := range service.Command {
		args[index] = arg
		if strings.HasPrefix(arg, "0.0.0.0:") {
			// Still all addresses, so that the api demands its token.
			args[index] = "0.0.0.0:" + port(t, serving)
		}
	}

	process := exec.Command(binary, args...)

	var output bytes.Buffer

	process.Stdout, process.Stderr = &output, &output
	process.Env = []string{"PATH=" + os.Getenv("PATH")}

	for variable, value := range service.Environment {
		text := *value
		if secret, ok := strings.CutPrefix(text, "/run/secrets/"); ok {
			text = filepath.Join(secrets, filepath.Base(project.Secrets[secret].File))
		}

		switch variable {
		case "ALPHAPULSE_HEALTH":
			text = health
		case "NATS_URL":
			text = "nats://127.0.0.1:1"
		}

		process.Env = append(process.Env, variable+"="+text)
	}

	require.NoError(t, process.Start())

	ended := make(chan struct{})

	go func() {
		defer close(ended)

		_ = process.Wait() // how it ends is not this test's question
	}()

	url := "http://" + health + "/livez"
	if service.Name == "sim" { // needs neither database nor broker
		check := service.HealthCheck.Test[len(service.HealthCheck.Test)-1]
		url = strings.Replace(check, "127.0.0.1:8090", serving, 1)
	}

	err := answers(t, url, ended)
	_ = process.Process.Signal(syscall.SIGTERM)

	select {
	case <-ended:
	case <-time.After(patience):
		_ = process.Process.Kill()
		<-ended
		t.Error("it did not end after SIGTERM")
	}

	require.NoError(t, err, output.String())
}

// answers polls url until it says 200, the process has ended or patience is
// over. A port that opens sends no signal.
func answers(t *testing.T, url string, ended <-chan struct{}) error {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	for ticker := time.NewTicker(50 * time.Millisecond); ; {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		require.NoError(t, err)

		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()

			if response.StatusCode == http.StatusOK {
				return nil
			}
		}

		select {
		case <-ended:
			return os.ErrProcessDone
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// The health check of a service asks the address that its process listens on.
func TestHealthChecksAskTheRightPort(t *testing.T) {
	t.Parallel()

	for name, service := range load(t, nil, profiles...).Services {
		if service.Build == nil || service.HealthCheck == nil {
			continue
		}

		require.Equal(t, []string{"CMD", "/alphapulse", "healthcheck"}, []string(service.HealthCheck.Test[:3]), name)

		listens := append([]string{*service.Environment["ALPHAPULSE_HEALTH"]}, service.Command...)
		_, rest, _ := strings.Cut(service.HealthCheck.Test[3], "http://127.0.0.1:")
		asked, _, _ := strings.Cut(rest, "/")
		require.Contains(t, listens, "0.0.0.0:"+asked, name)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())

	return listener.Addr().String()
}

func port(t *testing.T, address string) string {
	t.Helper()

	_, number, err := net.SplitHostPort(address)
	require.NoError(t, err)

	return number
}
