package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/hybrid/hpke"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// kind tells the two halves of a key apart.
type kind string

const (
	private kind = "private"
	public  kind = "public"
)

// ParseOpener reads a private key in the form that GenerateKeys writes.
func ParseOpener(text string) (*Opener, error) {
	handle, err := parse(text, private)
	if err != nil {
		return nil, err
	}

	return newOpener(handle)
}

// ParseSealer reads a public key in the form that GenerateKeys writes. A
// private key is refused: a process that only seals must not be able to open.
func ParseSealer(text string) (*Sealer, error) {
	handle, err := parse(text, public)
	if err != nil {
		return nil, err
	}

	return newSealer(handle)
}

func parse(text string, want kind) (*keyset.Handle, error) {
	// The causes are dropped here: they add nothing that helps, and might
	// quote a part of the key.
	content, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, fmt.Errorf("%w: it is not base64 on one line", ErrNotAKey)
	}
	defer clear(content)

	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(content)))
	if err != nil {
		return nil, fmt.Errorf("%w: it is not a keyset; was it cut off?", ErrNotAKey)
	}

	got, err := kindOf(handle)
	if err != nil {
		return nil, err
	}

	if got != want {
		return nil, &KindError{Want: string(want), Got: string(got)}
	}

	return handle, nil
}

// kindOf is the kind that all keys of the set share.
func kindOf(handle *keyset.Handle) (kind, error) {
	var found kind

	for index := range handle.Len() {
		entry, err := handle.Entry(index)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrNotAKey, err)
		}

		var one kind

		switch entry.Key().(type) {
		case *hpke.PrivateKey:
			one = private
		case *hpke.PublicKey:
			one = public
		default:
			return "", fmt.Errorf("%w: it is a key for another purpose", ErrNotAKey)
		}

		if found != "" && one != found {
			return "", fmt.Errorf("%w: it mixes private and public keys", ErrNotAKey)
		}

		found = one
	}

	return found, nil
}

// fingerprint is a digest of the ids and public keys of a public keyset, in
// their order.
func fingerprint(handle *keyset.Handle) (string, error) {
	digest := sha256.New()

	for index := range handle.Len() {
		entry, err := handle.Entry(index)
		if err != nil {
			return "", fmt.Errorf("reading the key: %w", err)
		}

		key, ok := entry.Key().(*hpke.PublicKey)
		if !ok {
			return "", errors.New("reading the key: it is not a public one")
		}

		_ = binary.Write(digest, binary.BigEndian, entry.KeyID()) // a hash never fails
		_, _ = digest.Write(key.PublicKeyBytes())
	}

	return "sha256:" + hex.EncodeToString(digest.Sum(nil)[:12]), nil
}

// encode is the text form of a keyset. For a private one it is the secret
// itself.
func encode(handle *keyset.Handle) (string, error) {
	var buffer bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&buffer)); err != nil {
		return "", fmt.Errorf("encoding the key: %w", err)
	}

	return base64.StdEncoding.EncodeToString(buffer.Bytes()) + "\n", nil
}
