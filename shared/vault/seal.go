package vault

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/hybrid"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// domain keeps these ciphertexts apart from anything else that may one day be
// sealed with the same key.
const domain = "alphapulse/account-credentials/1"

// Sealer encrypts credentials with the public key. It cannot decrypt them.
// It is safe for concurrent use.
type Sealer struct {
	encrypt     tink.HybridEncrypt
	fingerprint string
}

func newSealer(handle *keyset.Handle) (*Sealer, error) {
	encrypt, err := hybrid.NewHybridEncrypt(handle)
	if err != nil {
		return nil, fmt.Errorf("the key cannot encrypt: %w", err)
	}

	mark, err := fingerprint(handle)
	if err != nil {
		return nil, err
	}

	return &Sealer{encrypt: encrypt, fingerprint: mark}, nil
}

// Seal encrypts credentials for one account and one version of its key; what
// it returns opens for no other. Two calls never return the same bytes.
func (s *Sealer) Seal(accountID string, version int, credentials Credentials) ([]byte, error) {
	info, err := contextInfo(accountID, version)
	if err != nil {
		return nil, fmt.Errorf("sealing credentials: %w", err)
	}

	if err := credentials.validate(); err != nil {
		return nil, fmt.Errorf("sealing credentials: %w", err)
	}

	content, err := credentials.encode()
	if err != nil {
		return nil, fmt.Errorf("sealing credentials: %w", err)
	}
	defer clear(content)

	sealed, err := s.encrypt.Encrypt(content, info)
	if err != nil {
		return nil, fmt.Errorf("sealing credentials: %w", err)
	}

	return sealed, nil
}

// Fingerprint identifies the key: an Opener with the same one opens what this
// Sealer seals. It is no secret.
func (s *Sealer) Fingerprint() string { return s.fingerprint }

// contextInfo binds a ciphertext to its account and version. The version has
// a fixed length and stands before the id, so no two pairs share an encoding.
func contextInfo(accountID string, version int) ([]byte, error) {
	if accountID == "" {
		return nil, errors.New("the account has no id")
	}

	if version < 1 {
		return nil, fmt.Errorf("key version %d is not 1 or more", version)
	}

	info := binary.BigEndian.AppendUint64([]byte(domain), uint64(version))

	return append(info, accountID...), nil
}
