package vault

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/hybrid"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrCannotOpen is the error for credentials that do not open: sealed with
// another key, for another account or version, or damaged. Trying again does
// not help; new credentials (set-key) do.
var ErrCannotOpen = errors.New("the stored credentials cannot be opened")

// Opener decrypts credentials with the private key. It is safe for concurrent
// use.
type Opener struct {
	decrypt     tink.HybridDecrypt
	keyIDs      map[uint32]bool
	sealer      *Sealer
	fingerprint string
}

func newOpener(handle *keyset.Handle) (*Opener, error) {
	decrypt, err := hybrid.NewHybridDecrypt(handle)
	if err != nil {
		return nil, fmt.Errorf("the key cannot decrypt: %w", err)
	}

	public, err := handle.Public()
	if err != nil {
		return nil, fmt.Errorf("deriving the public key: %w", err)
	}

	sealer, err := newSealer(public)
	if err != nil {
		return nil, err
	}

	opener := &Opener{decrypt: decrypt, keyIDs: map[uint32]bool{}, sealer: sealer, fingerprint: sealer.fingerprint}
	for _, info := range handle.KeysetInfo().GetKeyInfo() {
		opener.keyIDs[info.GetKeyId()] = true
	}

	return opener, nil
}

// Open decrypts what a Sealer sealed for this account and version. Its error
// wraps ErrCannotOpen and names the account, the version and, where the bytes
// tell, that another key sealed them.
func (o *Opener) Open(accountID string, version int, sealed []byte) (Credentials, error) {
	info, err := contextInfo(accountID, version)
	if err != nil {
		return Credentials{}, fmt.Errorf("%w: %w", ErrCannotOpen, err)
	}

	content, err := o.decrypt.Decrypt(sealed, info)
	if err != nil {
		return Credentials{}, fmt.Errorf("%w: account %s, key version %d: %s",
			ErrCannotOpen, accountID, version, o.why(sealed))
	}
	defer clear(content)

	credentials, err := decodeCredentials(content)
	if err != nil {
		return Credentials{}, fmt.Errorf("%w: account %s, key version %d: %w",
			ErrCannotOpen, accountID, version, err)
	}

	return credentials, nil
}

// Fingerprint identifies the key; it equals that of the Sealer whose
// credentials this Opener opens.
func (o *Opener) Fingerprint() string { return o.fingerprint }

// Sealer encrypts with the public half of this key.
func (o *Opener) Sealer() *Sealer { return o.sealer }

// why reads Tink's output prefix, which is 1 and the id of the key that
// sealed, to tell a key that is not ours from content that is not.
func (o *Opener) why(sealed []byte) string {
	const prefixLength = 5

	if len(sealed) < prefixLength || sealed[0] != 1 {
		return "the content is damaged"
	}

	if id := binary.BigEndian.Uint32(sealed[1:prefixLength]); !o.keyIDs[id] {
		return fmt.Sprintf("it was sealed with another vault key than the one in use here (%s)", o.fingerprint)
	}

	return "it was sealed for another account or key version, or is damaged"
}
