package up

import (
	"net"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinesAreReadBackByAShell(t *testing.T) {
	t.Parallel()
	password := `it's "$HOME" \ and more`
	lines := connection{database: "postgres://x", token: password}.lines()
	require.NotContains(t, string(lines), "NATS_URL", "what is not known is left out")
	shell := exec.CommandContext(t.Context(), "sh", "-c", string(lines)+`printf %s "$ALPHAPULSE_TOKEN"`)
	answer, err := shell.Output()
	require.NoError(t, err)
	require.Equal(t, password, string(answer))
}

func TestLibpqKnowsTheParameters(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"postgres://u:p@h/d?pool_max_conns=3&sslmode=require": "postgres://u:p@h/d?sslmode=require",
		"postgres://u@h/d?default_query_exec_mode=exec":       "postgres://u@h/d",
		"postgres://u@h/d?sslmode=disable":                    "postgres://u@h/d?sslmode=disable",
		"host=h user=u":                                       "host=h user=u",
	} {
		require.Equal(t, want, libpqURL(given))
	}
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{"0.0.0.0": "127.0.0.1:80", "::": "localhost:80", "10.1.2.3": "10.1.2.3:80", "::1": "[::1]:80"} {
		require.Equal(t, want, reachable(&net.TCPAddr{IP: net.ParseIP(ip), Port: 80}))
	}
}
