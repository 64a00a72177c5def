package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	upPatience = time.Minute
	// stopTime is what a person may be made to wait for after Ctrl-C.
	stopTime = 5 * time.Second
)

// screen keeps what was printed, and passes it to wrote if there is one.
type screen struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote func(text string)
}

func (s *screen) Write(p []byte) (int, error) {
	if s.wrote != nil {
		s.wrote(string(p))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

// invoke runs a command line to its end, or to the end of ctx.
func invoke(ctx context.Context, environ []string, args ...string) (code int, out, errs string) {
	stdout, stderr := &screen{}, &screen{}
	p := program{environ: environ, stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, args: args}
	code = p.run(ctx)
	return code, stdout.String(), stderr.String()
}
