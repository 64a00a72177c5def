package worker

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/vault"
)

func sealedKey(t *testing.T, opener *vault.Opener, account string, version int, key string) []byte {
	t.Helper()
	sealed, err := opener.Sealer().Seal(account, version, vault.Credentials{
		Key: vault.NewSecret(key), Secret: vault.NewSecret("secret"),
	})
	require.NoError(t, err)
	return sealed
}

// What is kept open is good for the bytes and the version that it was opened from, and
// for nothing else.
func TestAKeyIsKeptOpenForWhatItWasOpenedFrom(t *testing.T) {
	t.Parallel()
	opener := newOpener(t)
	first, second := sealedKey(t, opener, "a", 1, "first"), sealedKey(t, opener, "a", 2, "second")
	var k keyring
	for range 2 {
		key, err := k.open(opener, "a", 1, first)
		require.NoError(t, err)
		require.Equal(t, "first", key.Key.Reveal())
	}
	key, err := k.open(opener, "a", 2, second)
	require.NoError(t, err)
	require.Equal(t, "second", key.Key.Reveal(), "a new key")

	for _, forged := range []struct {
		account string
		version int
		sealed  []byte
	}{{"a", 1, second}, {"a", 2, first}, {"b", 2, second}, {"a", 2, []byte("damaged")}} {
		_, err := k.open(opener, forged.account, forged.version, forged.sealed)
		require.ErrorIs(t, err, vault.ErrCannotOpen)
	}
	_, err = k.open(opener, "a", 2, second)
	require.NoError(t, err)
}

func TestTheKeyringForgets(t *testing.T) {
	t.Parallel()
	var k keyring
	for n := range 3 * keyringSize {
		k.keep(fmt.Sprint(n), openedKey{version: n})
	}
	require.LessOrEqual(t, len(k.young)+len(k.old), 2*keyringSize)
	_, ok := k.find("0")
	require.False(t, ok)
	for n := 2 * keyringSize; n < 3*keyringSize; n++ {
		found, ok := k.find(fmt.Sprint(n))
		require.True(t, ok)
		require.Equal(t, n, found.version)
	}
}

func TestAKeyIsNotKeptOpenForEver(t *testing.T) {
	t.Parallel()
	opener := newOpener(t)
	sealed := sealedKey(t, opener, "a", 1, "key")
	synctest.Test(t, func(t *testing.T) {
		var k keyring
		_, err := k.open(opener, "a", 1, sealed)
		require.NoError(t, err)
		at := func() time.Time {
			found, _ := k.find("a")
			return found.at
		}
		opened := at()
		for range 2 {
			<-time.After(keyringAge / 2)
			_, err = k.open(opener, "a", 1, sealed)
			require.NoError(t, err)
		}
		require.Equal(t, keyringAge, at().Sub(opened), "it was opened again when it was too old, and not before")
	})
}

func TestAKeyThatNobodyUsesIsForgotten(t *testing.T) {
	t.Parallel()
	var k keyring
	began := time.Now()
	k.keep("gone", openedKey{at: began})
	k.keep("other", openedKey{at: began.Add(keyringAge)})
	_, found := k.find("gone")
	require.True(t, found)
	k.keep("other", openedKey{at: began.Add(2 * keyringAge)})
	_, found = k.find("gone")
	require.False(t, found)
}
