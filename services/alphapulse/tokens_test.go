package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api"
	"github.com/alphapulse/alphapulse/services/api/apitest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

type createdToken struct {
	tokenView

	Token *string `json:"token"`
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, quick, func(c *api.Config, _ *api.Deps) { c.Token = vault.NewSecret(knownToken) })
	s.Add(t, "main")
	s.Work(apitest.Succeed)
	admin := newShell(t, s, "ALPHAPULSE_TOKEN="+knownToken)
	require.Contains(t, admin.ok(t, "tokens", "list").stdout, "no tokens yet")

	out := admin.ok(t, "tokens", "create", "reader", "--scopes", "read")
	text := strings.TrimSpace(out.stdout)
	require.Regexp(t, `^ap_\d+_[0-9a-f]{64}$`, text, "standard output has the token alone")
	require.NotContains(t, out.stderr, text)
	reader := newShell(t, s, "ALPHAPULSE_TOKEN="+text)
	reader.ok(t, "status")
	refused := reader.run(t, "sync", "main")
	require.Equal(t, exitFailure, refused.code)
	require.Contains(t, refused.stderr, "has not the scope sync")
	require.Contains(t, refused.stderr, "alphapulse tokens create")

	file := filepath.Join(t.TempDir(), "token")
	made := decode[createdToken](t, admin.ok(t, "tokens", "create", "ci", "--scopes", "sync,read", "--expires", "90d",
		"--token-file", file, "--json"))
	require.Nil(t, made.Token)
	require.Equal(t, []string{"read", "sync"}, made.Scopes)
	require.Equal(t, "static token", made.CreatedBy)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	ci := newShell(t, s, "ALPHAPULSE_TOKEN_FILE="+file)
	ci.ok(t, "sync", "main", "--wait")
	taken := admin.run(t, "tokens", "create", "other", "--scopes", "read", "--token-file", file)
	require.Equal(t, exitUsage, taken.code, "a file that is there is not written over")

	shown := decode[createdToken](t, admin.ok(t, "tokens", "create", "json", "--scopes", "admin", "--json"))
	newShell(t, s, "ALPHAPULSE_TOKEN="+*shown.Token).ok(t, "tokens", "revoke", "ci")
	ended := ci.run(t, "status")
	require.Equal(t, exitFailure, ended.code)
	require.Contains(t, ended.stderr, "was revoked")

	type list struct {
		Tokens []tokenView `json:"tokens"`
	}
	living := decode[list](t, admin.ok(t, "tokens", "list", "--json"))
	require.Len(t, living.Tokens, 2)
	require.Equal(t, "reader", living.Tokens[1].Name)
	require.NotNil(t, living.Tokens[1].LastUsedAt)
	all := admin.ok(t, "tokens", "list", "--all").stdout
	require.Contains(t, all, "revoked")
	require.NotContains(t, all, text)

	lost := filepath.Join(t.TempDir(), "lost")
	again := admin.run(t, "tokens", "create", "reader", "--scopes", "read", "--token-file", lost)
	require.Equal(t, exitFailure, again.code)
	require.Contains(t, again.stderr, "exists")
	require.NoFileExists(t, lost)
}
