package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheRunbookNamesCommandsThatExist: whoever is called at night types what it
// says.
func TestTheRunbookNamesCommandsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "runbook.md"))
	require.NoError(t, err)
	lines := regexp.MustCompile("(?m)`alphapulse ([^`]+)`|^    alphapulse ([^#\n]+)").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(lines), 30)
	helps := map[string]string{}
	for _, line := range lines {
		words := strings.Fields(line[1] + line[2])
		var command, flags []string
		for _, word := range words {
			switch {
			case strings.HasPrefix(word, "--"):
				flags = append(flags, word)
			case len(flags) == 0 && regexp.MustCompile(`^[a-z-]+$`).MatchString(word):
				command = append(command, word)
			}
		}
		name := "alphapulse " + strings.Join(command, " ")
		if helps[name] == "" {
			_, helps[name], _ = invoke(t.Context(), nil, append(command, "--help")...)
		}
		require.Regexp(t, `Usage:\n  `+regexp.QuoteMeta(name)+`\b`, helps[name], "there is no such command")
		for _, flag := range flags {
			require.Contains(t, helps[name], flag+" ", name)
		}
	}
}
