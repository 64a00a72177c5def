package vault_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/alphapulse/alphapulse/shared/vault"
)

func lookup(environment map[string]string) vault.Lookup {
	return func(name string) (string, bool) {
		value, ok := environment[name]

		return value, ok
	}
}

func newKeys(t *testing.T) (dir, private, public string) {
	t.Helper()

	dir = t.TempDir()
	require.NoError(t, vault.GenerateKeys(dir))

	return dir, read(t, filepath.Join(dir, "vault.key")), read(t, filepath.Join(dir, "vault.pub"))
}

func TestLoadFromValueAndFile(t *testing.T) {
	t.Parallel()

	dir, private, public := newKeys(t)

	for name, environment := range map[string]map[string]string{
		"values": {vault.PrivateKeySetting: private, vault.PublicKeySetting: strings.TrimSpace(public)},
		"files": {
			vault.PrivateKeySetting + "_FILE": filepath.Join(dir, "vault.key"),
			vault.PublicKeySetting + "_FILE":  filepath.Join(dir, "vault.pub"),
		},
		"files, and empty values": {
			vault.PrivateKeySetting: "", vault.PublicKeySetting: "",
			vault.PrivateKeySetting + "_FILE": filepath.Join(dir, "vault.key"),
			vault.PublicKeySetting + "_FILE":  filepath.Join(dir, "vault.pub"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			opener, err := vault.LoadOpener(lookup(environment))
			require.NoError(t, err)

			sealer, err := vault.LoadSealer(lookup(environment))
			require.NoError(t, err)

			sealed, err := sealer.Seal(account, 1, newCredentials())
			require.NoError(t, err)

			opened, err := opener.Open(account, 1, sealed)
			require.NoError(t, err)
			require.Equal(t, hidden, opened.Secret.Reveal())
		})
	}
}

func foreignKey(t *testing.T) string {
	t.Helper()

	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	require.NoError(t, err)

	var out strings.Builder
	require.NoError(t, insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&out)))

	return base64.StdEncoding.EncodeToString([]byte(out.String()))
}

func TestLoadOpenerSaysWhatIsWrong(t *testing.T) {
	t.Parallel()

	dir, private, public := newKeys(t)
	setting, fileSetting := vault.PrivateKeySetting, vault.PrivateKeySetting+"_FILE"
	key := filepath.Join(dir, "vault.key")

	for name, test := range map[string]struct {
		environment map[string]string
		setting     string
		says        []string
		is          error
	}{
		"not set":      {nil, setting, []string{fileSetting, vault.GenerateCommand, "vault.key"}, vault.ErrNoKey},
		"both set":     {map[string]string{setting: private, fileSetting: key}, setting, []string{fileSetting, "leave one"}, nil},
		"no file":      {map[string]string{fileSetting: dir + "/nowhere"}, fileSetting, []string{dir + "/nowhere", vault.GenerateCommand}, os.ErrNotExist},
		"a directory":  {map[string]string{fileSetting: dir}, fileSetting, []string{"is a directory", "vault.key"}, nil},
		"public key":   {map[string]string{setting: public}, setting, []string{"public", "the private one (vault.key)"}, nil},
		"not base64":   {map[string]string{setting: "%%%" + private}, setting, []string{"base64"}, vault.ErrNotAKey},
		"not a keyset": {map[string]string{setting: "aGVsbG8="}, setting, []string{"not a keyset"}, vault.ErrNotAKey},
		"cut off":      {map[string]string{setting: private[:100]}, setting, []string{"cut off"}, vault.ErrNotAKey},
		"a key for another purpose": {
			map[string]string{setting: foreignKey(t)},
			setting,
			[]string{"another purpose"},
			vault.ErrNotAKey,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			opener, err := vault.LoadOpener(lookup(test.environment))
			require.Nil(t, opener)

			var wrong *vault.SettingError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, test.setting, wrong.Setting)

			for _, text := range append(test.says, test.setting) {
				require.ErrorContains(t, err, text)
			}

			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}

			require.NotContains(t, err.Error(), private[20:60], "the key must not be repeated")
		})
	}
}

func TestLoadSealerRefusesThePrivateKey(t *testing.T) {
	t.Parallel()

	dir, private, _ := newKeys(t)

	for name, environment := range map[string]map[string]string{
		"value": {vault.PublicKeySetting: private},
		"file":  {vault.PublicKeySetting + "_FILE": filepath.Join(dir, "vault.key")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := vault.LoadSealer(lookup(environment))

			var kind *vault.KindError
			require.ErrorAs(t, err, &kind)
			require.Equal(t, vault.KindError{Want: "public", Got: "private"}, *kind)
			require.ErrorContains(t, err, vault.PublicKeySetting)
			require.NotContains(t, err.Error(), private[20:60])
		})
	}
}

func TestKeyFilesOfOthersAreRefused(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		file    string
		mode    os.FileMode
		refused bool
	}{
		"private, owner":             {"vault.key", 0o600, false},
		"private, owner, read only":  {"vault.key", 0o400, false},
		"private, group reads":       {"vault.key", 0o440, false},
		"private, everybody reads":   {"vault.key", 0o644, true},
		"private, group writes":      {"vault.key", 0o660, true},
		"public, everybody reads":    {"vault.pub", 0o644, false},
		"public, everybody writes":   {"vault.pub", 0o666, true},
		"public, others write alone": {"vault.pub", 0o602, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			dir, _, _ := newKeys(t)
			path := filepath.Join(dir, test.file)
			require.NoError(t, os.Chmod(path, test.mode))

			var err error
			if test.file == "vault.key" {
				_, err = vault.ReadOpener(path)
			} else {
				_, err = vault.ReadSealer(path)
			}

			if !test.refused {
				require.NoError(t, err)

				return
			}

			require.ErrorIs(t, err, vault.ErrExposed)
			require.ErrorContains(t, err, "chmod 600 "+path)
		})
	}
}
