package boundary_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/internal/boundary"
)

// root is the repository, found by its go.work.
func root(t *testing.T) string {
	t.Helper()

	dir, err := os.Getwd()
	require.NoError(t, err)

	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}

		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.work above the test")
		dir = parent
	}
}

func TestNobodyImportsAgainstTheDesign(t *testing.T) {
	t.Parallel()

	var edges []boundary.Edge

	for _, module := range []string{"proto", "shared", "services"} {
		some, err := boundary.List(t.Context(), filepath.Join(root(t), module), nil)
		require.NoError(t, err)
		require.NotEmpty(t, some, "module %s has no imports: was it listed at all?", module)

		edges = append(edges, some...)
	}

	seen := map[string]bool{}
	for _, edge := range edges {
		seen[strings.TrimPrefix(edge.From, boundary.Root)] = true
	}

	for _, name := range []string{"shared/syncjob", "shared/queue", "shared/postgres", "services/worker/exchange/bybit"} {
		require.True(t, seen[name], "%s was not listed: the rules that name it check nothing", name)
	}

	for _, violation := range boundary.Check(edges, boundary.Rules()) {
		t.Error(violation)
	}
}

// Each rule refuses one import and lets another pass that is close to it.
func TestEachRuleRefuses(t *testing.T) {
	t.Parallel()

	own := func(from, to string) boundary.Edge {
		return boundary.Edge{From: boundary.Root + from, To: boundary.Root + to}
	}
	foreign := func(from, to string) boundary.Edge {
		return boundary.Edge{From: boundary.Root + from, To: to}
	}
	inTest := func(edge boundary.Edge) boundary.Edge {
		edge.Test = true

		return edge
	}

	cases := map[string]struct{ refused, passed boundary.Edge }{
		"syncjob stands alone": {
			foreign("shared/syncjob", "github.com/sirupsen/logrus"), foreign("shared/syncjob", "encoding/json"),
		},
		"syncjob's tests stand alone": {
			inTest(own("shared/syncjob", "shared/vault")),
			inTest(foreign("shared/syncjob", "github.com/stretchr/testify/require")),
		},
		"queue without database": {own("shared/queue", "shared/postgres"), own("shared/queue", "shared/syncjob")},
		"database without queue": {
			inTest(own("shared/postgres/pgtest", "shared/queue/queuetest")), own("shared/ledger", "shared/postgres"),
		},
		"postgres below ledger":         {own("shared/postgres", "shared/ledger"), own("shared/ledger", "shared/postgres")},
		"wire types stay at the wire":   {own("services/worker", "proto/alphapulse/sync/v1"), own("shared/queue", "proto/alphapulse/sync/v1")},
		"proto imports nothing of ours": {own("proto/alphapulse/sync/v1", "shared/syncjob"), foreign("proto/alphapulse/sync/v1", "google.golang.org/protobuf/proto")},
		"shared below services":         {own("shared/daemon", "services/worker"), own("services/worker", "shared/daemon")},
		"an exchange knows only exchange": {
			own("services/worker/exchange/bybit", "shared/syncjob"),
			own("services/worker/exchange/bybit", "services/worker/exchange"),
		},
		"test code stays out of binaries": {
			foreign("shared/ledger", "github.com/stretchr/testify/require"),
			inTest(foreign("shared/ledger", "github.com/stretchr/testify/require")),
		},
	}

	for _, name := range []string{"scheduler", "aggregator", "api", "worker", "exchangesim"} {
		self, other := "services/"+name, "services/scheduler"
		if self == other {
			other = "services/aggregator"
		}

		cases[name+" alone"] = struct{ refused, passed boundary.Edge }{
			own(self+"/below", other), own(self, self+"/below"),
		}
		cases[name+"'s tests alone"] = struct{ refused, passed boundary.Edge }{
			inTest(own(self, other)), inTest(own(self, "services/exchangesim")),
		}
	}

	rules := boundary.Rules()
	require.Len(t, cases, len(rules), "a case for every rule")

	for _, rule := range rules {
		t.Run(rule.Name, func(t *testing.T) {
			t.Parallel()

			test, ok := cases[rule.Name]
			require.True(t, ok, "a case for this rule")

			violations := boundary.Check([]boundary.Edge{test.refused, test.passed}, []boundary.Rule{rule})
			require.Len(t, violations, 1)
			require.Equal(t, test.refused, violations[0].Edge)
			require.Contains(t, violations[0].String(), rule.Why)
			require.Empty(t, boundary.Check([]boundary.Edge{test.passed}, rules), "no other rule refuses it either")
		})
	}
}

// A forbidden import planted into a real module is found.
func TestPlantedImportIsFound(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":                "module " + boundary.Root + "shared\n\ngo 1.26\n",
		"postgres/postgres.go":  "package postgres\n",
		"queue/queue.go":        "package queue\n",
		"queue/queue_test.go":   "package queue_test\n\nimport _ \"" + boundary.Root + "shared/postgres\"\n",
		"postgres/x/x.go":       "package x\n\nimport (\n\t_ \"testing\"\n\n\t_ \"" + boundary.Root + "shared/queue\"\n)\n",
		"postgres/pgtest/pg.go": "package pgtest\n\nimport _ \"testing\"\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}

	edges, err := boundary.List(t.Context(), dir, append(os.Environ(), "GOWORK=off"))
	require.NoError(t, err)

	var found []string
	for _, violation := range boundary.Check(edges, boundary.Rules()) {
		found = append(found, strings.ReplaceAll(violation.From+" "+violation.To, boundary.Root, ""))
	}

	require.ElementsMatch(t, []string{
		"shared/queue shared/postgres", "shared/postgres/x shared/queue", "shared/postgres/x testing",
	}, found)
}

func TestListSaysWhatTheGoCommandSays(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("what is this"), 0o600))

	_, err := boundary.List(t.Context(), dir, append(os.Environ(), "GOWORK=off"))
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "go.mod")
}
