package vault_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/vault"
)

const account = "0197f3a2-8f3e-7c11-9d52-6f6a4b1c2d3e"

func newPair(t *testing.T) (*vault.Sealer, *vault.Opener) {
	t.Helper()

	dir := t.TempDir()
	require.NoError(t, vault.GenerateKeys(dir))

	sealer, err := vault.ReadSealer(dir + "/vault.pub")
	require.NoError(t, err)

	opener, err := vault.ReadOpener(dir + "/vault.key")
	require.NoError(t, err)

	return sealer, opener
}

func newCredentials() vault.Credentials {
	return vault.Credentials{Key: vault.NewSecret("the-api-key"), Secret: vault.NewSecret(hidden)}
}

func TestSealedCredentialsOpen(t *testing.T) {
	t.Parallel()

	sealer, opener := newPair(t)

	sealed, err := sealer.Seal(account, 3, newCredentials())
	require.NoError(t, err)
	require.NotContains(t, string(sealed), hidden)
	require.NotContains(t, string(sealed), "the-api-key")

	again, err := sealer.Seal(account, 3, newCredentials())
	require.NoError(t, err)
	require.NotEqual(t, sealed, again, "equal credentials must not look equal")

	opened, err := opener.Open(account, 3, sealed)
	require.NoError(t, err)
	require.Equal(t, "the-api-key", opened.Key.Reveal())
	require.Equal(t, hidden, opened.Secret.Reveal())

	// The private key's own public half seals for it as well.
	sealed, err = opener.Sealer().Seal(account, 1, newCredentials())
	require.NoError(t, err)
	_, err = opener.Open(account, 1, sealed)
	require.NoError(t, err)
}

func TestCredentialsOpenForNobodyElse(t *testing.T) {
	t.Parallel()

	sealer, opener := newPair(t)
	_, stranger := newPair(t)

	sealed, err := sealer.Seal(account, 3, newCredentials())
	require.NoError(t, err)

	flipped := append([]byte(nil), sealed...)
	flipped[len(flipped)-1] ^= 1

	for name, test := range map[string]struct {
		opener  *vault.Opener
		account string
		version int
		sealed  []byte
		says    string
	}{
		"another account":           {opener, strings.Replace(account, "0", "1", 1), 3, sealed, "another account"},
		"another version":           {opener, account, 2, sealed, "key version 2"},
		"no account":                {opener, "", 3, sealed, "no id"},
		"version zero":              {opener, account, 0, sealed, "key version 0"},
		"another key":               {stranger, account, 3, sealed, "another vault key"},
		"one bit changed":           {opener, account, 3, flipped, "damaged"},
		"cut off":                   {opener, account, 3, sealed[:20], "damaged"},
		"nothing":                   {opener, account, 3, nil, "damaged"},
		"plain text":                {opener, account, 3, []byte(`{"key":"` + hidden + `"}`), "damaged"},
		"id moved into the version": {opener, "\x03" + account, 3, sealed, "another account"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			opened, err := test.opener.Open(test.account, test.version, test.sealed)
			require.ErrorIs(t, err, vault.ErrCannotOpen)
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), hidden)
			require.True(t, opened.Key.IsEmpty())
			require.True(t, opened.Secret.IsEmpty())
		})
	}
}

func TestSealRefusesWhatNoExchangeIssued(t *testing.T) {
	t.Parallel()

	sealer, _ := newPair(t)
	key, secret := vault.NewSecret("k"), vault.NewSecret(hidden)

	for name, test := range map[string]struct {
		account string
		version int
		pair    vault.Credentials
		says    string
	}{
		"no key":       {account, 1, vault.Credentials{Secret: secret}, "API key is empty"},
		"no secret":    {account, 1, vault.Credentials{Key: key}, "API secret is empty"},
		"no account":   {"", 1, vault.Credentials{Key: key, Secret: secret}, "no id"},
		"no version":   {account, 0, vault.Credentials{Key: key, Secret: secret}, "version 0"},
		"far too long": {account, 1, vault.Credentials{Key: key, Secret: vault.NewSecret(strings.Repeat("x", 20<<10))}, "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			sealed, err := sealer.Seal(test.account, test.version, test.pair)
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), hidden)
			require.Nil(t, sealed)
		})
	}
}

func TestFingerprintIdentifiesThePair(t *testing.T) {
	t.Parallel()

	sealer, opener := newPair(t)
	stranger, _ := newPair(t)

	require.Regexp(t, `^sha256:[0-9a-f]{24}$`, sealer.Fingerprint())
	require.Equal(t, sealer.Fingerprint(), opener.Fingerprint())
	require.Equal(t, sealer.Fingerprint(), opener.Sealer().Fingerprint())
	require.NotEqual(t, sealer.Fingerprint(), stranger.Fingerprint())
}
