package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/hybrid"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

const (
	// PrivateKeyFile is the private key's file in a directory of keys.
	PrivateKeyFile = "vault.key"

	// PublicKeyFile is the public key's file in a directory of keys.
	PublicKeyFile = "vault.pub"
)

func fileOf(which kind) string {
	if which == private {
		return PrivateKeyFile
	}

	return PublicKeyFile
}

// GenerateKeys makes a new pair of keys and writes vault.key and vault.pub
// into dir, both with mode 0600; dir is created (0700) if need be. A file
// appears whole or not at all, and one that exists is never touched: if
// either does, the error is ErrKeysExist. If the process dies between the two,
// the private key is there and EnsureKeys derives the public one from it.
func GenerateKeys(dir string) error {
	for _, name := range []string{PrivateKeyFile, PublicKeyFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%w: %s; it is kept", ErrKeysExist, filepath.Join(dir, name))
		}
	}

	handle, err := keyset.NewHandle(hybrid.DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_AES_256_GCM_Key_Template())
	if err != nil {
		return fmt.Errorf("making a vault key: %w", err)
	}

	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("creating the directory of the vault keys: %w", err)
	}

	text, err := encode(handle)
	if err != nil {
		return err
	}

	if err := createFile(filepath.Join(dir, PrivateKeyFile), text); err != nil {
		return err
	}

	return writePublic(dir, handle)
}

// EnsureKeys makes a pair of keys where dir has none, and the public key
// where only that is missing. It reads what it found or made, so that a
// damaged or exposed key, or two halves that do not belong together, are
// errors at the start. A public key without its private one is ErrKeyLost:
// a new pair would make every stored credential unreadable without a word.
func EnsureKeys(dir string) (created bool, err error) {
	hasPrivate, hasPublic, err := present(dir)
	if err != nil {
		return false, err
	}

	switch {
	case !hasPrivate && hasPublic:
		return false, fmt.Errorf("%w: %s holds %s but not %s; put it back from a backup, or move %s away, "+
			"start again and enter the accounts' keys anew with set-key",
			ErrKeyLost, dir, PublicKeyFile, PrivateKeyFile, PublicKeyFile)
	case !hasPrivate:
		if err := GenerateKeys(dir); err != nil {
			return false, err
		}

		created = true
	case !hasPublic:
		if err := derivePublic(dir); err != nil {
			return false, err
		}
	}

	return created, checkPair(dir)
}

func present(dir string) (hasPrivate, hasPublic bool, err error) {
	for name, found := range map[string]*bool{PrivateKeyFile: &hasPrivate, PublicKeyFile: &hasPublic} {
		_, err := os.Lstat(filepath.Join(dir, name))

		switch {
		case err == nil:
			*found = true
		case !errors.Is(err, fs.ErrNotExist):
			return false, false, fmt.Errorf("looking for the vault keys: %w", err)
		}
	}

	return hasPrivate, hasPublic, nil
}

func derivePublic(dir string) error {
	text, err := readKey(filepath.Join(dir, PrivateKeyFile), private)
	if err != nil {
		return err
	}

	handle, err := parse(text, private)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, PrivateKeyFile), err)
	}

	return writePublic(dir, handle)
}

func checkPair(dir string) error {
	opener, err := ReadOpener(filepath.Join(dir, PrivateKeyFile))
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, PrivateKeyFile), err)
	}

	sealer, err := ReadSealer(filepath.Join(dir, PublicKeyFile))
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, PublicKeyFile), err)
	}

	if opener.Fingerprint() != sealer.Fingerprint() {
		return fmt.Errorf("%s and %s in %s do not belong together (%s, %s); move %s away and start again "+
			"to derive it from the private key",
			PrivateKeyFile, PublicKeyFile, dir, opener.Fingerprint(), sealer.Fingerprint(), PublicKeyFile)
	}

	return nil
}

func writePublic(dir string, handle *keyset.Handle) error {
	half, err := handle.Public()
	if err != nil {
		return fmt.Errorf("deriving the public vault key: %w", err)
	}

	text, err := encode(half)
	if err != nil {
		return err
	}

	return createFile(filepath.Join(dir, PublicKeyFile), text)
}

// createFile writes a file beside its place, syncs it and links it there: a
// link, unlike a rename, fails where a file exists.
func createFile(path, content string) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("writing a vault key: %w", err)
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // the link keeps the content

	_, err = temporary.WriteString(content)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("writing a vault key: %w", err)
	}

	err = os.Link(temporary.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s; it is kept", ErrKeysExist, path)
	}

	if err != nil {
		return fmt.Errorf("writing a vault key: %w", err)
	}

	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name in a directory survive a loss of power: what is
// sealed next must not outlive its key.
func syncDir(dir string) error {
	handle, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("writing a vault key: %w", err)
	}

	if err := errors.Join(handle.Sync(), handle.Close()); err != nil {
		return fmt.Errorf("writing a vault key: %w", err)
	}

	return nil
}
