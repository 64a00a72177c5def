package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
	"github.com/alphapulse/alphapulse/shared/syncjob"
)

func addArgs(name string, more ...string) []string {
	return append([]string{"accounts", "add", name, "--exchange", "bybit", "--env", "testnet"}, more...)
}

func TestAddReturnsWhenTheProbeHasPassed(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Work(apitest.Succeed)
	sh := newShell(t, s).withKey()

	out := sh.ok(t, addArgs("main")...)
	require.Contains(t, out.stdout, "Account main is active.")
	require.Contains(t, out.stdout, "424242")
	require.Contains(t, out.stdout, "Wallet.AccountTransfer")
	require.Contains(t, out.stderr, "Probing the key of main")

	account := decode[accountView](t, sh.ok(t, addArgs("other", "--json")...))
	require.Equal(t, "active", account.Status)
	require.Equal(t, map[string][]string{"Wallet": {"AccountTransfer"}}, account.KeyPermissions)
	require.NotNil(t, account.KeyExpiresAt)

	list := decode[struct{ Accounts []accountView }](t, sh.ok(t, "accounts", "list", "--json"))
	require.Len(t, list.Accounts, 2)
	require.Contains(t, sh.ok(t, "accounts", "list").stdout, "testnet")

	out = sh.run(t, addArgs("main")...)
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "set-key")
}

func TestTheKeyComesFromFiles(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	s.Work(apitest.Succeed)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	key, secret, empty := write("key", knownKey+"\n"), write("secret", knownSecret+"\r\n"), write("empty", "\n")
	sh := newShell(t, s)

	sh.ok(t, addArgs("flags", "--key-file", key, "--secret-file", secret)...)
	sh.with("BYBIT_API_KEY_FILE="+key, "BYBIT_API_SECRET_FILE="+secret).ok(t, addArgs("files")...)
	for _, name := range []string{"flags", "files"} {
		account, err := s.Ledger.AccountByName(t.Context(), name)
		require.NoError(t, err)
		var sealed []byte
		const read = `SELECT sealed FROM alphapulse.account_credentials WHERE account_id = $1`
		require.NoError(t, s.DB.QueryRow(t.Context(), read, account.ID).Scan(&sealed))
		opened, err := s.Opener.Open(account.ID, 1, sealed)
		require.NoError(t, err)
		require.Equal(t, knownKey, opened.Key.Reveal())
		require.Equal(t, knownSecret, opened.Secret.Reveal())
	}

	for says, run := range map[string]outcome{
		"BYBIT_API_KEY":    sh.run(t, addArgs("x")...),
		"BYBIT_API_SECRET": sh.with("BYBIT_API_KEY="+knownKey).run(t, addArgs("x")...),
		"is empty":         sh.run(t, addArgs("x", "--key-file", empty)...),
		"no such file":     sh.run(t, addArgs("x", "--key-file", dir+"/none")...),
		"both set":         sh.with("BYBIT_API_KEY="+knownKey, "BYBIT_API_KEY_FILE="+key).run(t, addArgs("x")...),
	} {
		require.Equal(t, exitUsage, run.code, says)
		require.Contains(t, run.stderr, says)
	}
}

// The three faults that look alike from outside must not be told alike.
func TestWhyAProbeFailed(t *testing.T) {
	t.Parallel()
	failed := func(class syncjob.Class, message string) func(*ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
		return apitest.Fail(class, message)
	}
	for name, test := range map[string]struct {
		answer apitest.Answer
		says   []string
	}{
		"a wrong key": {
			apitest.Refuse,
			[]string{"refused the key: API key is invalid", "a key of another environment", "bybit testnet", "set-key main"},
		},
		"a wrong key, told at length": {
			failed(syncjob.Auth, "not known; was it made in another environment than testnet?"),
			[]string{"refused the key: not known; was it made in another environment than testnet?; the account"},
		},
		"an unreachable host": {
			failed(syncjob.Transient, "dial tcp: connection refused"),
			[]string{"could not be reached: https://api-testnet.example.com", "connection refused"},
		},
		"a key that can trade": {
			failed(syncjob.Permission, "the key can trade (permissions: Spot.SpotTrade); allow it with --allow-write-key"),
			[]string{"Spot.SpotTrade", "--allow-write-key", "read-only key"},
		},
		"another fault": {failed(syncjob.Decode, "strange"), []string{"decode: strange", "accounts test main"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apitest.New(t)
			s.Work(test.answer)
			sh := newShell(t, s).withKey()
			out := sh.run(t, addArgs("main")...)
			require.Equal(t, exitFailure, out.code)
			for _, words := range append(test.says, "stays pending", "Next:") {
				require.Contains(t, out.stderr, words)
			}
			require.NotContains(t, out.stderr, "no worker")
			out = sh.run(t, "accounts", "test", "main", "--json")
			require.Equal(t, exitFailure, out.code)
			require.Equal(t, "pending", decode[accountView](t, out).Status)
		})
	}
}

// A fleet without workers: the deadline ends the probe.
func TestNoWorkerToProbeWith(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			<-ticker.C
			_, _ = s.DB.Exec(ctx, `UPDATE alphapulse.sync_runs SET deadline_at = clock_timestamp() - interval '1 s' WHERE status = 'running'`)
			_, _ = s.Ledger.EndOverdue(ctx, 10)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	out := newShell(t, s).withKey().run(t, addArgs("main")...)
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "no worker to probe its key with")
	require.Contains(t, out.stderr, "stays pending")
	require.Contains(t, out.stderr, "alphapulse worker")
}

// Nothing runs but the API.
func TestNobodyEndsTheProbe(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	out := newShell(t, s).withKey().run(t, addArgs("main", "--timeout", "300ms")...)
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "has not ended within 300ms")
	require.Contains(t, out.stderr, "alphapulse doctor")
}

func TestInterruptingAddLeavesTheAccountPending(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	claimed := make(chan struct{})
	s.Work(func(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
		close(claimed)
		return apitest.Hold(job)
	})
	sh := newShell(t, s).withKey()
	var cancel context.CancelFunc
	sh.ctx, cancel = context.WithCancel(t.Context())
	go func() {
		<-claimed
		cancel()
	}()
	out := sh.run(t, addArgs("main")...)
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "interrupted")
	require.Contains(t, out.stderr, "accounts test main")
	account, err := s.Ledger.AccountByName(t.Context(), "main")
	require.NoError(t, err)
	require.Equal(t, ledger.AccountPending, account.Status)
}

func TestAKeyDoesNotGoOverPlainHTTP(t *testing.T) {
	t.Parallel()
	sh := shell{[]string{"ALPHAPULSE_API=http://api.invalid:8080"}, t.Context()}.withKey()
	for _, args := range [][]string{addArgs("main"), {"accounts", "set-key", "main"}} {
		out := sh.run(t, args...)
		require.Equal(t, exitUsage, out.code)
		require.Contains(t, out.stderr, "--insecure-http")
	}
	// With the flag it is the address alone that fails.
	out := sh.run(t, addArgs("main", "--insecure-http")...)
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "cannot be reached")
}

func TestTheLifeOfAnAccount(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, func(c *api.Config, _ *api.Deps) { c.PollInterval = 50 * time.Millisecond })
	fleet := s.Work(apitest.Succeed)
	sh := newShell(t, s).withKey()
	sh.ok(t, addArgs("main")...)

	require.Contains(t, sh.ok(t, "accounts", "pause", "main", "--reason", "audit").stdout, "paused")
	out := sh.run(t, "sync", "main")
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "it is paused: audit")
	require.Contains(t, out.stderr, "accounts resume main")
	out = sh.run(t, "accounts", "test", "main")
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "accounts resume main")
	require.Contains(t, sh.ok(t, "accounts", "resume", "main").stdout, "Account main is active.")
	require.Contains(t, sh.ok(t, "accounts", "resume", "main").stdout, "active already")
	require.Contains(t, sh.ok(t, "accounts", "test", "main").stdout, "Account main is active.")
	require.Contains(t, sh.ok(t, "accounts", "cadence", "main", "--type", "prices", "--every", "20s").stdout, "every 20s")

	fleet.Set(apitest.Refuse)
	out = sh.run(t, "accounts", "set-key", "main")
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "the account is active", "the old key is in use")
	fleet.Set(apitest.Succeed)
	require.Greater(t, decode[accountView](t, sh.ok(t, "accounts", "set-key", "main", "--json")).KeyVersion, int32(1))

	out = sh.run(t, "accounts", "remove", "main")
	require.Equal(t, exitUsage, out.code)
	require.Contains(t, out.stderr, "--yes")
	require.Contains(t, sh.ok(t, "accounts", "remove", "main", "--yes").stdout, "removed")
	require.Contains(t, sh.ok(t, "accounts", "list").stdout, "no accounts yet")
	out = sh.run(t, "accounts", "test", "main")
	require.Equal(t, exitFailure, out.code)
	require.Contains(t, out.stderr, "there is no account")
}
