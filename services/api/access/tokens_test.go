package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/services/api/access"
	"github.com/alphapulse/alphapulse/shared/postgres"
	"github.com/alphapulse/alphapulse/shared/postgres/pgtest"
	"github.com/alphapulse/alphapulse/shared/vault"
)

func TestFindTellsWhichTokenItIs(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	tokens := access.NewTokens(db)
	first, text, err := tokens.Create(t.Context(), access.NewToken{Name: "first", Scopes: []access.Scope{access.Read}, CreatedBy: "loopback"})
	require.NoError(t, err)
	_, other, err := tokens.Create(t.Context(), access.NewToken{Name: "second", Scopes: []access.Scope{access.Admin}, CreatedBy: "loopback"})
	require.NoError(t, err)
	found, err := tokens.Find(t.Context(), text)
	require.NoError(t, err)
	require.Equal(t, first.ID, found.ID)
	require.Equal(t, []access.Scope{access.Read}, found.Scopes)

	mixed := text.Reveal()[:strings.LastIndex(text.Reveal(), "_")+1] + other.Reveal()[strings.LastIndex(other.Reveal(), "_")+1:]
	for _, wrong := range []string{
		"", "ap_", "ap_1", "ap_1_", "ap_x_" + strings.Repeat("0", 64), "ap_999_" + strings.Repeat("0", 64), mixed,
		text.Reveal() + "0", text.Reveal()[:len(text.Reveal())-1], strings.ToUpper(text.Reveal()), "ap_-1_" + strings.Repeat("0", 64),
	} {
		_, err := tokens.Find(t.Context(), vault.NewSecret(wrong))
		require.ErrorIs(t, err, access.ErrUnknown, wrong)
	}
}

// The last use is noted to the minute, so that a busy token costs no writes.
func TestTheLastUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t).Open(t)
	tokens := access.NewTokens(db)
	_, text, err := tokens.Create(t.Context(), access.NewToken{Name: "a", Scopes: access.Scopes(), CreatedBy: "loopback"})
	require.NoError(t, err)
	used := func() *time.Time {
		_, err := tokens.Find(t.Context(), text)
		require.NoError(t, err)
		list, err := tokens.List(t.Context(), false)
		require.NoError(t, err)
		return list[0].LastUsedAt
	}
	first := used()
	require.NotNil(t, first)
	require.Equal(t, first, used())
	_, err = db.Exec(t.Context(), `UPDATE alphapulse.api_tokens SET last_used_at = last_used_at - interval '61 seconds'`)
	require.NoError(t, err)
	require.False(t, used().Before(*first))
}

// While the database is away, what it has just confirmed holds, and nothing else.
func TestTokensOutliveTheDatabaseForAMoment(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t, nil)
	require.NoError(t, postgres.Migrate(t.Context(), server.URL(), nil))
	db := server.DB().Open(t, func(c *postgres.Config) { c.ConnectTimeout, c.AcquireTimeout = time.Second, time.Second })
	now := time.Now()
	tokens := access.NewTokensAt(db, func() time.Time { return now })
	texts := map[string]vault.Secret{}
	for _, name := range []string{"used", "idle", "revoked"} {
		_, text, err := tokens.Create(t.Context(), access.NewToken{Name: name, Scopes: access.Scopes(), CreatedBy: "loopback"})
		require.NoError(t, err)
		texts[name] = text
	}
	for _, name := range []string{"used", "revoked"} {
		_, err := tokens.Find(t.Context(), texts[name])
		require.NoError(t, err)
	}
	_, err := tokens.Revoke(t.Context(), "revoked")
	require.NoError(t, err)
	server.Kill()
	found, err := tokens.Find(t.Context(), texts["used"])
	require.NoError(t, err)
	require.Equal(t, "used", found.Name)
	_, err = tokens.Find(t.Context(), vault.NewSecret(strings.Replace(texts["idle"].Reveal(), "ap_2_", "ap_1_", 1)))
	require.True(t, postgres.IsConnection(err), "another secret is not the one confirmed: %v", err)
	for _, name := range []string{"idle", "revoked"} {
		_, err = tokens.Find(t.Context(), texts[name])
		require.True(t, postgres.IsConnection(err), "%s: %v", name, err)
	}
	now = now.Add(31 * time.Second)
	_, err = tokens.Find(t.Context(), texts["used"])
	require.True(t, postgres.IsConnection(err), "%v", err)
}

func TestParseScopes(t *testing.T) {
	t.Parallel()
	scopes, err := access.ParseScopes([]string{"sync", "read", "sync"})
	require.NoError(t, err)
	require.Equal(t, "read,sync", access.JoinScopes(scopes))
	for _, wrong := range [][]string{nil, {""}, {"Read"}, {"read", "root"}} {
		_, err := access.ParseScopes(wrong)
		require.ErrorContains(t, err, "read,sync,operate,admin")
	}
	require.True(t, access.Allows(scopes, access.Read))
	require.False(t, access.Allows(scopes, access.Operate))
	require.True(t, access.Allows([]access.Scope{access.Admin}, access.Operate))
}
