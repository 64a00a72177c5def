package prometheustest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/process"
)

// startTimeout bounds the start of a server.
const startTimeout = time.Minute

// Config says what a server scrapes and evaluates.
type Config struct {
	// Targets is a file that file_sd_configs reads: JSON, such as
	// metrics-targets.json of `alphapulse up`. Their job is alphapulse.
	Targets string
	// Rules are the files of rules; none: it only scrapes.
	Rules []string
	// Every is how often it scrapes, and evaluates the rules (1 s).
	Every time.Duration
}

// Server is a Prometheus that ends with its test.
type Server struct {
	t   testing.TB
	url string
}

// Start starts a server and waits until it answers.
func Start(t testing.TB, cfg Config) *Server {
	t.Helper()
	if cfg.Every == 0 {
		cfg.Every = time.Second
	}
	dir, address := t.TempDir(), freeAddress(t)
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(cfg.text()), 0o600))
	p, err := process.Start(process.Spec{Name: "prometheus", Logs: dir, Argv: []string{
		program(t, "prometheus"), "--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + address, "--log.level=warn",
	}})
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			text, _ := os.ReadFile(p.Log())
			t.Logf("Prometheus wrote:\n%s", text)
		}
	})
	s := &Server{t: t, url: "http://" + address}
	s.await(p)
	return s
}

// text is the configuration as Prometheus reads it.
func (c Config) text() string {
	every := fmt.Sprintf("%dms", c.Every.Milliseconds())
	var b strings.Builder
	fmt.Fprintf(&b, "global:\n  scrape_interval: %s\n  scrape_timeout: %s\n  evaluation_interval: %s\n", every, every, every)
	fmt.Fprintf(&b, "scrape_configs:\n  - job_name: alphapulse\n    file_sd_configs:\n      - files: [%q]\n", c.Targets)
	if len(c.Rules) > 0 {
		b.WriteString("rule_files:\n")
	}
	for _, file := range c.Rules {
		fmt.Fprintf(&b, "  - %q\n", file)
	}
	return b.String()
}

func (s *Server) await(p *process.Process) {
	s.t.Helper()
	deadline := time.Now().Add(startTimeout)
	for s.get("/-/ready", nil) != nil {
		select {
		case <-p.Ended():
			s.t.Fatal("Prometheus has ended")
		case <-time.After(50 * time.Millisecond): // a port that opens sends no signal
		}
		require.True(s.t, time.Now().Before(deadline), "Prometheus does not become ready")
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().String()
}
