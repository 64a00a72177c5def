package vault

import (
	"fmt"
	"io"
	"os"
)

const (
	// PrivateKeySetting holds the private key, for workers. With _FILE
	// appended it names the key's file instead.
	PrivateKeySetting = "ALPHAPULSE_VAULT_KEY"

	// PublicKeySetting holds the public key, for the api. With _FILE appended
	// it names the key's file instead.
	PublicKeySetting = "ALPHAPULSE_VAULT_PUBLIC_KEY"

	// GenerateCommand is the command that error messages name for making a
	// pair of keys.
	GenerateCommand = "alphapulse keygen DIR"

	fileSuffix = "_FILE"

	// maxKeyFile bounds what is read of a key file; a keyset of one key is
	// about 200 bytes.
	maxKeyFile = 64 << 10
)

// Lookup is the environment: os.LookupEnv, or a stand-in for it. An empty
// value counts as not set.
type Lookup func(name string) (string, bool)

// LoadOpener reads the private key from ALPHAPULSE_VAULT_KEY or
// ALPHAPULSE_VAULT_KEY_FILE. Its error is a [SettingError].
func LoadOpener(lookup Lookup) (*Opener, error) {
	return load(lookup, PrivateKeySetting, private, ParseOpener)
}

// LoadSealer reads the public key from ALPHAPULSE_VAULT_PUBLIC_KEY or
// ALPHAPULSE_VAULT_PUBLIC_KEY_FILE. Its error is a [SettingError].
func LoadSealer(lookup Lookup) (*Sealer, error) {
	return load(lookup, PublicKeySetting, public, ParseSealer)
}

// ReadOpener reads the private key from a file.
func ReadOpener(path string) (*Opener, error) {
	text, err := readKey(path, private)
	if err != nil {
		return nil, err
	}

	return ParseOpener(text)
}

// ReadSealer reads the public key from a file.
func ReadSealer(path string) (*Sealer, error) {
	text, err := readKey(path, public)
	if err != nil {
		return nil, err
	}

	return ParseSealer(text)
}

func load[K any](lookup Lookup, setting string, want kind, parse func(string) (*K, error)) (*K, error) {
	hint := fmt.Sprintf("%q makes a pair of keys: %s for the workers, %s for the api",
		GenerateCommand, PrivateKeyFile, PublicKeyFile)
	text, _ := lookup(setting)
	path, _ := lookup(setting + fileSuffix)

	switch {
	case text == "" && path == "":
		err := fmt.Errorf("%w (nor is %s)", ErrNoKey, setting+fileSuffix)

		return nil, &SettingError{Setting: setting, Err: err, hint: hint}
	case text != "" && path != "":
		err := fmt.Errorf("%s is set as well: leave one of them out", setting+fileSuffix)

		return nil, &SettingError{Setting: setting, Err: err}
	}

	if path != "" {
		var err error

		setting += fileSuffix

		text, err = readKey(path, want)
		if err != nil {
			return nil, &SettingError{Setting: setting, Err: err, hint: hint}
		}
	}

	key, err := parse(text)
	if err != nil {
		return nil, &SettingError{Setting: setting, Err: err, hint: hint}
	}

	return key, nil
}

// readKey reads a key's file after a look at its mode: a private key that
// everybody may read is no secret any more, and a key that everybody may
// change could be exchanged for somebody's own. A group may read, since
// container platforms give files to their users that way.
func readKey(path string, which kind) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading the %s vault key: %w", which, err)
	}
	defer file.Close()

	status, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("reading the %s vault key: %w", which, err)
	}

	if status.IsDir() {
		return "", fmt.Errorf("reading the %s vault key: %s is a directory; name the file %s in it",
			which, path, fileOf(which))
	}

	if err := checkMode(path, status.Mode(), which); err != nil {
		return "", err
	}

	content, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return "", fmt.Errorf("reading the %s vault key: %w", which, err)
	}
	defer clear(content)

	return string(content), nil
}

func checkMode(path string, mode os.FileMode, which kind) error {
	const (
		othersRead = 0o004
		notOwners  = 0o022
	)

	switch {
	case which == private && mode&othersRead != 0:
		return fmt.Errorf("%w: every user of this machine may read %s (mode %04o); run: chmod 600 %s",
			ErrExposed, path, mode.Perm(), path)
	case mode&notOwners != 0:
		return fmt.Errorf("%w: others than its owner may change %s (mode %04o); run: chmod 600 %s",
			ErrExposed, path, mode.Perm(), path)
	}

	return nil
}
