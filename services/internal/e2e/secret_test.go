package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/exchangesim"
	"github.com/alphapulse/alphapulse/services/exchangesim/exchangesimtest"
	"github.com/alphapulse/alphapulse/services/internal/fleettest"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/queue/queuetest"
)

func containsAny(text string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// One machine with a real account, through everything that a key goes through:
// added, refused, replaced, used, revoked. Neither key nor secret may show in
// any output, log, message, table or process list afterwards, nor may a token or a
// password of the database.
func TestNoSecretShowsAnywhere(t *testing.T) {
	t.Parallel()
	sim := exchangesimtest.Start(t, exchangesim.Config{Accounts: 2, Seed: 77})
	key, secret, uid := exchangesim.Credentials(77, 0)
	dir := pgtest.Dir(t)
	address := queuetest.FreeAddress(t)
	binary := fleettest.Binary(t)
	env := []string{"BYBIT_API_KEY=" + key, "BYBIT_API_SECRET=" + secret, "ALPHAPULSE_API=http://" + address}
	up := fleettest.Start(t, "up", nil, binary, "up", "--data-dir", filepath.Join(dir, "data"), "--http", address, "--log-level", "trace")
	up.AwaitOutput("Ctrl-C stops")
	settings := connection(t, filepath.Join(dir, "data", "connection.env"))

	var outputs []string
	run := func(want int, env []string, args ...string) {
		t.Helper()
		p := fleettest.Start(t, strings.Join(args, " "), env, append([]string{binary}, args...)...)
		code := p.Wait()
		outputs = append(outputs, p.Output())
		require.Equal(t, want, code, "%v\n%s", args, p.Output())
	}
	wrong := append(env[2:3:3], "BYBIT_API_KEY="+key, "BYBIT_API_SECRET="+secret+"x")
	run(1, wrong, "accounts", "add", "wrong", "--exchange", "bybit", "--env", "testnet", "--base-url", sim.URL)
	run(0, env, "accounts", "add", "main", "--exchange", "bybit", "--env", "testnet", "--base-url", sim.URL)
	run(0, env, "sync", "main", "--type", "all", "--wait")
	_, err := sim.RevokeKey(uid)
	require.NoError(t, err)
	run(4, env, "sync", "main", "--type", "balances,positions,orders", "--wait", "--json")
	newKey, newSecret, _, err := sim.RotateKey(uid)
	require.NoError(t, err)
	replaced := append(env[2:3:3], "BYBIT_API_KEY="+newKey, "BYBIT_API_SECRET="+newSecret)
	run(0, replaced, "accounts", "set-key", "main")
	run(0, env, "sync", "main", "--wait", "--json")
	requireWalk(t, filepath.Join(dir, "data", "logs"), outputs[len(outputs)-1])
	run(0, env, "accounts", "list", "--json")
	run(0, env, "status", "--json")
	tokenFile := filepath.Join(dir, "token")
	run(0, env, "tokens", "create", "ci", "--scopes", "read", "--token-file", tokenFile)
	token, err := os.ReadFile(tokenFile)
	require.NoError(t, err)
	run(1, append(env[2:3:3], "ALPHAPULSE_TOKEN_FILE="+tokenFile), "sync", "main")
	run(0, env, "audit", "list", "--json")

	places := map[string]string{
		"terminal of up": up.Output(), "output of commands": strings.Join(outputs, "\n"),
		"tables": dump(t, settings["DATABASE_URL"]), "messages": messages(t, settings["NATS_URL"]),
		"process list": commandLines(t),
	}
	logs, err := filepath.Glob(filepath.Join(dir, "data", "logs", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, logs)
	for _, log := range logs {
		text, err := os.ReadFile(log)
		require.NoError(t, err)
		places[filepath.Base(log)] = string(text)
	}
	require.Contains(t, places["tables"], uid, "the dump must be able to find something")
	require.Contains(t, places["messages"], "job_id")
	for place, text := range places {
		require.NotEmpty(t, text, place)
		for _, s := range []string{
			key, secret, newKey, newSecret, strings.TrimSpace(string(token)),
			password(t, settings["DATABASE_URL"]), password(t, settings["DATABASE_READONLY_URL"]),
		} {
			if at := strings.Index(text, s); at >= 0 {
				t.Errorf("%s shows a secret: …%s…", place, text[max(0, at-60):min(len(text), at+8)])
			}
		}
	}
}

// password of a database's address.
func password(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	text, ok := u.User.Password()
	require.True(t, ok && text != "")
	return text
}

// requireWalk finds the eight steps of a run's jobs in the logs, by its id alone.
func requireWalk(t *testing.T, logs, output string) {
	t.Helper()
	var answer struct {
		RunID string `json:"run_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(output), &answer))
	paths, err := filepath.Glob(filepath.Join(logs, "*"))
	require.NoError(t, err)
	steps := map[string]bool{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			var entry struct {
				Msg   string `json:"msg"`
				RunID string `json:"run_id"`
			}
			if json.Unmarshal([]byte(line), &entry) == nil && entry.RunID == answer.RunID {
				steps[entry.Msg] = true
			}
		}
	}
	for _, step := range []string{"planned", "published", "delivered", "claimed", "read", "committed", "reported", "folded"} {
		require.True(t, steps[step], "no line says %q of run %s; there are %v", step, answer.RunID, steps)
	}
}

// connection reads connection.env: single-quoted POSIX assignments.
func connection(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	settings := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok {
			settings[name] = strings.Trim(value, "'")
		}
	}
	return settings
}

// dump is every row of every table, as text.
func dump(t *testing.T, url string) string {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: url, Name: "dump", Log: queuetest.Discard()})
	require.NoError(t, err)
	defer db.Close()
	var text string
	require.NoError(t, db.QueryRow(t.Context(), `
SELECT string_agg(query_to_xml(format('SELECT * FROM %I.%I', table_schema, table_name), true, false, '')::text, '')
FROM information_schema.tables WHERE table_schema = 'alphapulse'`).Scan(&text))
	return text
}

// messages is every message of every stream.
func messages(t *testing.T, url string) string {
	t.Helper()
	conn, err := nats.Connect(url)
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	var text strings.Builder
	for _, name := range []string{"SYNC_JOBS", "SYNC_RESULTS", "SYNC_EVENTS", "SYNC_DEAD"} {
		stream, err := js.Stream(t.Context(), name)
		require.NoError(t, err)
		for seq := stream.CachedInfo().State.FirstSeq; seq <= stream.CachedInfo().State.LastSeq; seq++ {
			msg, err := stream.GetMsg(t.Context(), seq)
			if err != nil {
				continue // purged
			}
			fmt.Fprintln(&text, msg.Subject, msg.Header, string(msg.Data))
		}
	}
	return text.String()
}

// commandLines is the argument list of every process.
func commandLines(t *testing.T) string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var text strings.Builder
	for _, path := range paths {
		if line, err := os.ReadFile(path); err == nil {
			text.Write(line)
			text.WriteByte('\n')
		}
	}
	return text.String()
}
