package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every command that `alphapulse --help` lists is mentioned by its full name in
// the README or in docs.
func TestEveryCommandIsDocumented(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	var text []byte
	for _, file := range append(files, "../../README.md") {
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		text = append(text, page...)
	}
	for _, command := range (&program{}).command().Commands() {
		if !command.Hidden {
			require.Regexp(t, `alphapulse `+command.Name()+`\b`, string(text))
		}
	}
}
