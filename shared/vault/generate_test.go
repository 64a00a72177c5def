package vault_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alphapulse/alphapulse/shared/vault"
)

func read(t *testing.T, path string) string {
	t.Helper()

	content, err := os.ReadFile(path)
	require.NoError(t, err)

	return string(content)
}

func TestGenerateKeysWritesForTheOwnerAlone(t *testing.T) {
	t.Parallel()

	dir := filepath.Join(t.TempDir(), "new", "keys")
	require.NoError(t, vault.GenerateKeys(dir))

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "no temporary file stays behind")

	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
	}

	status, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), status.Mode().Perm())
}

func TestGenerateKeysNeverOverwrites(t *testing.T) {
	t.Parallel()

	for _, name := range []string{vault.PrivateKeyFile, vault.PublicKeyFile} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600))

			err := vault.GenerateKeys(dir)
			require.ErrorIs(t, err, vault.ErrKeysExist)
			require.ErrorContains(t, err, name)
			require.Equal(t, "mine", read(t, filepath.Join(dir, name)))

			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, entries, 1)
		})
	}
}

// Of many that start at once, one makes the pair and the others get an error;
// never is a pair left whose halves do not belong together.
func TestGenerateKeysAtOnce(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	errs := make([]error, 8)

	var waiting sync.WaitGroup
	for index := range errs {
		waiting.Go(func() { errs[index] = vault.GenerateKeys(dir) })
	}

	waiting.Wait()

	made := 0

	for _, err := range errs {
		if err == nil {
			made++
		} else {
			require.ErrorIs(t, err, vault.ErrKeysExist)
		}
	}

	require.Equal(t, 1, made)

	created, err := vault.EnsureKeys(dir)
	require.NoError(t, err)
	require.False(t, created)
}

func TestEnsureKeys(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	key, pub := filepath.Join(dir, "vault.key"), filepath.Join(dir, "vault.pub")

	created, err := vault.EnsureKeys(dir)
	require.NoError(t, err)
	require.True(t, created)

	before, half := read(t, key), read(t, pub)

	created, err = vault.EnsureKeys(dir)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, before, read(t, key))

	// The public half alone is missing: it is derived, not made anew.
	require.NoError(t, os.Remove(pub))

	created, err = vault.EnsureKeys(dir)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, half, read(t, pub))

	// The private half is missing: nothing is made.
	require.NoError(t, os.Remove(key))

	_, err = vault.EnsureKeys(dir)
	require.ErrorIs(t, err, vault.ErrKeyLost)
	require.ErrorContains(t, err, "set-key")
	require.NoFileExists(t, key)
}

func TestEnsureKeysRefusesHalvesOfDifferentPairs(t *testing.T) {
	t.Parallel()

	dir, other := t.TempDir(), t.TempDir()
	require.NoError(t, vault.GenerateKeys(dir))
	require.NoError(t, vault.GenerateKeys(other))
	require.NoError(t, os.Rename(filepath.Join(other, "vault.pub"), filepath.Join(dir, "vault.pub")))

	_, err := vault.EnsureKeys(dir)
	require.ErrorContains(t, err, "do not belong together")
}

func TestEnsureKeysRefusesAnExposedOrDamagedKey(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	require.NoError(t, vault.GenerateKeys(dir))
	require.NoError(t, os.Chmod(filepath.Join(dir, "vault.key"), 0o644))

	_, err := vault.EnsureKeys(dir)
	require.ErrorIs(t, err, vault.ErrExposed)

	require.NoError(t, os.Chmod(filepath.Join(dir, "vault.key"), 0o600))
	require.NoError(t, os.Truncate(filepath.Join(dir, "vault.key"), 40))

	_, err = vault.EnsureKeys(dir)
	require.ErrorIs(t, err, vault.ErrNotAKey)
}

func TestGenerateKeysNamesTheDirectoryItCannotMake(t *testing.T) {
	t.Parallel()

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))

	err := vault.GenerateKeys(filepath.Join(file, "keys"))
	require.Error(t, err)
	require.NotErrorIs(t, err, vault.ErrKeysExist)
	require.ErrorContains(t, err, file)
}
