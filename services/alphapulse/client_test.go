package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

const (
	knownKey    = "KNOWNKEY0123456789"
	knownSecret = "KNOWNSECRETabcdefghijklmnopqrstuvwxyz"
	knownToken  = "KNOWNTOKEN-0123456789abcdef"
)

// outcome is what a person sees of a command.
type outcome struct {
	code   int
	stdout string
	stderr string
}

// shell runs commands against one API.
type shell struct {
	environ []string
	ctx     context.Context
}

func newShell(t *testing.T, s *apitest.Server, environ ...string) shell {
	t.Helper()
	return shell{append([]string{"ALPHAPULSE_API=" + s.URL}, environ...), t.Context()}
}

func (s shell) with(environ ...string) shell {
	s.environ = append(slices.Clone(s.environ), environ...)
	return s
}

func (s shell) withKey() shell {
	return s.with("BYBIT_API_KEY="+knownKey, "BYBIT_API_SECRET="+knownSecret)
}

// run runs one command. No output of any command may hold a secret.
func (s shell) run(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := program{
		environ: s.environ, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, args: args,
	}
	out := outcome{code: p.run(s.ctx), stdout: stdout.String(), stderr: stderr.String()}
	for _, secret := range []string{knownKey, knownSecret, knownToken} {
		require.NotContains(t, out.stdout+out.stderr, secret)
	}
	return out
}

func (s shell) ok(t *testing.T, args ...string) outcome {
	t.Helper()
	out := s.run(t, args...)
	require.Zero(t, out.code, out.stderr)
	return out
}

// okWorking is ok for a command that waits for work: begin is called when it has said
// that it waits, so that nothing is done before it has joined.
func (s shell) okWorking(t *testing.T, waits string, begin func(), args ...string) outcome {
	t.Helper()
	var once sync.Once
	stdout, stderr := &screen{}, &screen{wrote: func(text string) {
		if strings.Contains(text, waits) {
			once.Do(begin)
		}
	}}
	p := program{environ: s.environ, stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, args: args}
	out := outcome{code: p.run(s.ctx)}
	out.stdout, out.stderr = stdout.String(), stderr.String()
	require.Zero(t, out.code, out.stderr)
	return out
}

func decode[T any](t *testing.T, out outcome) T {
	t.Helper()
	var value T
	decoder := json.NewDecoder(strings.NewReader(out.stdout))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&value), out.stdout+out.stderr)
	require.False(t, decoder.More(), "one document only")
	return value
}

func TestAnAPIThatIsNotThere(t *testing.T) {
	t.Parallel()
	sh := shell{[]string{"ALPHAPULSE_API=http://127.0.0.1:1"}, t.Context()}
	for _, args := range [][]string{
		{"status"},
		{"accounts", "list"},
		{"sync", "main"},
		{"sync", "main", "--wait"},
		{"runs", "list"},
		{"runs", "show", "x"},
		{"coverage", "main"},
		{"backfill", "main", "--type", "fills", "--since", "2025-01-31"},
		{"verify", "main"},
		{"quarantine", "list"},
		{"quarantine", "retry", "--all"},
		{"dead", "list"},
		{"dead", "requeue", "--all"},
		{"replay", "--since", "2025-01-31"},
		{"candles", "list"},
		{"accounts", "subs", "main"},
		{"tokens", "list"},
		{"audit", "list"},
		{"tokens", "create", "x", "--scopes", "read"},
	} {
		out := sh.run(t, args...)
		require.Equal(t, exitFailure, out.code, args)
		require.Contains(t, out.stderr, "http://127.0.0.1:1 cannot be reached")
		require.Contains(t, out.stderr, "is `alphapulse up` running?")
		require.Contains(t, out.stderr, "ALPHAPULSE_API")
		require.Empty(t, out.stdout)
	}
}

func TestTheTokenComesFromTheEnvironmentOrAFile(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, func(c *api.Config, _ *api.Deps) { c.Token = vault.NewSecret(knownToken) })
	s.Add(t, "main")
	s.Work(apitest.Succeed)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(knownToken+"\n"), 0o600))

	newShell(t, s, "ALPHAPULSE_TOKEN="+knownToken).ok(t, "accounts", "list")
	withFile := newShell(t, s, "ALPHAPULSE_TOKEN_FILE="+file)
	withFile.ok(t, "accounts", "list")
	withFile.ok(t, "sync", "main", "--wait") // a stream carries it too

	out := newShell(t, s).run(t, "accounts", "list")
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "demands a token")
	require.Contains(t, out.stderr, "ALPHAPULSE_TOKEN")
	out = newShell(t, s, "ALPHAPULSE_TOKEN=wrong").run(t, "accounts", "list")
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "not one of this API")
	out = newShell(t, s, "ALPHAPULSE_TOKEN="+knownToken, "ALPHAPULSE_TOKEN_FILE="+file).run(t, "accounts", "list")
	require.Equal(t, exitUsage, out.code)
}

func TestAnAddressThatIsNone(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"localhost:8080", "ftp://x", "http://", "http://u:" + knownToken + "@localhost", "http://h/?a=b"} {
		out := shell{[]string{"ALPHAPULSE_API=" + address}, t.Context()}.run(t, "status")
		require.Equal(t, exitUsage, out.code, address)
		require.Contains(t, out.stderr, "ALPHAPULSE_API", address)
	}
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	sh := shell{nil, t.Context()}
	for _, args := range [][]string{
		{"sync"},
		{"sync", "a", "b"},
		{"sync", "main", "--type", "dreams"},
		{"sync", "main", "--timeout", "-1s"},
		{"sync", "main", "--nonsense"},
		{"accounts", "add"},
		{"accounts", "add", "main"},
		{"accounts", "nonsense"},
		{"accounts", "list", "x"},
		{"accounts", "remove", "main"},
		{"accounts", "cadence", "main"},
		{"status", "a", "b"},
		{"runs", "show"},
		{"runs", "list", "--limit", "0"},
		{"doctor", "x"},
		{"coverage"},
		{"coverage", "main", "--type", "balances"},
		{"backfill", "main"},
		{"backfill", "main", "--type", "fills"},
		{"backfill", "main", "--type", "prices", "--since", "2025-01-31"},
		{"backfill", "main", "--type", "fills", "--since", "yesterday"},
		{"backfill", "main", "--type", "fills", "--since", "2025-01-31", "--until", "2025-01-31"},
		{"backfill", "main", "--type", "fills", "--since", "2025-01-31", "--timeout", "0s"},
		{"verify"},
		{"verify", "main", "--sample", "0"},
		{"verify", "main", "--sample", "1.1"},
		{"verify", "main", "--type", "prices"},
		{"verify", "main", "--since", "2025-02-01", "--until", "2025-01-31"},
		{"quarantine", "show"},
		{"quarantine", "show", "x"},
		{"quarantine", "list", "--limit", "0"},
		{"quarantine", "retry"},
		{"quarantine", "drop", "1", "--all"},
		{"quarantine", "drop", "-1"},
		{"candles", "add", "BTCUSDT", "--interval", "60", "--account", "main"},
		{"candles", "add", "linear/BTCUSDT", "--account", "main"},
		{"candles", "add", "linear/BTCUSDT", "--interval", "60"},
		{"candles", "add", "linear/BTCUSDT", "--interval", "60", "--exchange", "bybit"},
		{"candles", "remove", "linear/BTCUSDT", "--interval", "60", "--account", "a", "--exchange", "bybit"},
		{"accounts", "subs"},
		{"tokens", "create", "x"},
		{"tokens", "create", "x", "--scopes", "dreams"},
		{"tokens", "create", "--scopes", "read"},
		{"tokens", "create", "x", "--scopes", "read", "--expires", "soon"},
		{"tokens", "create", "x", "--scopes", "read", "--expires", "0d"},
		{"tokens", "revoke"},
		{"audit", "list", "--limit", "0"},
		{"audit", "list", "--since", "yesterday"},
	} {
		out := sh.run(t, args...)
		require.Equal(t, exitUsage, out.code, "%v: %s", args, out.stderr)
		require.NotEmpty(t, out.stderr)
	}
}

// Every command says in its help what it prints and how it is used.
func TestHelpIsComplete(t *testing.T) {
	t.Parallel()
	p := program{}
	for _, top := range p.clientCommands() {
		leaves := top.Commands()
		if len(leaves) == 0 {
			leaves = append(leaves, top)
		}
		for _, cmd := range leaves {
			require.NotEmpty(t, cmd.Example, cmd.Name())
			require.NotNil(t, cmd.Flags().Lookup("json"), cmd.Name())
			require.Contains(t, cmd.Long, "With --json:", cmd.Name())
		}
	}
}
