package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/ledger"
)

func TestSubAccounts(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	fleet := s.Work(apitest.Succeed)
	sh := newShell(t, s).withKey()
	sh.ok(t, addArgs("main")...)
	require.Contains(t, sh.ok(t, "accounts", "subs", "main").stdout, "alphapulse accounts test main")
	fleet.Set(func(job *ledger.Claimed) (*ledger.Outcome, *ledger.KeyFacts) {
		out, facts := apitest.Succeed(job)
		if facts != nil {
			facts.IsMaster, facts.SubAccounts = true, []ledger.SubAccount{{UID: "777", Name: "hedge", Status: "1"}}
		}
		return out, facts
	})
	require.Contains(t, sh.ok(t, "accounts", "test", "main").stdout, "master (its sub-accounts: alphapulse accounts subs main)")
	out := sh.ok(t, "accounts", "subs", "main").stdout
	for _, words := range []string{"777", "hedge", "normal", "--sub-of main --uid UID"} {
		require.Contains(t, out, words)
	}
	missing := sh.run(t, "accounts", "add", "x", "--sub-of", "main")
	require.Equal(t, exitUsage, missing.code)
	require.Contains(t, missing.stderr, "accounts subs main")
	require.Equal(t, exitUsage, sh.run(t, "accounts", "add", "x", "--sub-of", "main", "--uid", "777", "--env", "testnet").code)
	other := sh.run(t, "accounts", "add", "x", "--sub-of", "main", "--uid", "778")
	require.Equal(t, exitFailure, other.code)
	require.Contains(t, other.stderr, "has no sub-account of UID 778")

	sh.ok(t, "accounts", "add", "hedge", "--sub-of", "main", "--uid", "777")
	view := decode[subsView](t, sh.ok(t, "accounts", "subs", "main", "--json"))
	require.True(t, view.IsMaster)
	require.Equal(t, "main", view.Account)
	require.NotNil(t, view.ListedAt)
}

// An RSA key is the content of a file, with its line breaks.
func TestAnRSAKeyComesFromAFile(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick)
	s.Work(apitest.Succeed)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	sh := newShell(t, s, "BYBIT_API_KEY="+knownKey)
	out := sh.ok(t, addArgs("main", "--secret-file", file)...)
	require.NotContains(t, out.stdout+out.stderr, "PRIVATE KEY")
	sh.ok(t, "accounts", "set-key", "main", "--secret-file", file)
	require.NoError(t, os.WriteFile(file, text[:200], 0o600))
	cut := sh.run(t, "accounts", "set-key", "main", "--secret-file", file)
	require.Equal(t, exitFailure, cut.code)
	require.Contains(t, cut.stderr, "copy the whole file")
}
